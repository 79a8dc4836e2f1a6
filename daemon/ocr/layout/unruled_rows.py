"""Rows of a ruled table that no rule separates.

Where rules lie only between columns, or are too pale to be found, a cell holds several rows. They
show in the other columns: text on the same levels. The lines of a cell that has several are rarely
level with those of its neighbours.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout import grid

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVEL_TOLERANCE = 0.35  # of a line's height: centres as close as this are level
_MIN_LEVEL_SHARE = 0.8  # mean share of the cells that have text on the level of a unruled row
_MAX_WIDTH = 12.0  # of a line's height: the mean width of lines in a cell; prose is wider
_MIN_CELLS = 3  # cells with text side by side; two may be columns of prose in a frame
_MIN_LEVELS = 3  # unruled rows in a row; two need text in all cells, headers may have two lines


class _GridRow(NamedTuple):
    """A row of the grid: its edges in pixels, and the heights at which it is cut."""

    top: int
    bottom: int
    cuts: list[int]


def separate(table: Table, boxes: Sequence[Box], height: float) -> Table:
    """Return the table with its unruled rows, and its lines in them.

    `height` is that of a line.
    """
    if not table.cells:
        return table
    tolerance = _LEVEL_TOLERANCE * height
    edges = sorted({edge for cell in table.cells for edge in (cell.box.top, cell.box.bottom)})
    cuts = [
        cut
        for top, bottom in pairwise(edges)
        for cut in _cuts(_cells_between(table, top, bottom), boxes, height)
    ]
    edges = sorted({*edges, *cuts})
    cells = [
        part for cell in table.cells
        for part in _parts(cell, table, boxes, edges, set(cuts), tolerance)
    ]  # fmt: skip
    return table if len(cells) == len(table.cells) else grid.renumber(cells)


def _cells_between(table: Table, top: int, bottom: int) -> list[Cell]:
    """Return the cells with text that lie between two edges."""
    return [
        cell
        for cell in table.cells
        if cell.lines and cell.box.top >= top and cell.box.bottom <= bottom
    ]


def _cuts(cells: list[Cell], boxes: Sequence[Box], height: float) -> list[int]:
    """Return the heights between the unruled rows of a row; empty where it is one."""
    tolerance = _LEVEL_TOLERANCE * height
    lines = [boxes[k] for cell in cells for k in cell.lines]
    levels = _levels(lines, tolerance)
    width = sum(box.right - box.left for box in lines)
    if len(cells) < _MIN_CELLS or len(levels) < 2 or width > _MAX_WIDTH * height * len(lines):
        return []
    on_level = [
        sum(any(_is_level(boxes[k], level, tolerance) for k in cell.lines) for cell in cells)
        for level in levels
    ]
    min_share = _MIN_LEVEL_SHARE if len(levels) >= _MIN_LEVELS else 1.0
    if min(on_level) < 2 or sum(on_level) < min_share * len(cells) * len(levels):
        return []
    extents = [
        [boxes[k] for cell in cells for k in cell.lines if _is_level(boxes[k], level, tolerance)]
        for level in levels
    ]
    return [
        round((max(b.bottom for b in above) + min(b.top for b in below)) / 2)
        for above, below in pairwise(extents)
    ]


def _levels(boxes: list[Box], tolerance: float) -> list[float]:
    """Return the different heights, doubled, of the centres of boxes."""
    levels: list[float] = []
    for middle in sorted(box.top + box.bottom for box in boxes):
        if not levels or middle - levels[-1] > 2 * tolerance:
            levels.append(middle)
    return levels


def _is_level(box: Box, level: float, tolerance: float) -> bool:
    return abs(box.top + box.bottom - level) <= 2 * tolerance


def _parts(
    cell: Cell,
    table: Table,
    boxes: Sequence[Box],
    edges: list[int],
    cuts: set[int],
    tolerance: float,
) -> list[Cell]:
    """Return a cell in the rows between `edges` that it extends over, split where they are hidden.

    A cell over several rows of the grid is split where its lines are level with their neighbours.
    """
    first, last = edges.index(cell.box.top), edges.index(cell.box.bottom)
    whole = replace(cell, row=first, row_span=last - first)
    if last - first == 1:
        return [whole]
    by_row: dict[int, list[int]] = {}
    level_rows: set[int] = set()
    level_lines = 0
    for k in cell.lines:
        row = bisect_right(edges, (boxes[k].top + boxes[k].bottom) / 2) - 1
        by_row.setdefault(row, []).append(k)
        if _has_level_neighbour(boxes[k], cell, table, boxes, tolerance):
            level_rows.add(row)
            level_lines += 1
    is_cut = not cuts.isdisjoint(edges[first + 1 : last])
    are_level = level_lines == len(cell.lines) or len(level_rows) == last - first
    if not (is_cut or len(by_row) > 1) or not are_level:
        return [whole]
    return [
        replace(
            cell,
            row=row,
            row_span=1,
            box=Box(cell.box.left, edges[row], cell.box.right, edges[row + 1]),
            lines=tuple(by_row.get(row, ())),
        )
        for row in range(first, last)
    ]


def _has_level_neighbour(
    box: Box, cell: Cell, table: Table, boxes: Sequence[Box], tolerance: float
) -> bool:
    """Tell whether a line is level with one in another column."""
    return any(
        abs(box.top + box.bottom - boxes[k].top - boxes[k].bottom) <= 2 * tolerance
        for other in table.cells
        if other.column != cell.column
        for k in other.lines
    )
