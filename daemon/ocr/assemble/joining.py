"""Lines that were found in pieces, joined with their readings."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.model import ctc
from daemon.ocr.records import LineCrop, RecognizedCharacter, RecognizedLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import RulingLines

    LineAndReading = tuple[LineCrop, RecognizedLine]

_MAX_GAP = 1.2  # of the lower piece's height: a sentence ends with a space of two characters
_MAX_WORD_GAP = 0.6  # the same anywhere: words of a line are as far apart
_MAX_OVERLAP = 0.5  # of its height: by so much boxes with their margins may overlap
_MAX_HEIGHT_RATIO = 1.6  # of the heights of two pieces of a line
_MIN_REACH = 0.5  # of the height: a line above or below reaches so far beyond both ends of the gap
_MAX_ROW_STEP = 2.2  # of the height: the middles of two rows of a paragraph are as far apart


def join_sentences(
    gray: Pixels, lines: Sequence[LineCrop], readings: Sequence[RecognizedLine], rules: RulingLines
) -> tuple[list[LineCrop], list[RecognizedLine]]:
    """Return the lines of the page `gray`, pieces of one line of a paragraph joined.

    A typewriter leaves two spaces between sentences, and print that is justified more. The gap in a
    line of a paragraph has text above or below it; that between two columns or cells has not.
    """
    order = sorted(range(len(lines)), key=lambda k: lines[k].box.left)
    sides = np.array([astuple(line.box) for line in lines], np.int64).reshape(-1, 4)
    is_last = np.zeros(len(lines), bool)  # of what was joined so far
    joined: dict[int, list[int]] = {}  # by its last piece
    for k in order:
        before = [
            last
            for last in map(int, np.flatnonzero(is_last & _is_near(sides, sides[k])))
            if _continues(lines[last], lines[k], lines, rules)
        ]
        joined[k] = [*joined.pop(before[0]), k] if before else [k]
        is_last[before[:1]] = False
        is_last[k] = True
    whole = [merged(gray, [(lines[k], readings[k]) for k in row]) for row in joined.values()]
    return [line for line, _ in whole], [reading for _, reading in whole]


def _is_near(sides: NDArray[np.int64], box: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of each box, `sides` N,4, whether it ends near where `box` begins, in its row."""
    height = box[3] - box[1]
    gap = box[0] - sides[:, 2]
    is_level = (sides[:, 1] < box[3]) & (sides[:, 3] > box[1])
    near = (gap >= -_MAX_OVERLAP * height) & (gap <= _MAX_GAP * height)
    return np.asarray(is_level & near, bool)


def _continues(
    line: LineCrop, other: LineCrop, lines: Sequence[LineCrop], rules: RulingLines
) -> bool:
    """Tell whether `other` is the next piece of a line of a paragraph."""
    box, next_box = line.box, other.box
    heights = sorted((box.bottom - box.top, next_box.bottom - next_box.top))
    gap = next_box.left - box.right
    return (
        -_MAX_OVERLAP * heights[0] <= gap <= _MAX_GAP * heights[0]
        and heights[1] <= _MAX_HEIGHT_RATIO * heights[0]
        and box.precedes_in_row(next_box)
        and all(each.corners is None and each.direction == "horizontal" for each in (line, other))
        and not is_separated(box, next_box, rules)
        and (
            gap <= _MAX_WORD_GAP * heights[0]
            or any(_spans_gap(each.box, box, next_box, heights) for each in lines)
        )
    )


def _spans_gap(box: Box, left: Box, right: Box, heights: Sequence[int]) -> bool:
    """Tell whether a line above or below, of the same size, has text across the gap."""
    middle, own = box.top + box.bottom, (left.top + left.bottom + right.top + right.bottom) / 2
    height = box.bottom - box.top
    reach = _MIN_REACH * heights[0]
    return (
        0.5 * heights[0] < abs(middle - own) / 2 <= _MAX_ROW_STEP * heights[1]
        and heights[0] / _MAX_HEIGHT_RATIO <= height <= _MAX_HEIGHT_RATIO * heights[1]
        and box.left <= left.right - reach
        and box.right >= right.left + reach
    )


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
    image = gray[box.top : box.bottom, box.left : box.right]
    return LineCrop(box, image), RecognizedLine(text, confidence, tuple(characters))
