"""Unruled tables: rows whose pieces stand one above the other, where that is clear.

Clear are three rows and more of three columns, or of two of which the second is numbers, parted by
white from top to bottom and aligned on a side or in the middle. Rows are read as before, so what
is missed here loses no more than its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout.grouping import rows_of, tabular
from daemon.ocr.records import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = 3
_WHITE = 1.0  # of a line's height: white as wide parts columns
_APART = 3.0  # of a line's height: rows farther apart are not of one table
_FULL = 0.7  # share of the cells that hold text where there are three columns and more
_FULL_OF_TWO = 0.9  # and where there are two
_ALIGNED = 0.75  # share of a column's cells that stand in line
_IN_LINE = 0.5  # of a line's height: so near
_NUMBERS = 0.8  # share of numbers in a column of numbers
_SHORT = 12.0  # of a line's height: a cell is on the average at most this wide
_MOST = 40  # columns; more are a pattern


@dataclass(frozen=True, slots=True)
class _Row:
    """The pieces of a row from the left, by their place."""

    lines: list[int]
    top: int
    bottom: int


def with_tables(found: Sequence[tuple[Box, str]], parts: Sequence[Part]) -> list[Part]:
    """Return the parts with their rows that are clearly a table as tables, in their place."""
    boxes = [box for box, _ in found]
    height = median(box.bottom - box.top for box in boxes) if boxes else 0
    told: list[Part] = []
    rows: list[tuple[_Row, int]] = []  # with the number of the block it is of
    for number, part in enumerate(parts):
        if part.table is None:
            rows += [(_row(boxes, row), number) for row in rows_of(boxes, part.lines)]
        else:
            told += [*_parts(found, rows, height), part]
            rows = []
    return told + _parts(found, rows, height)


def _row(boxes: Sequence[Box], lines: list[int]) -> _Row:
    around = Box.around(boxes[k] for k in lines)
    return _Row(lines, around.top, around.bottom)


def _parts(
    found: Sequence[tuple[Box, str]], numbered: Sequence[tuple[_Row, int]], height: float
) -> list[Part]:
    """Return the rows as tables where they are, and else in the blocks that they were in."""
    rows = [row for row, _ in numbered]
    told: list[Part] = []
    start, block = 0, -1
    while start < len(rows):
        end, sides = _run(rows, found, start, height)
        table = _table(found, rows[start:end], sides)
        if _is_clear(found, table, height):
            told.append(tabular(table))
            start, block = end, -1
            continue
        end = max(start + 1, end - 1)  # the last one may be the first of a table
        for row, number in numbered[start:end]:
            before = told.pop().lines if number == block else ()
            told.append(Part((*before, *row.lines)))
            block = number
        start = end
    return told


def _run(
    rows: list[_Row], found: Sequence[tuple[Box, str]], start: int, height: float
) -> tuple[int, list[tuple[int, int]]]:
    """Return where the rows from `start` on cease to have columns in common, and the columns."""
    sides: list[tuple[int, int]] = []
    kept: list[tuple[int, int]] = []
    stop = start  # after the last row of two pieces and more
    for end in range(start, len(rows)):
        row = rows[end]
        boxes = [found[k][0] for k in row.lines]
        wider = _merged([*sides, *((box.left, box.right) for box in boxes)], _WHITE * height)
        is_near = end == start or _is_below(rows[end - 1], row, height)
        if not is_near or not max(2, len(sides)) <= len(wider) <= _MOST:
            break
        sides = wider
        if len(boxes) > 1:
            stop, kept = end + 1, sides
    return stop, kept


def _is_below(row: _Row, other: _Row, height: float) -> bool:
    return row.top <= other.top and other.top - row.bottom <= _APART * height


def _merged(spans: list[tuple[int, int]], white: float) -> list[tuple[int, int]]:
    """Return the spans joined where less than `white` is between them."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(spans):
        if merged and left - merged[-1][1] < white:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _table(
    found: Sequence[tuple[Box, str]], rows: list[_Row], sides: list[tuple[int, int]]
) -> Table:
    """Return the cells of rows and columns; each piece is in the column that it stands in."""
    cells = tuple(
        Cell(
            row=number,
            column=column,
            row_span=1,
            column_span=1,
            box=Box(left, row.top, right, row.bottom),
            lines=tuple(k for k in row.lines if left <= found[k][0].left < right),
        )
        for number, row in enumerate(rows)
        for column, (left, right) in enumerate(sides)
    )
    return Table(len(rows), len(sides), cells)


def _is_clear(found: Sequence[tuple[Box, str]], table: Table, height: float) -> bool:
    if table.rows < _ROWS or table.columns < 2:
        return False
    texts = [cell for cell in table.cells if cell.lines]
    columns = [[cell for cell in texts if cell.column == k] for k in range(table.columns)]
    width = sum(found[cell.lines[-1]][0].right - found[cell.lines[0]][0].left for cell in texts)
    full = _FULL if table.columns > 2 else _FULL_OF_TWO
    if len(texts) < full * len(table.cells) or width > _SHORT * height * len(texts):
        return False
    if not all(_is_aligned(found, column, height) for column in columns):
        return False
    numbers = [_is_numbers(found, column) for column in columns[1:]]
    return any(numbers) if table.columns > 2 else numbers[0]


def _is_aligned(found: Sequence[tuple[Box, str]], cells: list[Cell], height: float) -> bool:
    """Say whether most cells of a column have their left, their right or their middle in line."""
    left = [found[cell.lines[0]][0].left for cell in cells]
    right = [found[cell.lines[-1]][0].right for cell in cells]
    middle = [(one + other) / 2 for one, other in zip(left, right, strict=True)]
    return any(
        sum(abs(x - median(places)) <= _IN_LINE * height for x in places) >= _ALIGNED * len(places)
        for places in (left, right, middle)
    )


def _is_numbers(found: Sequence[tuple[Box, str]], cells: list[Cell]) -> bool:
    numbers = sum(_is_number("".join(found[k][1] for k in cell.lines)) for cell in cells)
    return numbers >= max(1, _NUMBERS * (len(cells) - 1))  # less the name of the column


def _is_number(text: str) -> bool:
    """Say whether a text is a number, an amount, a date or a dash for none."""
    digits = sum(c.isdigit() for c in text)
    return digits >= sum(c.isalpha() for c in text)
