"""Table grids: from ruling lines to the cells between them, with their row and column spans.

Arrays of rules are N,4: left, top, right, bottom.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from daemon.core.records import Box, Cell, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Rects = NDArray[np.int32]

_MAX_UNIT_CELLS = 5_000  # unit cells of a grid; hatching and graph paper have more
_MIN_COVERAGE = 0.5  # share of a side of a unit cell that a rule covers to close it

NO_TABLE = Table(0, 0, ())


class _Cuts(NamedTuple):
    """The sorted positions (N) at which a grid is cut along one axis, and the cut of each rule."""

    positions: NDArray[np.float64]
    of_rule: NDArray[np.intp]


class _CellSpan(NamedTuple):
    """A rectangle of unit cells, the ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


def find_cells(horizontal: Rects, vertical: Rects, tolerance: float, min_overhang: float) -> Table:
    """Return the empty cells between rules; `NO_TABLE` where they are too many for a table.

    Parallel rules within `tolerance` of one another are one; rules that extend beyond the last one
    across them by more than `min_overhang` have an open border there.
    """
    low = np.minimum(horizontal[:, :2].min(axis=0), vertical[:, :2].min(axis=0))
    high = np.maximum(horizontal[:, 2:].max(axis=0), vertical[:, 2:].max(axis=0))
    x = _cuts((vertical[:, 0] + vertical[:, 2]) / 2, tolerance, min_overhang, (low[0], high[0]))
    y = _cuts((horizontal[:, 1] + horizontal[:, 3]) / 2, tolerance, min_overhang, (low[1], high[1]))
    if not 1 < len(x.positions) * len(y.positions) <= _MAX_UNIT_CELLS:
        return NO_TABLE
    is_closed_above = _covered_units(horizontal[:, [0, 2]], y, x.positions)
    is_closed_left = _covered_units(vertical[:, [1, 3]], x, y.positions).T
    return _table(
        [span for group in _open_groups(is_closed_above, is_closed_left) for span in group],
        x.positions,
        y.positions,
    )


def _cuts(
    positions: NDArray[np.float64], tolerance: float, min_overhang: float, ends: tuple[int, int]
) -> _Cuts:
    """Return the cuts on which rules lie, and those of open borders."""
    order = np.argsort(positions, kind="stable")
    number = np.cumsum(np.diff(positions[order], prepend=positions[order][0]) > tolerance)
    of_rule = np.empty(len(positions), np.intp)
    of_rule[order] = number
    middles = np.bincount(of_rule, weights=positions) / np.bincount(of_rule)
    first = [float(ends[0])] if middles[0] - ends[0] > min_overhang else []
    last = [float(ends[1])] if ends[1] - middles[-1] > min_overhang else []
    return _Cuts(np.concatenate([first, middles, last]), of_rule + len(first))


def _covered_units(
    spans: NDArray[np.int32], cuts: _Cuts, crossing_cuts: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell for each cut, and each unit between two of the `crossing_cuts`, whether rules cover it.

    `spans` (N,2) is where the rules begin and end along their own direction.
    """
    start, size = int(crossing_cuts[0]), int(crossing_cuts[-1] - crossing_cuts[0]) + 2
    ink = np.zeros((len(cuts.positions), size), np.int32)
    for (begin, end), cut in zip((spans - start).tolist(), cuts.of_rule.tolist(), strict=True):
        ink[cut, max(0, begin) : max(0, end)] = 1
    total = np.cumsum(np.pad(ink, ((0, 0), (1, 0))), axis=1)
    edges = (crossing_cuts - start).astype(np.intp)
    covered = np.diff(total[:, edges], axis=1) >= _MIN_COVERAGE * np.diff(edges)
    return np.asarray(covered, bool)


def _open_groups(
    is_closed_above: NDArray[np.bool_], is_closed_left: NDArray[np.bool_]
) -> Iterator[list[_CellSpan]]:
    """Yield the rectangles of each group of unit cells that no closed side separates."""
    rows, count = is_closed_left.shape[0], is_closed_above.shape[1]
    passages = np.zeros((2 * rows + 1, 2 * count + 1), np.uint8)  # a unit cell is odd, odd
    passages[1::2, 1::2] = 1
    passages[2:-1:2, 1::2] = ~is_closed_above[1:-1]
    passages[1::2, 2:-1:2] = ~is_closed_left[:, 1:-1]
    number, labels, stats, _ = cv2.connectedComponentsWithStats(passages, connectivity=4)
    units = labels[1::2, 1::2]
    for group in range(1, number):
        left, top, width, height = (int(side) // 2 for side in stats[group, :4] + (0, 0, 1, 1))
        is_member = units[top : top + height, left : left + width] == group
        yield list(_rectangles(is_member, top, left))


def _rectangles(is_member: NDArray[np.bool_], top: int, left: int) -> Iterator[_CellSpan]:
    """Yield the rectangles that the unit cells in a window consist of, row by row."""
    remaining = is_member.copy()
    while remaining.any():
        row, column = (int(k) for k in np.unravel_index(remaining.argmax(), remaining.shape))
        right = column + int(np.argmin(np.append(remaining[row, column:], False)))
        is_full = remaining[row:, column:right].all(axis=1)
        bottom = row + int(np.argmin(np.append(is_full, False)))
        remaining[row:bottom, column:right] = False
        yield _CellSpan(top + row, top + bottom, left + column, left + right)


def _table(spans: list[_CellSpan], x: NDArray[np.float64], y: NDArray[np.float64]) -> Table:
    at_x, at_y = [round(value) for value in x.tolist()], [round(value) for value in y.tolist()]
    return renumber(
        Cell(
            row=span.top,
            column=span.left,
            row_span=span.bottom - span.top,
            column_span=span.right - span.left,
            box=Box(at_x[span.left], at_y[span.top], at_x[span.right], at_y[span.bottom]),
            lines=(),
        )
        for span in spans
    )


def renumber(cells: Iterable[Cell]) -> Table:
    """Return the cells as a table of those rows and columns in which at least one begins."""
    ordered = sorted(cells, key=lambda cell: (cell.row, cell.column))
    rows = sorted({cell.row for cell in ordered})
    lefts = sorted({cell.column for cell in ordered})
    result = []
    for cell in ordered:
        row, column = bisect_left(rows, cell.row), bisect_left(lefts, cell.column)
        row_span = bisect_left(rows, cell.row + cell.row_span) - row
        column_span = bisect_left(lefts, cell.column + cell.column_span) - column
        result.append(Cell(row, column, row_span, column_span, cell.box, cell.lines))
    return Table(len(rows), len(lefts), tuple(result))
