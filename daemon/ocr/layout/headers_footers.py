"""Margins: the rows at the upper and lower edge of a page that stand apart from its body."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from daemon.core.records import Box
from daemon.ocr.layout.grouping import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.ocr.records import Part, Rules

    Found = Sequence[tuple[Box, str]]

_MARGIN = 0.12  # of the page's height, at its top and at its bottom,
_OUTER = 0.2  # and for what has a page number
_ROWS = 2  # that a header or a footer may have
_APART = 1.5  # of the body's height: so much more white than between rows parts a header,
_NEAR = 0.5  # and so much where it has a page number or a rule
_RULED = 0.5  # of the text's width: so long a rule
_PROSE = 15.0  # of the body's height: rows as long, of which words
_FILL = 0.7  # fill so much of their block, are prose and not those of a form or a receipt
_INDENTED = 0.25  # of the text's width: a number so far from the left is no end of a sentence
_PIECES = 3  # that a row with a page number has at most
_PAGE_NUMBER = re.compile(
    r"[-–—\s.·|(\[]*(page|p\.?|第)?\s*(\d{1,4}|[ivx]{1,6})\s*((of|/|共)\s*\d{1,4}\s*)?[-–—\s.·|)\]页]*",
    re.IGNORECASE,
)


class Edge(NamedTuple):
    """The upper or the lower edge of a page, and how far things are from it."""

    lower: bool
    page_height: int
    rules: Rules

    def reach(self, boxes: Sequence[Box]) -> tuple[int, int]:
        """Return where boxes begin and end, counted from the edge."""
        around = Box.around(boxes)
        if self.lower:
            return self.page_height - around.bottom, self.page_height - around.top
        return around.top, around.bottom

    def has_rule(self, start: float, stop: float, width: float) -> bool:
        """Say whether a rule at least as long as `width` lies between two distances."""
        return any(
            start <= sum(self.reach([rule])) / 2 <= stop and rule.right - rule.left >= width
            for rule in self.rules.across
        )


class _Body(NamedTuple):
    """What a page's header is compared with: heights, white between rows, left and right."""

    height: float
    white: float
    left: int
    right: int
    is_prose: bool


def apart(found: Found, parts: Sequence[Part], edge: Edge, height: float) -> frozenset[int]:
    """Return the lines of the header or footer at `edge`; `height` is that of the body's lines."""
    text = [part for part in parts if part.kind == "text"]
    free = {k for part in text for k in part.lines}
    reach = [edge.reach([box]) for box, _ in found]
    rest = sorted(range(len(found)), key=lambda k: reach[k])
    body = _body(found, text, height)
    rows: list[int] = []
    standing: frozenset[int] = frozenset()
    for _ in range(_ROWS):
        middle = sum(reach[rest[0]]) / 2
        row = [k for k in rest if reach[k][0] < middle]
        rest = [k for k in rest if reach[k][0] >= middle]
        rows += row
        if not rest or not free.issuperset(row):
            break
        strip = (reach[row[0]][0], max(reach[k][1] for k in row), reach[rest[0]][0])
        if _stands_apart([found[k] for k in row], body, edge, strip):
            standing = frozenset(rows)
    return standing


def _body(found: Found, text: Sequence[Part], height: float) -> _Body:
    boxes = [box for box, _ in found]
    blocks = [rows_of(boxes, part.lines) for part in text]
    whites = [
        min(boxes[k].top for k in below) - max(boxes[k].bottom for k in row)
        for rows in blocks
        for row, below in pairwise(rows)
    ]
    around = Box.around(boxes)
    prose = [its for rows in blocks for its in _prose(boxes, rows, height)]
    return _Body(
        height=height,
        white=median(whites or [0]),
        left=around.left,
        right=around.right,
        is_prose=2 * sum(prose) > len(prose),
    )


def _prose(boxes: list[Box], rows: list[list[int]], height: float) -> list[bool]:
    """Say of each row of a block whether it is prose."""
    among = [boxes[k] for row in rows for k in row]
    width = max(box.right for box in among) - min(box.left for box in among)
    lengths = [sum(boxes[k].right - boxes[k].left for k in row) for row in rows]
    return [length >= max(_PROSE * height, _FILL * width) for length in lengths]


def _stands_apart(found: Found, body: _Body, edge: Edge, strip: tuple[int, int, int]) -> bool:
    """Say whether a row is a header, given where it begins and ends and where the rest begins."""
    start, end, rest = strip
    numbers = [box for box, text in found if _PAGE_NUMBER.fullmatch(text)]
    numbers = numbers if len(found) <= _PIECES else []
    white = (rest - end - body.white) / body.height
    if end > (_OUTER if numbers else _MARGIN) * edge.page_height:
        return False
    width, half = body.right - body.left, body.height / 2
    if numbers:
        alone = len(numbers) == len(found) and numbers[0].left >= body.left + _INDENTED * width
        return white >= (0 if alone and body.is_prose else _NEAR)
    if edge.has_rule(end - half, rest + half, _RULED * width):  # and it is no frame:
        return white >= _NEAR and not edge.has_rule(0, start, _RULED * width)
    has_words = any(c.isalnum() for _, text in found for c in text)
    return body.is_prose and has_words and white >= _APART
