"""Dates that fill a form: 2026 年 7 月 1 日, its parts set far from each other, is one line."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.model import ctc
from daemon.ocr.records import Character, Line, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import Rules

    Found = tuple[Line, Reading]

_APART = 4.0  # of its height: so far from a line the date that it begins may go on
_TOUCHING = 0.5  # of its height: by so much boxes with their margins may overlap
_MOST = 6  # parts: a date is three numerals and three words at most
_YEAR, _MONTH, _DAY = r"(?<!\d)(?:\d{4}|\d{2})", r"(?:0?[1-9]|1[0-2])", r"(?:[12]\d|3[01]|0?[1-9])"
_DATE = re.compile(
    rf"(?:{_YEAR}\s*)?年\s*(?:{_MONTH}\s*)?月(?:\s*(?:{_DAY}\s*)?日)?"
    rf"|(?<!\d){_MONTH}\s*月\s*{_DAY}\s*日"
)


def joined(
    gray: Pixels, lines: Sequence[Line], readings: Sequence[Reading], rules: Rules
) -> list[Found]:
    """Return the lines of the page `gray` with their readings, those of one date as one line."""
    found = list(zip(lines, readings, strict=True))
    onward = _onward(found, rules)
    later = set(onward.values())
    return [
        _one(gray, parts)
        for first in range(len(found))
        if first not in later
        for parts in _dates([found[k] for k in _chain(first, onward)])
    ]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the dates of a text begin and end; a form's may lack numerals: 年 月 日."""
    for date in _DATE.finditer(text):
        yield date.span()


def _dates(chain: Sequence[Found]) -> Iterator[Sequence[Found]]:
    """Yield the lines of a chain, as many at a time as one date runs through to its end."""
    while chain:
        most = min(len(chain), _MOST)
        count = next((n for n in range(most, 1, -1) if _is_one(chain[:n])), 1)
        yield chain[:count]
        chain = chain[count:]


def _is_one(parts: Sequence[Found]) -> bool:
    """Tell whether a date begins in the first of the parts and ends where the last one does."""
    text = "".join(reading.text for _, reading in parts)
    begun = len(parts[0][1].text)
    return any(start < begun and stop == len(text) for start, stop in spans(text))


def _goes_on(before: str, after: str) -> bool:
    """Tell whether the end of one text and the beginning of another may be of one date."""
    last, first = before[-1], after[0]
    return (last.isdigit() and first in "年月日") or (
        last in "年月" and (first.isdigit() or first in "月日")
    )


def _onward(found: Sequence[Found], rules: Rules) -> dict[int, int]:
    """Return, by the place of each line whose date may go on, the place of what goes on."""
    onward: dict[int, int] = {}
    taken: set[int] = set()
    sides = np.array([astuple(line.box) for line, _ in found], np.int64).reshape(-1, 4)
    for place, (line, reading) in enumerate(found):
        if not (reading.text[-1:].isdigit() or reading.text.endswith(("年", "月"))):
            continue
        near = [k for k in _beside(sides, place) if line.box.precedes_in_row(found[k][0].box)]
        if not near:
            continue
        nearest = min(near, key=lambda k: found[k][0].box.left)
        other, after = found[nearest]
        level = line.corners is None and other.corners is None
        is_free = nearest not in taken and not _is_parted(line.box, other.box, rules)
        if level and is_free and _goes_on(reading.text, after.text):
            onward[place] = nearest
            taken.add(nearest)
    return onward


def _beside(sides: NDArray[np.int64], place: int) -> list[int]:
    """Return the places of the boxes, `sides` N,4, that begin near the right end of one of them."""
    left, top, _, bottom = sides.T
    _, own_top, own_right, own_bottom = sides[place]
    height, gap = own_bottom - own_top, left - own_right
    beside = (gap >= -_TOUCHING * height) & (gap <= _APART * height)
    return list(np.flatnonzero(beside & (top < own_bottom) & (bottom > own_top)))


def _is_parted(box: Box, other: Box, rules: Rules) -> bool:
    """Tell whether a rule stands between two boxes of a row."""
    left, right = sorted((box.right, other.left))
    y = (max(box.top, other.top) + min(box.bottom, other.bottom)) // 2
    return any(
        rule.left <= right and rule.right >= left and rule.top <= y < rule.bottom
        for rule in rules.down
    )


def _chain(first: int, onward: Mapping[int, int]) -> Iterator[int]:
    yield first
    while first in onward:
        first = onward[first]
        yield first


def _one(gray: Pixels, parts: Sequence[Found]) -> Found:
    """Return the parts, from left to right, as one line, with white between."""
    if len(parts) == 1:
        return parts[0]
    box = Box.around(line.box for line, _ in parts)
    characters: list[Character] = []
    for line, reading in parts:
        left = (line.box.left - box.left) / (box.right - box.left)
        if characters:
            characters.append(Character(" ", 1.0, characters[-1].right, left))
        share = (line.box.right - line.box.left) / (box.right - box.left)
        characters += (
            Character(c.text, c.confidence, left + c.left * share, left + c.right * share)
            for c in reading.characters
        )
    text = "".join(character.text for character in characters)
    sure = ctc.combined([c.confidence for _, reading in parts for c in reading.characters])
    image = gray[box.top : box.bottom, box.left : box.right]
    return Line(box, image), Reading(text, sure, tuple(characters))
