"""Dates that fill a form: 2026 年 7 月 1 日, its parts set far from each other, is one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.model import ctc
from daemon.ocr.nouns import Character, Line, Reading
from daemon.records import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.ocr.nouns import Rules
    from daemon.records import Pixels

    Found = tuple[Line, Reading]

_APART = 4.0  # of its height: so far from a line the date that it begins may go on
_TOUCHING = 0.5  # of its height: by so much boxes with their margins may overlap
_PART = re.compile(r"[\d年月日\s]{1,10}")  # a line that is nothing but part of a date


def joined(
    gray: Pixels, lines: Sequence[Line], readings: Sequence[Reading], rules: Rules
) -> list[Found]:
    """Return the lines of the page `gray` with their readings, those of one date as one line."""
    found = list(zip(lines, readings, strict=True))
    onward = {k: _onward(found[k], found, rules) for k in range(len(found))}
    later = set(onward.values())
    return [
        _one(gray, [found[k] for k in _chain(first, onward)])
        for first in range(len(found))
        if first not in later
    ]


def is_within(before: str, after: str) -> bool:
    """Tell whether one date ends `before` and goes on with `after`, neither of them empty."""
    last, first = before[-1], after[0]
    return (last.isdigit() and first in "年月日") or (
        last in "年月" and (first.isdigit() or first in "月日")
    )


def _onward(one: Found, found: Sequence[Found], rules: Rules) -> int | None:
    """Return the place of the line that goes on with the date that `one` ends with, if any does."""
    line, reading = one
    if not (reading.text[-1:].isdigit() or reading.text.endswith(("年", "月"))):
        return None
    near = [k for k, (other, _) in enumerate(found) if _is_near(line.box, other.box)]
    if not near:
        return None
    nearest = min(near, key=lambda k: found[k][0].box.left)
    other, after = found[nearest]
    level = line.corners is None and other.corners is None
    is_date = _PART.fullmatch(after.text) is not None and is_within(reading.text, after.text)
    return nearest if level and is_date and not _is_parted(line.box, other.box, rules) else None


def _is_near(box: Box, other: Box) -> bool:
    height = box.bottom - box.top
    gap = other.left - box.right
    return -_TOUCHING * height <= gap <= _APART * height and box.leads_to(other)


def _is_parted(box: Box, other: Box, rules: Rules) -> bool:
    """Tell whether a rule stands between two boxes of a row."""
    y = (max(box.top, other.top) + min(box.bottom, other.bottom)) // 2
    x = (box.right + other.left) // 2
    reach = max(0, other.left - box.right) // 2 + 1
    return any(
        rule.top <= y < rule.bottom and rule.left <= x + reach and rule.right >= x - reach
        for rule in rules.down
    )


def _chain(first: int, onward: dict[int, int | None]) -> Iterator[int]:
    place: int | None = first
    while place is not None:
        yield place
        place = onward[place]


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
