"""Text lines as published: their words, and where these are.

A word is a run of characters without white space, split where Chinese, Japanese or Korean script
meets another one; punctuation stays with what precedes it. Its confidence is the geometric mean of
that of its characters.

Between Chinese and Latin letters or digits, a gap of less than a character is not a space but
typography (W3C, Requirements for Chinese Text Layout, recommends a quarter of one), and is not
published: a search for 2026年 finds it. The same holds for the spaces in a date, and between
characters spaced out to fill a cell: a search for 姓名 in a form finds it.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from daemon.core.records import TextLine, Word
from daemon.ocr.assemble import dates
from daemon.ocr.assemble.frame import corners_of
from daemon.ocr.assemble.plain_text import is_cjk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.ocr.assemble.frame import CoordinateFrame
    from daemon.ocr.records import Corners, LineCrop, RecognizedCharacter, RecognizedLine

_EM = 0.8  # width of a Chinese character as a share of the height of the crop


def to_text_line(line: LineCrop, reading: RecognizedLine, frame: CoordinateFrame) -> TextLine:
    """Return the line with its words, boxes in the original frame."""
    corners = corners_of(line.box) if line.corners is None else line.corners
    words = tuple(
        Word(
            text="".join(character.text for character in run),
            confidence=_geometric_mean([character.confidence for character in run]),
            box=frame.original_box(
                _quad_between(corners, _along(line, run[0].left), _along(line, run[-1].right))
            ),
        )
        for run in _words(_extended(reading.characters))
    )
    text = text_of(line, reading)
    box = frame.original_box(corners)
    return TextLine(text, reading.confidence, box, words, line.direction)


def text_of(line: LineCrop, reading: RecognizedLine) -> str:
    """Return the text of a line as published, without typographic spaces."""
    height, width = line.image.shape
    return _without_typographic_spaces(reading.characters, _EM * height / width)


def _along(line: LineCrop, position: float) -> float:
    """Return where on the line, 0..1, a position along its crop is."""
    return position if line.stops is None else float(np.interp(position, *line.stops.T))


def _without_typographic_spaces(characters: Sequence[RecognizedCharacter], em: float) -> str:
    """Return the text without typographic spaces; `em` is a character's share of the line."""
    if _is_spaced_out(characters, em):
        return "".join(character.text for character in characters[::2])
    spaced_text = "".join(character.text for character in characters)
    in_date = {k for start, stop in dates.date_spans(spaced_text) for k in range(start, stop)}
    text = ""
    for k, character in enumerate(characters):
        is_inner_space = character.text == " " and 0 < k < len(characters) - 1
        if is_inner_space and (
            k in in_date or _is_typographic_space(characters[k - 1], characters[k + 1], em)
        ):
            continue
        text += character.text
    return text


def _is_spaced_out(characters: Sequence[RecognizedCharacter], em: float) -> bool:
    """Tell whether a line is single Chinese characters, half a character or more apart."""
    visible = characters[::2]
    return (
        len(characters) % 2 == 1
        and all(_script(character.text) == "chinese" for character in visible)
        and all(character.text.isspace() for character in characters[1::2])
        and all(after.left - before.left >= 1.5 * em for before, after in pairwise(visible))
    )


def _is_typographic_space(
    before: RecognizedCharacter, after: RecognizedCharacter, em: float
) -> bool:
    """Tell whether the gap between two characters is the typographic one between scripts."""
    scripts = [_script(before.text), _script(after.text)]
    if sorted(scripts) != ["chinese", "latin"]:
        return False
    width_before = em if scripts[0] == "chinese" else em / 2  # CTC aligns the start, not the end
    return after.left - before.left - width_before < em


def _script(text: str) -> Literal["chinese", "latin", "other"]:
    """Return the script of a character; digits are set as Latin letters are."""
    name = unicodedata.name(text[:1], "")
    if name.startswith("CJK UNIFIED"):
        return "chinese"
    return "latin" if text.isdigit() or name.startswith("LATIN") else "other"


def _quad_between(corners: Corners, left: float, right: float) -> Corners:
    """Return the corners of the part between two positions, 0..1, along a line."""
    upper, lower = corners[:2], corners[[3, 2]]
    weights = np.array([[1 - left, left], [1 - right, right]])
    return np.concatenate([weights @ upper, (weights @ lower)[::-1]])


def _extended(characters: Sequence[RecognizedCharacter]) -> list[RecognizedCharacter]:
    """Return the characters, each extended to the start of the next, the last to the line's end.

    CTC emits a character where it begins and blanks before it ends: on rendered lines the left
    edges were off by 2 pixels and the right edges short by half a character.
    """
    right_edges = [*(after.left for after in characters[1:]), 1.0]
    return [
        replace(character, right=max(character.right, end))
        for character, end in zip(characters, right_edges, strict=True)
    ]


def _geometric_mean(confidences: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(max(c, 1e-9)) for c in confidences) / len(confidences))


def _words(characters: Sequence[RecognizedCharacter]) -> Iterator[list[RecognizedCharacter]]:
    """Yield the characters word by word."""
    run: list[RecognizedCharacter] = []
    script: bool | None = None
    for character in characters:
        if character.text.isspace():
            if run:
                yield run
            run, script = [], None
            continue
        is_cjk_character = is_cjk(character.text)
        if (
            run
            and is_cjk_character is not None
            and script is not None
            and is_cjk_character != script
        ):
            yield run
            run = []
        run.append(character)
        script = script if is_cjk_character is None else is_cjk_character
    if run:
        yield run
