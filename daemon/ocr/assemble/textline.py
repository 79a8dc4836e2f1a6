"""A line as published: its words and where they stand.

A word is a run of characters without white space, broken where Chinese, Japanese or Korean script
meets another; punctuation stays with what stands before it. Its confidence is the geometric mean of
its characters'.

Between Chinese and Latin letters or digits, white of less than a character is no space but
typesetting (W3C, Requirements for Chinese Text Layout, has a quarter of one), and is not published:
who looks for 2026年 finds it. Nor is the white within a date, or between characters set apart to
fill a cell: who looks for a form's 姓名 finds it.
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
    from daemon.ocr.records import Character, Corners, Line, Reading

_EM = 0.8  # of the crop's height is a Chinese character's width


def published(line: Line, reading: Reading, frame: CoordinateFrame) -> TextLine:
    """Return the line with its words, boxes in the original frame."""
    corners = corners_of(line.box) if line.corners is None else line.corners
    words = tuple(
        Word(
            text="".join(character.text for character in run),
            confidence=_geometric_mean([character.confidence for character in run]),
            box=frame.box(_part(corners, run[0].left, run[-1].right)),
        )
        for run in _runs(_reaching(reading.characters))
    )
    height, width = line.image.shape
    text = _unspaced(reading.characters, _EM * height / width)
    return TextLine(text, reading.confidence, frame.box(corners), words)


def _unspaced(characters: Sequence[Character], em: float) -> str:
    """Return the text less the white of typesetting; `em` is a character's share of the line."""
    if _is_spaced_out(characters, em):
        return "".join(character.text for character in characters[::2])
    whole = "".join(character.text for character in characters)
    in_date = {k for start, stop in dates.spans(whole) for k in range(start, stop)}
    text = ""
    for k, character in enumerate(characters):
        within = character.text == " " and 0 < k < len(characters) - 1
        if within and (k in in_date or _is_typeset(characters[k - 1], characters[k + 1], em)):
            continue
        text += character.text
    return text


def _is_spaced_out(characters: Sequence[Character], em: float) -> bool:
    """Tell whether a line is of Chinese characters, half of one or more apart from the next."""
    inked = characters[::2]
    return (
        len(characters) % 2 == 1
        and all(_script(character.text) == "chinese" for character in inked)
        and all(character.text.isspace() for character in characters[1::2])
        and all(after.left - before.left >= 1.5 * em for before, after in pairwise(inked))
    )


def _is_typeset(before: Character, after: Character, em: float) -> bool:
    """Tell whether the white between two characters is what typesetting puts between scripts."""
    scripts = [_script(before.text), _script(after.text)]
    if sorted(scripts) != ["chinese", "latin"]:
        return False
    own = em if scripts[0] == "chinese" else em / 2  # CTC tells where one begins, not where it ends
    return after.left - before.left - own < em


def _script(text: str) -> Literal["chinese", "latin", "other"]:
    """Return what a character is of; digits are set as Latin letters are."""
    name = unicodedata.name(text[:1], "")
    if name.startswith("CJK UNIFIED"):
        return "chinese"
    return "latin" if text.isdigit() or name.startswith("LATIN") else "other"


def _part(corners: Corners, left: float, right: float) -> Corners:
    """Return the corners of what lies between two shares, 0..1, of a line's length."""
    upper, lower = corners[:2], corners[[3, 2]]
    along = np.array([[1 - left, left], [1 - right, right]])
    return np.concatenate([along @ upper, (along @ lower)[::-1]])


def _reaching(characters: Sequence[Character]) -> list[Character]:
    """Return the characters each reaching to where the next begins, the last to the line's end.

    CTC names a character where it begins and falls silent before it ends: on rendered lines the
    left edges were off by 2 pixels and the right edges short by half a character.
    """
    ends = [*(after.left for after in characters[1:]), 1.0]
    return [
        replace(character, right=max(character.right, end))
        for character, end in zip(characters, ends, strict=True)
    ]


def _geometric_mean(confidences: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(max(c, 1e-9)) for c in confidences) / len(confidences))


def _runs(characters: Sequence[Character]) -> Iterator[list[Character]]:
    """Yield the characters word by word."""
    run: list[Character] = []
    script: bool | None = None
    for character in characters:
        if character.text.isspace():
            if run:
                yield run
            run, script = [], None
            continue
        its = is_cjk(character.text)
        if run and its is not None and script is not None and its != script:
            yield run
            run = []
        run.append(character)
        script = script if its is None else its
    if run:
        yield run
