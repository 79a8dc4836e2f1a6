"""Dates split by a form, 2026 年 7 月 1 日 with its parts far apart, are joined into one line."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.assemble.joining import is_separated, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import LineCrop, RecognizedLine, RulingLines

    LineAndReading = tuple[LineCrop, RecognizedLine]

_MAX_GAP = 4.0  # of its height: the largest gap in a date
_MAX_OVERLAP = 0.5  # of its height: by so much boxes with their margins may overlap
_MAX_PIECES = 6  # a date has three numbers and three words at most
_YEAR, _MONTH, _DAY = r"(?<!\d)(?:\d{4}|\d{2})", r"(?:0?[1-9]|1[0-2])", r"(?:[12]\d|3[01]|0?[1-9])"
_DATE = re.compile(
    rf"(?:{_YEAR}\s*)?年\s*(?:{_MONTH}\s*)?月(?:\s*(?:{_DAY}\s*)?日)?"
    rf"|(?<!\d){_MONTH}\s*月\s*{_DAY}\s*日"
)


def join_split_dates(
    gray: Pixels, lines: Sequence[LineCrop], readings: Sequence[RecognizedLine], rules: RulingLines
) -> list[LineAndReading]:
    """Return the lines of the page `gray` with their readings, those of one date as one line."""
    recognized = list(zip(lines, readings, strict=True))
    continuations = _continuations(recognized, rules)
    continued = set(continuations.values())
    return [
        merged(gray, pieces)
        for first in range(len(recognized))
        if first not in continued
        for pieces in _dates([recognized[k] for k in _chain(first, continuations)])
    ]


def date_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each date in a text; a form may lack the numbers: 年 月 日."""
    for date in _DATE.finditer(text):
        yield date.span()


def _dates(chain: Sequence[LineAndReading]) -> Iterator[Sequence[LineAndReading]]:
    """Yield the lines of a chain, as many at a time as form one complete date."""
    while chain:
        max_count = min(len(chain), _MAX_PIECES)
        count = next((n for n in range(max_count, 1, -1) if _is_one_date(chain[:n])), 1)
        yield chain[:count]
        chain = chain[count:]


def _is_one_date(pieces: Sequence[LineAndReading]) -> bool:
    """Tell whether a date starts in the first piece and ends with the last one."""
    text = "".join(reading.text for _, reading in pieces)
    first_length = len(pieces[0][1].text)
    return any(start < first_length and stop == len(text) for start, stop in date_spans(text))


def _continues(before: str, after: str) -> bool:
    """Tell whether the end of one text and the start of another may belong to one date."""
    last, first = before[-1], after[0]
    return (last.isdigit() and first in "年月日") or (
        last in "年月" and (first.isdigit() or first in "月日")
    )


def _continuations(recognized: Sequence[LineAndReading], rules: RulingLines) -> dict[int, int]:
    """Return, by the index of each line whose date may continue, the index of the continuation."""
    continuations: dict[int, int] = {}
    taken: set[int] = set()
    sides = np.array([astuple(line.box) for line, _ in recognized], np.int64).reshape(-1, 4)
    for index, (line, reading) in enumerate(recognized):
        if not (reading.text[-1:].isdigit() or reading.text.endswith(("年", "月"))):
            continue
        neighbours = [
            k
            for k in _right_neighbours(sides, index)
            if line.box.precedes_in_row(recognized[k][0].box)
        ]
        if not neighbours:
            continue
        nearest = min(neighbours, key=lambda k: recognized[k][0].box.left)
        next_line, next_reading = recognized[nearest]
        is_level = line.corners is None and next_line.corners is None
        is_free = nearest not in taken and not is_separated(line.box, next_line.box, rules)
        if is_level and is_free and _continues(reading.text, next_reading.text):
            continuations[index] = nearest
            taken.add(nearest)
    return continuations


def _right_neighbours(sides: NDArray[np.int64], index: int) -> list[int]:
    """Return the indexes of the boxes, `sides` N,4, that begin near the right end of one box."""
    left, top, _, bottom = sides.T
    _, own_top, own_right, own_bottom = sides[index]
    height, gap = own_bottom - own_top, left - own_right
    is_neighbour = (gap >= -_MAX_OVERLAP * height) & (gap <= _MAX_GAP * height)
    return list(np.flatnonzero(is_neighbour & (top < own_bottom) & (bottom > own_top)))


def _chain(first: int, continuations: Mapping[int, int]) -> Iterator[int]:
    yield first
    while first in continuations:
        first = continuations[first]
        yield first
