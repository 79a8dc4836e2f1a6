"""Headers and footers: rows at the top and bottom edge of a page, at a distance from its body."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from daemon.core.records import Box
from daemon.ocr.layout.grouping import group_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.ocr.records import LayoutBlock, RulingLines

    LineTexts = Sequence[tuple[Box, str]]

_MAX_DISTANCE = 0.12  # of the page height, from the edge: the end of a header or footer,
_MAX_NUMBERED_DISTANCE = 0.2  # and of one with a page number
_MAX_ROWS = 2  # rows of a header or footer, at most
_MIN_GAP = 1.5  # of the body's line height: extra gap between a header and the body,
_MIN_MARKED_GAP = 0.5  # and where it has a page number or a ruling line
_MIN_RULE = 0.5  # of the text width: the length of such a rule
_MIN_PROSE_LENGTH = 15.0  # of the body's line height: rows of prose are as long as this,
_MIN_PROSE_FILL = 0.7  # and fill so much of their block; those of a form or a receipt do not
_MIN_INDENT = 0.25  # of the text width: a number as far from the left does not end a sentence
_MAX_PIECES = 3  # of a row with a page number, at most
_PAGE_NUMBER = re.compile(
    r"[-–—\s.·|(\[]*(page|p\.?|第)?\s*(\d{1,4}|[ivx]{1,6})\s*((of|/|共)\s*\d{1,4}\s*)?[-–—\s.·|)\]页]*",
    re.IGNORECASE,
)


class PageEdge(NamedTuple):
    """The top or bottom edge of a page, and the distance of boxes from it."""

    is_bottom: bool
    page_height: int
    rules: RulingLines

    def distances(self, boxes: Sequence[Box]) -> tuple[int, int]:
        """Return where boxes begin and end, counted from the edge."""
        bounds = Box.around(boxes)
        if self.is_bottom:
            return self.page_height - bounds.bottom, self.page_height - bounds.top
        return bounds.top, bounds.bottom

    def has_rule(self, start: float, stop: float, width: float) -> bool:
        """Tell whether a ruling line of at least `width` lies between two distances."""
        return any(
            start <= sum(self.distances([rule])) / 2 <= stop and rule.right - rule.left >= width
            for rule in self.rules.horizontal
        )


class _BodyStatistics(NamedTuple):
    """Statistics of the body that a header is compared with."""

    height: float
    row_gap: float
    left: int
    right: int
    is_prose: bool


def find(
    line_texts: LineTexts, blocks: Sequence[LayoutBlock], edge: PageEdge, height: float
) -> frozenset[int]:
    """Return the lines of the header or footer at `edge`; `height` is that of the body's lines."""
    text_blocks = [block for block in blocks if block.kind == "text"]
    text_lines = {k for block in text_blocks for k in block.lines}
    distances = [edge.distances([box]) for box, _ in line_texts]
    remaining = sorted(range(len(line_texts)), key=lambda k: distances[k])
    body = _body_statistics(line_texts, text_blocks, height)
    rows: list[int] = []
    margin_lines: frozenset[int] = frozenset()
    for _ in range(_MAX_ROWS):
        middle = sum(distances[remaining[0]]) / 2
        row = [k for k in remaining if distances[k][0] < middle]
        remaining = [k for k in remaining if distances[k][0] >= middle]
        rows += row
        if not remaining or not text_lines.issuperset(row):
            break
        strip = (
            distances[row[0]][0],
            max(distances[k][1] for k in row),
            distances[remaining[0]][0],
        )
        if _is_margin_row([line_texts[k] for k in row], body, edge, strip):
            margin_lines = frozenset(rows)
    return margin_lines


def _body_statistics(
    line_texts: LineTexts, text_blocks: Sequence[LayoutBlock], height: float
) -> _BodyStatistics:
    boxes = [box for box, _ in line_texts]
    rows_by_block = [group_rows(boxes, block.lines) for block in text_blocks]
    row_gaps = [
        min(boxes[k].top for k in below) - max(boxes[k].bottom for k in row)
        for rows in rows_by_block
        for row, below in pairwise(rows)
    ]
    bounds = Box.around(boxes)
    prose = [is_prose for rows in rows_by_block for is_prose in _prose(boxes, rows, height)]
    return _BodyStatistics(
        height=height,
        row_gap=median(row_gaps or [0]),
        left=bounds.left,
        right=bounds.right,
        is_prose=2 * sum(prose) > len(prose),
    )


def _prose(boxes: list[Box], rows: list[list[int]], height: float) -> list[bool]:
    """Tell of each row of a block whether it is prose."""
    members = [boxes[k] for row in rows for k in row]
    width = max(box.right for box in members) - min(box.left for box in members)
    lengths = [sum(boxes[k].right - boxes[k].left for k in row) for row in rows]
    return [
        length >= max(_MIN_PROSE_LENGTH * height, _MIN_PROSE_FILL * width) for length in lengths
    ]


def _is_margin_row(
    line_texts: LineTexts, body: _BodyStatistics, edge: PageEdge, strip: tuple[int, int, int]
) -> bool:
    """Tell whether a row is a header; `strip` is its start and end and the next row's start."""
    start, end, next_start = strip
    numbers = [box for box, text in line_texts if _PAGE_NUMBER.fullmatch(text)]
    numbers = numbers if len(line_texts) <= _MAX_PIECES else []
    gap = (next_start - end - body.row_gap) / body.height
    if end > (_MAX_NUMBERED_DISTANCE if numbers else _MAX_DISTANCE) * edge.page_height:
        return False
    width, half_height = body.right - body.left, body.height / 2
    if numbers:
        is_page_number = (
            len(numbers) == len(line_texts) and numbers[0].left >= body.left + _MIN_INDENT * width
        )
        return gap >= (0 if is_page_number and body.is_prose else _MIN_MARKED_GAP)
    if edge.has_rule(end - half_height, next_start + half_height, _MIN_RULE * width):
        # unless the rule is the lower one of a frame
        return gap >= _MIN_MARKED_GAP and not edge.has_rule(0, start, _MIN_RULE * width)
    has_words = any(c.isalnum() for _, text in line_texts for c in text)
    return body.is_prose and has_words and gap >= _MIN_GAP
