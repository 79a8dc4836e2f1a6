"""The list of words that reading knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.commands import LEXICON, app


def lists(texts: Path, american: str, british: str | None) -> None:
    for package, name, words in (
        ("wamerican", "american-english", american),
        ("wbritish", "british-english", british),
    ):
        if words is not None:
            folder = texts / package / "usr/share/dict"
            folder.mkdir(parents=True)
            (folder / name).write_text(words, "utf-8")


def test_the_words_of_both_lists_are_written_in_lower_case_and_sorted(tmp_path: Path) -> None:
    lists(tmp_path / "texts", "Color\ncolor's\nfor\ndon't\nAnna's\n", "colour\ncafé\ncolor\n")

    outcome = CliRunner().invoke(
        app, ["lexicon", str(tmp_path / "words.txt"), "--supplies", str(tmp_path)]
    )

    assert outcome.exit_code == 0
    assert (tmp_path / "words.txt").read_text("utf-8") == "anna\ncolor\ncolour\n"


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    lists(tmp_path / "texts", "color\n", None)

    with pytest.raises(FileNotFoundError, match="british-english"):
        CliRunner().invoke(
            app, ["lexicon", str(tmp_path / "w"), "--supplies", str(tmp_path)],
            catch_exceptions=False,
        )  # fmt: skip


def test_what_ships_has_words_and_its_licence_beside_it() -> None:
    words = LEXICON.read_text("utf-8").split()

    assert words == sorted(set(words))
    assert {"invoice", "colour", "color", "department"} <= set(words)
    assert all(len(word) >= 4 and word.isascii() and word.islower() for word in words)
    assert "SCOWL" in LEXICON.with_suffix(".LICENSE").read_text("utf-8")
