"""Daemons on one inbox that start and end beside each other; `tests.torture.starts` has more."""

from __future__ import annotations

from pathlib import Path

from tests.torture.starts import failed_starts


def test_no_start_fails_beside_daemons_that_are_killed_and_no_file_lacks_an_answer(
    tmp_path: Path,
) -> None:
    assert failed_starts(tmp_path, starts=10, daemons=3, seed=1) == []
