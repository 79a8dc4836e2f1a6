"""Which files a command line means."""

from __future__ import annotations

import pytest

from daemon.cli.name_patterns import NamePatterns

PATHS = ["n.txt", "deep/n.txt", "deep/a[1].png", "b.png", "deep/b.png", "deep/c.png"]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("n.txt", ["n.txt"]),
        ("deep/n.txt", ["deep/n.txt"]),
        ("c.png", ["deep/c.png"]),
        ("deep/*", ["deep/n.txt", "deep/a[1].png", "deep/b.png", "deep/c.png"]),
        ("*/b.png", ["deep/b.png"]),
        ("[bc].png", ["b.png", "deep/b.png", "deep/c.png"]),
        ("deep/a[1].png", ["deep/a[1].png"]),
        ("gone.png", []),
    ],
)
def test_a_path_means_one_file_and_a_name_those_of_all_folders(
    pattern: str, meant: list[str]
) -> None:
    patterns = NamePatterns([pattern], PATHS)

    assert [path for path in PATHS if patterns.match(path)] == meant
    assert patterns.unmatched == ([] if meant else [pattern])
