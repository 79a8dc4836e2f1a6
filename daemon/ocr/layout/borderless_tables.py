"""Tables without ruling lines: rows whose pieces are aligned, where that is unambiguous.

Required are three or more rows of three or more columns, or of two columns of which the second is
numeric, separated by vertical gaps and aligned left, right or centred. Rows are read in the same
order either way, so a table that is missed only lacks its cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout.grouping import group_rows, table_block
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIN_ROWS = 3
_MIN_COLUMN_GAP = 1.0  # of a line's height: a gap as wide as this separates columns
_MAX_ROW_GAP = 3.0  # of a line's height: rows farther apart belong to different tables
_MIN_FILLED = 0.7  # share of cells with text in a table of three or more columns
_MIN_FILLED_OF_TWO = 0.9  # and in one of two columns
_MIN_ALIGNED = 0.75  # share of the cells of a column that are aligned
_ALIGNMENT_TOLERANCE = 0.5  # of a line's height: the tolerance of alignment
_MIN_NUMBERS = 0.8  # share of numbers in a column of numbers
_MAX_CELL_WIDTH = 12.0  # of a line's height: the mean width of a cell, at most
_MAX_COLUMNS = 40  # columns; more are a pattern


@dataclass(frozen=True, slots=True)
class _Row:
    """The pieces of a row from the left, by index."""

    lines: list[int]
    top: int
    bottom: int


def detect(
    line_texts: Sequence[tuple[Box, str]], blocks: Sequence[LayoutBlock]
) -> list[LayoutBlock]:
    """Return the blocks with their rows that are clearly a table turned into tables."""
    boxes = [box for box, _ in line_texts]
    height = median(box.bottom - box.top for box in boxes) if boxes else 0
    result: list[LayoutBlock] = []
    rows: list[tuple[_Row, int]] = []  # with the number of its block
    for number, block in enumerate(blocks):
        if block.table is None:
            rows += [(_row(boxes, row), number) for row in group_rows(boxes, block.lines)]
        else:
            result += [*_to_blocks(line_texts, rows, height), block]
            rows = []
    return result + _to_blocks(line_texts, rows, height)


def _row(boxes: Sequence[Box], lines: list[int]) -> _Row:
    around = Box.around(boxes[k] for k in lines)
    return _Row(lines, around.top, around.bottom)


def _to_blocks(
    line_texts: Sequence[tuple[Box, str]], numbered: Sequence[tuple[_Row, int]], height: float
) -> list[LayoutBlock]:
    """Return the rows as tables where they form one, and otherwise in their original blocks."""
    rows = [row for row, _ in numbered]
    result: list[LayoutBlock] = []
    start, last_number = 0, -1
    while start < len(rows):
        end, columns = _aligned_run(rows, line_texts, start, height)
        table = _table(line_texts, rows[start:end], columns)
        if _is_table(line_texts, table, height):
            result.append(table_block(table))
            start, last_number = end, -1
            continue
        end = max(start + 1, end - 1)  # the last row may be the first of a table
        for row, number in numbered[start:end]:
            preceding = result.pop().lines if number == last_number else ()
            result.append(LayoutBlock((*preceding, *row.lines)))
            last_number = number
        start = end
    return result


def _aligned_run(
    rows: list[_Row], line_texts: Sequence[tuple[Box, str]], start: int, height: float
) -> tuple[int, list[tuple[int, int]]]:
    """Return where the rows from `start` on no longer share columns, and the columns."""
    columns: list[tuple[int, int]] = []
    common_columns: list[tuple[int, int]] = []
    stop = start  # behind the last row of two or more pieces
    for end in range(start, len(rows)):
        row = rows[end]
        boxes = [line_texts[k][0] for k in row.lines]
        wider = _merge_intervals(
            [*columns, *((box.left, box.right) for box in boxes)], _MIN_COLUMN_GAP * height
        )
        is_near = end == start or _is_below(rows[end - 1], row, height)
        if not is_near or not max(2, len(columns)) <= len(wider) <= _MAX_COLUMNS:
            break
        columns = wider
        if len(boxes) > 1:
            stop, common_columns = end + 1, columns
    return stop, common_columns


def _is_below(row: _Row, other: _Row, height: float) -> bool:
    return row.top <= other.top and other.top - row.bottom <= _MAX_ROW_GAP * height


def _merge_intervals(intervals: list[tuple[int, int]], min_gap: float) -> list[tuple[int, int]]:
    """Return the intervals merged where the gap between them is below `min_gap`."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(intervals):
        if merged and left - merged[-1][1] < min_gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _table(
    line_texts: Sequence[tuple[Box, str]], rows: list[_Row], columns: list[tuple[int, int]]
) -> Table:
    """Return the cells of rows and columns, each piece in the column that it is in."""
    cells = tuple(
        Cell(
            row=number,
            column=column,
            row_span=1,
            column_span=1,
            box=Box(left, row.top, right, row.bottom),
            lines=tuple(k for k in row.lines if left <= line_texts[k][0].left < right),
        )
        for number, row in enumerate(rows)
        for column, (left, right) in enumerate(columns)
    )
    return Table(len(rows), len(columns), cells)


def _is_table(line_texts: Sequence[tuple[Box, str]], table: Table, height: float) -> bool:
    if table.rows < _MIN_ROWS or table.columns < 2:
        return False
    filled = [cell for cell in table.cells if cell.lines]
    columns = [[cell for cell in filled if cell.column == k] for k in range(table.columns)]
    width = sum(
        line_texts[cell.lines[-1]][0].right - line_texts[cell.lines[0]][0].left for cell in filled
    )
    min_filled = _MIN_FILLED if table.columns > 2 else _MIN_FILLED_OF_TWO
    if len(filled) < min_filled * len(table.cells) or width > _MAX_CELL_WIDTH * height * len(
        filled
    ):
        return False
    if not all(_is_aligned(line_texts, column, height) for column in columns):
        return False
    numbers = [_is_numbers(line_texts, column) for column in columns[1:]]
    return any(numbers) if table.columns > 2 else numbers[0]


def _is_aligned(line_texts: Sequence[tuple[Box, str]], cells: list[Cell], height: float) -> bool:
    """Tell whether most cells of a column are aligned left, right or centred."""
    left = [line_texts[cell.lines[0]][0].left for cell in cells]
    right = [line_texts[cell.lines[-1]][0].right for cell in cells]
    middle = [
        (left_side + right_side) / 2 for left_side, right_side in zip(left, right, strict=True)
    ]
    return any(
        sum(abs(x - median(positions)) <= _ALIGNMENT_TOLERANCE * height for x in positions)
        >= _MIN_ALIGNED * len(positions)
        for positions in (left, right, middle)
    )


def _is_numbers(line_texts: Sequence[tuple[Box, str]], cells: list[Cell]) -> bool:
    numbers = sum(_is_number("".join(line_texts[k][1] for k in cell.lines)) for cell in cells)
    return numbers >= max(1, _MIN_NUMBERS * (len(cells) - 1))  # less the name of the column


def _is_number(text: str) -> bool:
    """Tell whether a text is a number, an amount, a date, or a dash for no value."""
    digits = sum(c.isdigit() for c in text)
    return digits >= sum(c.isalpha() for c in text)
