"""The character set."""

from __future__ import annotations

import pytest

from daemon.ocr.model.charset import BLANK, Charset


def test_the_blank_stands_for_nothing():
    assert Charset.of("ab").character(BLANK) == ""


def test_classes_count_the_characters_from_one():
    charset = Charset.of("ab ")

    assert [charset.character(label) for label in (1, 2, 3)] == ["a", "b", " "]


def test_a_network_needs_one_class_more_than_there_are_characters():
    assert Charset.of("abc").classes == 4


def test_compatibility_ideographs_become_the_ideographs_that_people_type():
    assert Charset.of("\uf92c").characters == "\u90ce"


@pytest.mark.parametrize("character", ["", "ab", "\r\n", "\u0958"])
def test_a_class_that_is_not_one_composed_code_point_is_rejected(character: str):
    with pytest.raises(ValueError, match="one code point"):
        Charset.of(["a", character])
