"""Ruled tables: rules that meet are a grid, and what no rule parts is one cell of it.

A grid is cut into unit cells wherever one of its rules lies; a rule that covers less than half of a
unit cell's side leaves it open, and unit cells with open sides between them are one cell over
several rows or columns. So broken rules, missing borders and spans are no special cases, and an
underline in a cell parts nothing.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout import grid, reading_order
from daemon.ocr.layout.grouping import extent, rows_of
from daemon.ocr.records import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Sides = NDArray[np.int32]  # N,4: left, top, right, bottom

_SLACK = 0.4  # of a line's height: rules as near meet, and are one rule where they are parallel
_GAP = 1.5  # of a line's height: a gap in a broken rule
_ROOM = 1.0  # of a line's height: an open border is taken for a cell's where so much is beyond
_TEXTS = 3  # cells with text that a table has at least
_ROWS = 2  # rows of two cells and more that a table has at least
_FULL = 8  # lines that a cell has at most, or it is the frame of a page or of a form
_FRAMED = 0.5  # share of a table's lines that such frames may hold
_FRAMED_ROWS = 3  # of text that a cell as wide as its table has at most
_MOST = 50  # the largest grids that are looked at: a page of hatching must end


def tables(boxes: Sequence[Box], rules: Rules) -> list[Table]:
    """Return the tables drawn by `rules` with the lines `boxes` (their places) in their cells.

    No line is in two of them; a grid within the cell of another is no table of its own.
    """
    if not boxes or not rules.across or not rules.down:
        return []
    height = median(box.bottom - box.top for box in boxes)
    free = set(range(len(boxes)))
    found = []
    for across, down in _connected(_sides(rules.across), _sides(rules.down), height):
        cells = grid.cells(across, down, _SLACK * height, _ROOM * height)
        for table in _sections(boxes, _filled(cells, boxes, sorted(free))):
            if _is_table(table):
                found.append(table)
                free -= {k for cell in table.cells for k in cell.lines}
    return found


def _sides(boxes: Sequence[Box]) -> Sides:
    return np.array([[b.left, b.top, b.right, b.bottom] for b in boxes], np.int32)


def _connected(across: Sides, down: Sides, height: float) -> list[tuple[Sides, Sides]]:
    """Return the rules that meet, group by group, the group of the largest extent first.

    Parallel rules meet where one goes on in line with the other.
    """
    slack, gap = _SLACK * height, _GAP * height
    crossing = _meet(across, down, slack, slack)
    level, upright = _meet(across, across, gap, slack / 2), _meet(down, down, slack / 2, gap)
    of_across, of_down = np.arange(len(across)), np.full(len(down), len(across))
    before = None
    while before is None or not np.array_equal(before, of_across):
        before = of_across  # each takes the least number among those that it meets
        of_down = _least(crossing.T, of_across, of_down)
        of_down = _least(upright, of_down, of_down)
        of_across = _least(crossing, of_down, of_across)
        of_across = _least(level, of_across, of_across)
    groups = [(across[of_across == k], down[of_down == k]) for k in np.unique(of_across)]
    groups = [(level, upright) for level, upright in groups if len(upright)]
    return sorted(groups, key=lambda pair: -_area(np.concatenate(pair)))[:_MOST]


def _meet(one: Sides, other: Sides, slack_x: float, slack_y: float) -> NDArray[np.bool_]:
    left, top, right, bottom = one.T[:, :, None]
    meet = (left - slack_x <= other[:, 2]) & (other[:, 0] <= right + slack_x)
    meet &= (top - slack_y <= other[:, 3]) & (other[:, 1] <= bottom + slack_y)
    return np.asarray(meet, bool)


def _least(
    meet: NDArray[np.bool_], numbers: NDArray[np.int_], own: NDArray[np.int_]
) -> NDArray[np.int_]:
    """Return for each rule the least of its own number and those of the rules it meets."""
    most = np.iinfo(numbers.dtype).max
    met = np.where(meet, numbers[None, :], most).min(axis=1, initial=most)
    return np.asarray(np.minimum(own, met), np.int_)


def _area(sides: Sides) -> int:
    low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
    return int(high[0] - low[0]) * int(high[1] - low[1])


def _filled(cells: Table, boxes: Sequence[Box], free: list[int]) -> Table:
    """Return the table with each free line in the cell that holds most of it, in reading order."""
    if len(cells.cells) <= _TEXTS:
        return grid.NONE
    held: list[list[int]] = [[] for _ in cells.cells]
    sides = _sides([cell.box for cell in cells.cells])
    within = extent(cells)
    for k in free:
        if not _is_within(boxes[k], within):
            continue
        shared = _shared(boxes[k], sides)
        area = (boxes[k].right - boxes[k].left) * (boxes[k].bottom - boxes[k].top)
        if 2 * shared.sum() > area:
            held[int(shared.argmax())].append(k)
    filled = (
        Cell(c.row, c.column, c.row_span, c.column_span, c.box, _read(boxes, lines))
        for c, lines in zip(cells.cells, held, strict=True)
    )
    return Table(cells.rows, cells.columns, tuple(filled))


def _is_within(box: Box, other: Box) -> bool:
    """Say whether the middle of a box is in another."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return other.left <= x < other.right and other.top <= y < other.bottom


def _shared(box: Box, sides: Sides) -> NDArray[np.int64]:
    """Return the area that the box shares with each cell."""
    width = np.minimum(sides[:, 2], box.right) - np.maximum(sides[:, 0], box.left)
    height = np.minimum(sides[:, 3], box.bottom) - np.maximum(sides[:, 1], box.top)
    return np.asarray(np.maximum(width, 0).astype(np.int64) * np.maximum(height, 0), np.int64)


def _read(boxes: Sequence[Box], lines: list[int]) -> tuple[int, ...]:
    """Return the lines of a cell in reading order."""
    blocks = reading_order.order([boxes[k] for k in lines])
    return tuple(lines[k] for block in blocks for k in block)


def _sections(boxes: Sequence[Box], table: Table) -> Iterator[Table]:
    """Yield what is above, between and below the frames of a table.

    A frame is a cell as wide as the table with many rows of text: they are read as rows.
    """
    section: list[Cell] = []
    for cell in table.cells:
        if cell.column_span == table.columns and len(rows_of(boxes, cell.lines)) > _FRAMED_ROWS:
            yield grid.numbered(section)
            section = []
        else:
            section.append(cell)
    yield grid.numbered(section)


def _is_table(table: Table) -> bool:
    """Say whether it has text in both directions, and is no frame around a form or prose."""
    texts = [cell for cell in table.cells if cell.lines]
    divided = [row for row in range(table.rows) if _cells_in(table, row) > 1]
    if len(texts) < _TEXTS or len(divided) < _ROWS:
        return False
    lines = sum(len(cell.lines) for cell in texts)
    framed = sum(len(cell.lines) for cell in texts if len(cell.lines) > _FULL)
    return framed <= _FRAMED * lines


def _cells_in(table: Table, row: int) -> int:
    return sum(cell.row <= row < cell.row + cell.row_span for cell in table.cells)
