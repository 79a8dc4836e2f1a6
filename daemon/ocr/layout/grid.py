"""Grids: from rules that meet to the cells between them, with the rows and columns they reach over.

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

    Sides = NDArray[np.int32]

_MOST = 5_000  # unit cells of a grid that is looked at; hatching and graph paper have more
_COVERED = 0.5  # share of a unit cell's side that a rule covers to close it

NONE = Table(0, 0, ())


class _Cuts(NamedTuple):
    """Where a grid is cut along one axis, `at` (N) in order, and the cut that each rule lies on."""

    at: NDArray[np.float64]
    of_rule: NDArray[np.intp]


class _Span(NamedTuple):
    """A rectangle of unit cells, the ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


def cells(across: Sides, down: Sides, slack: float, room: float) -> Table:
    """Return the empty cells between rules; no table where they are too many to be one.

    Parallel rules within `slack` of one another are one; rules that reach on beyond the last one
    across them by more than `room` have an open border there.
    """
    low = np.minimum(across[:, :2].min(axis=0), down[:, :2].min(axis=0))
    high = np.maximum(across[:, 2:].max(axis=0), down[:, 2:].max(axis=0))
    x = _cuts((down[:, 0] + down[:, 2]) / 2, slack, room, (low[0], high[0]))
    y = _cuts((across[:, 1] + across[:, 3]) / 2, slack, room, (low[1], high[1]))
    if not 1 < len(x.at) * len(y.at) <= _MOST:
        return NONE
    shut_above = _covered(across[:, [0, 2]], y, x.at)
    shut_left = _covered(down[:, [1, 3]], x, y.at).T
    return _table([span for part in _parts(shut_above, shut_left) for span in part], x.at, y.at)


def _cuts(at: NDArray[np.float64], slack: float, room: float, ends: tuple[int, int]) -> _Cuts:
    """Return the cuts on which rules lie, and those of open borders."""
    order = np.argsort(at, kind="stable")
    number = np.cumsum(np.diff(at[order], prepend=at[order][0]) > slack)
    of_rule = np.empty(len(at), np.intp)
    of_rule[order] = number
    middles = np.bincount(of_rule, weights=at) / np.bincount(of_rule)
    first = [float(ends[0])] if middles[0] - ends[0] > room else []
    last = [float(ends[1])] if ends[1] - middles[-1] > room else []
    return _Cuts(np.concatenate([first, middles, last]), of_rule + len(first))


def _covered(
    spans: NDArray[np.int32], cuts: _Cuts, others: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say for each cut, and each unit between two of the `others`, whether rules cover it.

    `spans` (N,2) is where the rules begin and end along their own direction.
    """
    start, size = int(others[0]), int(others[-1] - others[0]) + 2
    inked = np.zeros((len(cuts.at), size), np.int32)
    for (begin, end), cut in zip((spans - start).tolist(), cuts.of_rule.tolist(), strict=True):
        inked[cut, max(0, begin) : max(0, end)] = 1
    total = np.cumsum(np.pad(inked, ((0, 0), (1, 0))), axis=1)
    edges = (others - start).astype(np.intp)
    covered = np.diff(total[:, edges], axis=1) >= _COVERED * np.diff(edges)
    return np.asarray(covered, bool)


def _parts(shut_above: NDArray[np.bool_], shut_left: NDArray[np.bool_]) -> Iterator[list[_Span]]:
    """Yield for each set of unit cells with no shut side between them the rectangles it makes."""
    rows, count = shut_left.shape[0], shut_above.shape[1]
    plan = np.zeros((2 * rows + 1, 2 * count + 1), np.uint8)  # a unit cell is odd, odd
    plan[1::2, 1::2] = 1
    plan[2:-1:2, 1::2] = ~shut_above[1:-1]
    plan[1::2, 2:-1:2] = ~shut_left[:, 1:-1]
    number, labels, stats, _ = cv2.connectedComponentsWithStats(plan, connectivity=4)
    units = labels[1::2, 1::2]
    for part in range(1, number):
        left, top, width, height = (int(side) // 2 for side in stats[part, :4] + (0, 0, 1, 1))
        window = units[top : top + height, left : left + width] == part
        yield list(_rectangles(window, top, left))


def _rectangles(window: NDArray[np.bool_], top: int, left: int) -> Iterator[_Span]:
    """Yield the rectangles that the unit cells in a window make up, row by row."""
    rest = window.copy()
    while rest.any():
        row, column = (int(k) for k in np.unravel_index(rest.argmax(), rest.shape))
        right = column + int(np.argmin(np.append(rest[row, column:], False)))
        whole = rest[row:, column:right].all(axis=1)
        bottom = row + int(np.argmin(np.append(whole, False)))
        rest[row:bottom, column:right] = False
        yield _Span(top + row, top + bottom, left + column, left + right)


def _table(spans: list[_Span], x: NDArray[np.float64], y: NDArray[np.float64]) -> Table:
    at_x, at_y = [round(at) for at in x.tolist()], [round(at) for at in y.tolist()]
    return numbered(
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


def numbered(cells: Iterable[Cell]) -> Table:
    """Return the cells as a table of the rows and columns that at least one of them begins in."""
    ordered = sorted(cells, key=lambda cell: (cell.row, cell.column))
    rows = sorted({cell.row for cell in ordered})
    lefts = sorted({cell.column for cell in ordered})
    renumbered = []
    for cell in ordered:
        row, column = bisect_left(rows, cell.row), bisect_left(lefts, cell.column)
        row_span = bisect_left(rows, cell.row + cell.row_span) - row
        column_span = bisect_left(lefts, cell.column + cell.column_span) - column
        renumbered.append(Cell(row, column, row_span, column_span, cell.box, cell.lines))
    return Table(len(rows), len(lefts), tuple(renumbered))
