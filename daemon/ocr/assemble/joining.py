"""Lines that were found in pieces, joined with their readings."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.model import ctc
from daemon.ocr.polarity import dark_on_light
from daemon.ocr.records import LineCrop, RecognizedCharacter, RecognizedLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import RulingLines

    LineAndReading = tuple[LineCrop, RecognizedLine]
    Sides = NDArray[np.int64]  # left, top, right, bottom

_MAX_GAP = 1.2  # of the lower piece's height: a sentence ends with a space of two characters
_MAX_WORD_GAP = 0.6  # the same where no line spans the gap: words of a line are as close
_MAX_OVERLAP = 0.5  # of its height: by so much boxes with their margins may overlap
_MAX_HEIGHT_RATIO = 1.6  # of the heights of two pieces, and of two rows of a paragraph
_MIN_REACH = 0.5  # of the height: a line that spans a gap reaches so far beyond both of its ends
_ROW_STEP = (0.5, 2.2)  # of the height: how far apart the middles of two rows of a paragraph are


def join_sentences(
    gray: Pixels, lines: Sequence[LineCrop], readings: Sequence[RecognizedLine], rules: RulingLines
) -> tuple[list[LineCrop], list[RecognizedLine]]:
    """Return the lines of the page `gray`, pieces of one line of a paragraph joined.

    A typewriter leaves two spaces between sentences, and justified print leaves wide ones. A gap in
    a line of a paragraph has text above or below it; a gap between two columns or cells has none.
    """
    sides = np.array([astuple(line.box) for line in lines], np.int64).reshape(-1, 4)
    is_end = np.zeros(len(lines), bool)  # whether a line is the last piece of its row so far
    rows: dict[int, list[int]] = {}  # by the last piece
    for k in sorted(range(len(lines)), key=lambda k: lines[k].box.left):
        near = map(int, np.flatnonzero(is_end & _ends_near(sides, sides[k])))
        before = next((j for j in near if _continues(lines[j], lines[k], sides, rules)), None)
        rows[k] = [*rows.pop(before, ()), k] if before is not None else [k]
        if before is not None:
            is_end[before] = False
        is_end[k] = True
    joined = [merged(gray, [(lines[k], readings[k]) for k in row]) for row in rows.values()]
    return [line for line, _ in joined], [reading for _, reading in joined]


def _ends_near(sides: Sides, box: Sides) -> NDArray[np.bool_]:
    """Tell of each box, N,4, whether it ends near where another one, 4, begins, in its row."""
    height = box[3] - box[1]
    gap = box[0] - sides[:, 2]
    is_level = (sides[:, 1] < box[3]) & (sides[:, 3] > box[1])
    is_near = (gap >= -_MAX_OVERLAP * height) & (gap <= _MAX_GAP * height)
    return np.asarray(is_level & is_near, bool)


def _continues(line: LineCrop, other: LineCrop, sides: Sides, rules: RulingLines) -> bool:
    """Tell whether `other` is the next piece of a line; `sides`, N,4, are those of all lines."""
    box, next_box = line.box, other.box
    low, high = sorted((box.bottom - box.top, next_box.bottom - next_box.top))
    gap = next_box.left - box.right
    return (
        -_MAX_OVERLAP * low <= gap <= _MAX_GAP * low
        and high <= _MAX_HEIGHT_RATIO * low
        and box.precedes_in_row(next_box)
        and all(each.corners is None and each.direction == "horizontal" for each in (line, other))
        and not is_separated(box, next_box, rules)
        and (gap <= _MAX_WORD_GAP * low or _is_spanned(box, next_box, sides))
    )


def _is_spanned(box: Box, next_box: Box, sides: Sides) -> bool:
    """Tell whether a line above or below, of the same size, has text across the gap."""
    low, high = sorted((box.bottom - box.top, next_box.bottom - next_box.top))
    left, top, right, bottom = sides.T
    height = bottom - top
    middle = (box.top + box.bottom + next_box.top + next_box.bottom) / 4
    step = np.abs((top + bottom) / 2 - middle)
    is_row = (step > _ROW_STEP[0] * low) & (step <= _ROW_STEP[1] * high)
    is_same = (height >= low / _MAX_HEIGHT_RATIO) & (height <= _MAX_HEIGHT_RATIO * high)
    reach = _MIN_REACH * low
    spans = (left <= box.right - reach) & (right >= next_box.left + reach)
    return bool((is_row & is_same & spans).any())


def is_separated(box: Box, other: Box, rules: RulingLines) -> bool:
    """Tell whether a ruling line stands between two boxes of a row."""
    left, right = sorted((box.right, other.left))
    y = (max(box.top, other.top) + min(box.bottom, other.bottom)) // 2
    return any(
        rule.left <= right and rule.right >= left and rule.top <= y < rule.bottom
        for rule in rules.vertical
    )


def merged(gray: Pixels, pieces: Sequence[LineAndReading]) -> LineAndReading:
    """Return the pieces, from left to right, merged into one line with spaces between."""
    if len(pieces) == 1:
        return pieces[0]
    box = Box.around(line.box for line, _ in pieces)
    characters: list[RecognizedCharacter] = []
    for line, reading in pieces:
        left = (line.box.left - box.left) / (box.right - box.left)
        if characters:
            characters.append(RecognizedCharacter(" ", 1.0, characters[-1].right, left))
        share = (line.box.right - line.box.left) / (box.right - box.left)
        characters += (
            RecognizedCharacter(c.text, c.confidence, left + c.left * share, left + c.right * share)
            for c in reading.characters
        )
    text = "".join(character.text for character in characters)
    confidence = ctc.combined([c.confidence for _, reading in pieces for c in reading.characters])
    image = dark_on_light(gray[box.top : box.bottom, box.left : box.right])
    return LineCrop(box, image), RecognizedLine(text, confidence, tuple(characters))
