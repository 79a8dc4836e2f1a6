"""Grouping of lines, shared by the modules of layout: tables as blocks, rows, horizontal strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.records import Box
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import Table


def table_block(table: Table) -> LayoutBlock:
    """Return a table as a block, its lines cell by cell."""
    return LayoutBlock(tuple(k for cell in table.cells for k in cell.lines), "table", table)


def table_box(table: Table) -> Box:
    """Return the bounding box of the cells of a table."""
    return Box.around(cell.box for cell in table.cells)


def group_rows(boxes: Sequence[Box], lines: Sequence[int]) -> list[list[int]]:
    """Return the lines of a block, which are in reading order, row by row."""
    rows: list[list[int]] = []
    for k in lines:
        if rows and boxes[rows[-1][-1]].precedes_in_row(boxes[k]):
            rows[-1].append(k)
        else:
            rows.append([k])
    return rows


def horizontal_strips(
    boxes: Sequence[Box], indexes: Sequence[int], table_indexes: Set[int] = frozenset()
) -> list[list[int]]:
    """Return `indexes` cut into strips at every height that no box crosses, from top to bottom.

    Only the middle half of a line counts as crossing, but all of a table, given by `table_indexes`.
    """
    strips: list[list[int]] = []
    reach = float("-inf")
    middles = {k: _middle(boxes[k], 0 if k in table_indexes else 4) for k in indexes}
    for k in sorted(indexes, key=lambda k: (middles[k], k)):
        top, bottom = middles[k]
        if top >= reach:
            strips.append([])
        strips[-1].append(k)
        reach = max(reach, bottom)
    return strips


def _middle(box: Box, divisor: int) -> tuple[float, float]:
    """Return top and bottom of a box, each moved inwards by the height over `divisor`."""
    margin = (box.bottom - box.top) / divisor if divisor else 0
    return box.top + margin, box.bottom - margin
