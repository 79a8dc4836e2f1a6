"""The list of words that reading knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core import lexicon
from daemon.core.errors import Misconfigured


def test_a_list_is_taken_in_any_case(tmp_path: Path):
    (tmp_path / "words.txt").write_text("Total\nLABEL\n", "utf-8")

    assert lexicon.read(tmp_path / "words.txt") == {"total", "label"}


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_refused_with_its_key(tmp_path: Path, content: bytes | None):
    path = tmp_path / "words.txt"
    if content:
        path.write_bytes(content)

    with pytest.raises(Misconfigured) as caught:
        lexicon.read(path)

    assert (caught.value.key, caught.value.value) == ("model.lexicon", path)
