"""Ruled tables: connected ruling lines are a grid, and its cells are what no rule divides.

A grid is cut into unit cells wherever one of its rules lies. A rule that covers less than half of a
side of a unit cell leaves that side open, and unit cells with open sides between them form one cell
over several rows or columns. Thus broken rules, missing borders and spans need no special
treatment, and an underline in a cell divides nothing.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout import grid, reading_order, unruled_rows
from daemon.ocr.layout.grouping import group_rows, table_box
from daemon.ocr.records import RulingLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Rects = NDArray[np.int32]  # N,4: left, top, right, bottom

_TOLERANCE = 0.4  # of a line's height: rules as close as this meet, or are one if parallel
_MAX_GAP = 1.5  # of a line's height: a gap in a broken rule
_MIN_OVERHANG = 1.0  # of a line's height: rules that extend so far have an open border there
_MAX_JOINED_GAP = 12.0  # of a line's height: the width of a column whose rules have faded
_MIN_JOINED_RULES = 3  # rules that go on beyond such a column, at least
_MIN_TEXT_CELLS = 3  # cells with text of a table, at least
_MIN_ROWS = 2  # rows of two or more cells of a table, at least
_MIN_CROSSING = 0.15  # of a line's area: so much of it lies in another cell, if a rule crosses it
_MAX_CROSSED = 0.3  # share of such lines in a table; more, and the rules are strokes or noise
_MAX_CELL_LINES = 8  # lines of a cell, at most; else it is the frame of a page or form
_MAX_FRAMED_SHARE = 0.5  # share of the lines of a table that such frames may hold
_MAX_FRAMED_ROWS = 3  # rows of text of a cell as wide as its table, at most
_MAX_GRIDS = 50  # the largest grids are used: a page of hatching must end


def find(boxes: Sequence[Box], rules: RulingLines) -> list[Table]:
    """Return the tables drawn by `rules` with the lines `boxes`, by index, in their cells.

    No line is in two of them; a grid within the cell of another one is not a table of its own.
    """
    if not boxes or not rules.horizontal or not rules.vertical:
        return []
    height = median(box.bottom - box.top for box in boxes)
    free = set(range(len(boxes)))
    tables = []
    groups = _connected_groups(_to_array(rules.horizontal), _to_array(rules.vertical), height)
    for horizontal, vertical in _joined_groups(groups, boxes, height):
        cells = grid.find_cells(horizontal, vertical, _TOLERANCE * height, _MIN_OVERHANG * height)
        assigned = _assign_lines(cells, boxes, sorted(free))
        for table in _sections(boxes, unruled_rows.separate(assigned, boxes, height)):
            if _is_table(table):
                tables.append(table)
                free -= {k for cell in table.cells for k in cell.lines}
    return tables


def _to_array(boxes: Sequence[Box]) -> Rects:
    return np.array([[b.left, b.top, b.right, b.bottom] for b in boxes], np.int32)


def _connected_groups(
    horizontal: Rects, vertical: Rects, height: float
) -> list[tuple[Rects, Rects]]:
    """Return the connected groups of rules, the one of the largest extent first.

    Parallel rules are connected where one continues the other.
    """
    tolerance, gap = _TOLERANCE * height, _MAX_GAP * height
    crossing = _are_touching(horizontal, vertical, tolerance, tolerance)
    continued_horizontally = _are_touching(horizontal, horizontal, gap, tolerance / 2)
    continued_vertically = _are_touching(vertical, vertical, tolerance / 2, gap)
    horizontal_labels = np.arange(len(horizontal))
    vertical_labels = np.full(len(vertical), len(horizontal))
    previous = None
    while previous is None or not np.array_equal(previous, horizontal_labels):
        previous = horizontal_labels
        # label propagation: each rule takes the lowest label among those that it touches
        vertical_labels = _min_label(crossing.T, horizontal_labels, vertical_labels)
        vertical_labels = _min_label(continued_vertically, vertical_labels, vertical_labels)
        horizontal_labels = _min_label(crossing, vertical_labels, horizontal_labels)
        horizontal_labels = _min_label(continued_horizontally, horizontal_labels, horizontal_labels)
    groups = [
        (horizontal[horizontal_labels == k], vertical[vertical_labels == k])
        for k in np.unique(horizontal_labels)
    ]
    groups = [(rows, columns) for rows, columns in groups if len(columns)]
    return sorted(groups, key=lambda pair: -_area(np.concatenate(pair)))[:_MAX_GRIDS]


def _joined_groups(
    groups: list[tuple[Rects, Rects]], boxes: Sequence[Box], height: float
) -> list[tuple[Rects, Rects]]:
    """Return the groups, those joined that continue one another beyond a column of text.

    Rules fade, or are taken for strokes of the text that touches them.
    """
    joined: list[tuple[Rects, Rects]] = []
    for group in sorted(groups, key=lambda pair: _bounds(pair).left):
        for k, other in enumerate(joined):
            if _continues(other, group, boxes, height):
                joined[k] = (
                    np.concatenate([other[0], group[0]]),
                    np.concatenate([other[1], group[1]]),
                )
                break
        else:
            joined.append(group)
    return sorted(joined, key=lambda pair: -_area(np.concatenate(pair)))


def _continues(
    left: tuple[Rects, Rects], right: tuple[Rects, Rects], boxes: Sequence[Box], height: float
) -> bool:
    """Tell whether most rules of the smaller group go on in the other one, with text between."""
    start, stop = _bounds(left).right, _bounds(right).left
    tolerance = _TOLERANCE * height
    if not -tolerance <= stop - start <= _MAX_JOINED_GAP * height:
        return False
    levels, others = (_levels(horizontal, tolerance) for horizontal, _ in (left, right))
    common = sum(any(abs(y - other) <= tolerance for other in others) for y in levels)
    if common < max(_MIN_JOINED_RULES, min(len(levels), len(others)) / 2):
        return False
    top, bottom = min(levels[0], others[0]), max(levels[-1], others[-1])
    between = [
        box
        for box in boxes
        if 2 * start <= box.left + box.right <= 2 * stop
        and 2 * top - height <= box.top + box.bottom <= 2 * bottom + height
    ]
    return 2 * len(between) >= common


def _levels(horizontal: Rects, tolerance: float) -> list[float]:
    """Return the different heights of rules, from the top."""
    levels: list[float] = []
    for y in sorted(((horizontal[:, 1] + horizontal[:, 3]) / 2).tolist()):
        if not levels or y - levels[-1] > tolerance:
            levels.append(y)
    return levels


def _bounds(group: tuple[Rects, Rects]) -> Box:
    rules = np.concatenate(group)
    return Box(*rules[:, :2].min(axis=0).tolist(), *rules[:, 2:].max(axis=0).tolist())


def _are_touching(
    rects: Rects, others: Rects, tolerance_x: float, tolerance_y: float
) -> NDArray[np.bool_]:
    left, top, right, bottom = rects.T[:, :, None]
    touching = (left - tolerance_x <= others[:, 2]) & (others[:, 0] <= right + tolerance_x)
    touching &= (top - tolerance_y <= others[:, 3]) & (others[:, 1] <= bottom + tolerance_y)
    return np.asarray(touching, bool)


def _min_label(
    touching: NDArray[np.bool_], labels: NDArray[np.int_], own_labels: NDArray[np.int_]
) -> NDArray[np.int_]:
    """Return for each rule the lowest of its own label and those of the rules it touches."""
    highest = np.iinfo(labels.dtype).max
    minimum = np.where(touching, labels[None, :], highest).min(axis=1, initial=highest)
    return np.asarray(np.minimum(own_labels, minimum), np.int_)


def _area(sides: Rects) -> int:
    low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
    return int(high[0] - low[0]) * int(high[1] - low[1])


def _assign_lines(cells: Table, boxes: Sequence[Box], free: list[int]) -> Table:
    """Return the table with each free line in the cell that holds most of it, in reading order."""
    if len(cells.cells) <= _MIN_TEXT_CELLS:
        return grid.NO_TABLE
    assigned: list[list[int]] = [[] for _ in cells.cells]
    sides = _to_array([cell.box for cell in cells.cells])
    within = table_box(cells)
    crossed = 0
    for k in free:
        if not _is_within(boxes[k], within):
            continue
        shared = _shared_area(boxes[k], sides)
        area = (boxes[k].right - boxes[k].left) * (boxes[k].bottom - boxes[k].top)
        if 2 * shared.sum() > area:
            assigned[int(shared.argmax())].append(k)
            crossed += bool(np.partition(shared, -2)[-2] > _MIN_CROSSING * area)
    if crossed > _MAX_CROSSED * sum(map(len, assigned)):
        return grid.NO_TABLE
    filled = (
        Cell(c.row, c.column, c.row_span, c.column_span, c.box, _in_reading_order(boxes, lines))
        for c, lines in zip(cells.cells, assigned, strict=True)
    )
    return Table(cells.rows, cells.columns, tuple(filled))


def _is_within(box: Box, other: Box) -> bool:
    """Tell whether the centre of a box is in another."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return other.left <= x < other.right and other.top <= y < other.bottom


def _shared_area(box: Box, sides: Rects) -> NDArray[np.int64]:
    """Return the area that the box shares with each cell."""
    width = np.minimum(sides[:, 2], box.right) - np.maximum(sides[:, 0], box.left)
    height = np.minimum(sides[:, 3], box.bottom) - np.maximum(sides[:, 1], box.top)
    return np.asarray(np.maximum(width, 0).astype(np.int64) * np.maximum(height, 0), np.int64)


def _in_reading_order(boxes: Sequence[Box], lines: list[int]) -> tuple[int, ...]:
    """Return the lines of a cell in reading order."""
    blocks = reading_order.order([boxes[k] for k in lines])
    return tuple(lines[k] for block in blocks for k in block)


def _sections(boxes: Sequence[Box], table: Table) -> Iterator[Table]:
    """Yield what is above, between and below the frames of a table.

    A frame is a cell as wide as the table with many rows of text; these are read as rows.
    """
    section: list[Cell] = []
    for cell in table.cells:
        if (
            cell.column_span == table.columns
            and len(group_rows(boxes, cell.lines)) > _MAX_FRAMED_ROWS
        ):
            yield grid.renumber(section)
            section = []
        else:
            section.append(cell)
    yield grid.renumber(section)


def _is_table(table: Table) -> bool:
    """Tell whether there is text in both directions, and no frame around a form or prose."""
    text_cells = [cell for cell in table.cells if cell.lines]
    divided_rows = [row for row in range(table.rows) if _cells_in(table, row) > 1]
    if len(text_cells) < _MIN_TEXT_CELLS or len(divided_rows) < _MIN_ROWS:
        return False
    lines = sum(len(cell.lines) for cell in text_cells)
    framed = sum(len(cell.lines) for cell in text_cells if len(cell.lines) > _MAX_CELL_LINES)
    return framed <= _MAX_FRAMED_SHARE * lines


def _cells_in(table: Table, row: int) -> int:
    return sum(cell.row <= row < cell.row + cell.row_span for cell in table.cells)
