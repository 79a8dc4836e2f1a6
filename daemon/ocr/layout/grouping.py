"""What the modules of layout share: tables as parts, rows of a block, strips of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.records import Box
from daemon.ocr.records import Part

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import Table


def tabular(table: Table) -> Part:
    """Return a table as a part, its lines cell by cell."""
    return Part(tuple(k for cell in table.cells for k in cell.lines), "table", table)


def extent(table: Table) -> Box:
    """Return the box around the cells of a table."""
    return Box.around(cell.box for cell in table.cells)


def rows_of(boxes: Sequence[Box], lines: Sequence[int]) -> list[list[int]]:
    """Return the lines of a block, which are in reading order, row by row."""
    rows: list[list[int]] = []
    for k in lines:
        if rows and boxes[rows[-1][-1]].leads_to(boxes[k]):
            rows[-1].append(k)
        else:
            rows.append([k])
    return rows


def strips_of(
    boxes: Sequence[Box], which: Sequence[int], solid: Set[int] = frozenset()
) -> list[list[int]]:
    """Return `which` cut at every height that no middle half of a box crosses, top to bottom.

    Of those in `solid` no part may be crossed.
    """
    strips: list[list[int]] = []
    reach = float("-inf")
    middles = {k: _middle(boxes[k], 0 if k in solid else 4) for k in which}
    for k in sorted(which, key=lambda k: (middles[k], k)):
        top, bottom = middles[k]
        if top >= reach:
            strips.append([])
        strips[-1].append(k)
        reach = max(reach, bottom)
    return strips


def _middle(box: Box, parts: int) -> tuple[float, float]:
    """Return where a box begins and ends less a share of it, one of `parts`, on both sides."""
    margin = (box.bottom - box.top) / parts if parts else 0
    return box.top + margin, box.bottom - margin
