"""Tables without a grid: rows whose pieces are aligned in columns, where that is unambiguous.

Rules may separate the rows or enclose them, but not the columns. The columns are the intervals that
the pieces of consecutive rows have in common. A row of text is a row of the table, unless rules or
white space show that cells have several lines. Whether it is a table is told by full and aligned
columns, and by numbers in one of them, rules around it, or many rows of words.

Rows are read in the same order either way, so a table that is missed only lacks its cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from daemon.core.records import Box, Cell, Table
from daemon.ocr.layout.grouping import group_rows, table_block
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.ocr.records import RulingLines

    LineTexts = Sequence[tuple[Box, str]]
    Interval = tuple[int, int]

_MIN_ROWS = 3
_MIN_ROWS_OF_WORDS = 5  # of a table without numbers, unless rules enclose it
_MIN_COLUMN_GAP = 0.5  # of a line's height: a gap as wide as this separates columns
_MAX_ROW_GAP = 3.0  # of a line's height: rows farther apart belong to different tables
_MIN_FILLED = 0.7  # share of cells with text in a table of three or more columns
_MIN_FILLED_OF_TWO = 0.9  # and in one of two columns
_MIN_ALIGNED = 0.75  # share of the cells of a column that are aligned
_ALIGNMENT_TOLERANCE = 0.5  # of a line's height: the tolerance of alignment
_MIN_NUMBERS = 0.8  # share of numbers in a column of numbers
_MAX_CELL_WIDTH = 12.0  # of a line's height: the mean width of a cell, at most
_MAX_WORDS_WIDTH = 8.0  # the same in a table without numbers: columns of prose are wider
_MAX_COLUMNS = 40  # columns; more are a pattern
_MIN_RULE = 0.7  # of a table's width: the length of a rule that encloses it or separates rows
_MIN_STEP = 0.35  # of a line's height: gaps between rows are larger than in them by this
_CLOSER = 0.1  # of a line's height: gaps in a cell differ by this
_LEADERS = re.compile(r"\.{4}|…|·{4}")
_KEY = (":", "：")


@dataclass(frozen=True, slots=True)
class _Row:
    """The pieces of a row from the left, by index."""

    lines: list[int]
    top: int
    bottom: int

    @classmethod
    def of(cls, boxes: Sequence[Box], lines: list[int]) -> _Row:
        around = Box.around(boxes[k] for k in lines)
        return cls(lines, around.top, around.bottom)


@dataclass(frozen=True, slots=True)
class _Page:
    """The lines of a page, their median height in pixels, and its horizontal rules."""

    boxes: list[Box]
    texts: list[str]
    height: float
    rules: tuple[Box, ...]

    def interval(self, line: int) -> Interval:
        return self.boxes[line].left, self.boxes[line].right


def detect(
    line_texts: LineTexts, blocks: Sequence[LayoutBlock], rules: RulingLines
) -> list[LayoutBlock]:
    """Return the blocks with their rows that are clearly a table turned into tables."""
    boxes = [box for box, _ in line_texts]
    height = median(box.bottom - box.top for box in boxes) if boxes else 0
    page = _Page(boxes, [text for _, text in line_texts], height, rules.horizontal)
    result: list[LayoutBlock] = []
    rows: list[tuple[_Row, int]] = []  # with the number of its block
    for number, block in enumerate(blocks):
        if block.table is None:
            rows += [(_Row.of(boxes, row), number) for row in group_rows(boxes, block.lines)]
        else:
            result += [*_to_blocks(page, rows), block]
            rows = []
    return result + _to_blocks(page, rows)


def _to_blocks(page: _Page, numbered: Sequence[tuple[_Row, int]]) -> list[LayoutBlock]:
    """Return the rows as tables where they form one, and otherwise in their original blocks."""
    rows = [row for row, _ in numbered]
    result: list[LayoutBlock] = []
    start, last_number = 0, -1
    while start < len(rows):
        first, end, columns = _best_run(page, rows, start)
        first, end = _with_outer_lines(page, rows, (start, first, end), columns)
        table = _table(page, rows[first:end], columns)
        is_table = _is_table(page, table)
        if is_table:
            before, first = first, _header_start(page, rows, first, columns, start)
            if first < before:
                table = _table(page, rows[first:end], columns)
        stop = first if is_table else max(start + 1, end - 1)  # the last may begin a table
        for row, number in numbered[start:stop]:
            preceding = result.pop().lines if number == last_number else ()
            result.append(LayoutBlock((*preceding, *row.lines)))
            last_number = number
        start = stop
        if is_table:
            result.append(table_block(table))
            start, last_number = end, -1
    return result


def _best_run(page: _Page, rows: list[_Row], start: int) -> tuple[int, int, list[Interval]]:
    """Return first, end and columns of the rows with the most cells that begin at `start` or next.

    The row at `start` may be a title or a header over several columns, which hides columns.
    """
    runs = [(first, *_aligned_run(page, rows, first)) for first in (start, start + 1)]
    return max(runs, key=lambda run: ((run[1] - run[0]) * len(run[2]), -run[0]))


def _aligned_run(page: _Page, rows: list[_Row], start: int) -> tuple[int, list[Interval]]:
    """Return where the rows from `start` on no longer share columns, and the columns."""
    columns: list[Interval] = []
    common_columns: list[Interval] = []
    stop = start  # behind the last row of two or more pieces
    for end in range(start, len(rows)):
        row = rows[end]
        wider = _merge_intervals(
            [*columns, *map(page.interval, row.lines)], _MIN_COLUMN_GAP * page.height
        )
        is_near = end == start or _is_below(rows[end - 1], row, page.height)
        if not is_near or not max(2, len(columns)) <= len(wider) <= _MAX_COLUMNS:
            break
        columns = wider
        if len(row.lines) > 1:
            stop, common_columns = end + 1, columns
    return stop, common_columns


def _is_below(row: _Row, other: _Row, height: float) -> bool:
    return row.top <= other.bottom and other.top - row.bottom <= _MAX_ROW_GAP * height


def _merge_intervals(intervals: list[Interval], min_gap: float) -> list[Interval]:
    """Return the intervals merged where the gap between them is below `min_gap`."""
    merged: list[Interval] = []
    for left, right in sorted(intervals):
        if merged and left - merged[-1][1] < min_gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _with_outer_lines(
    page: _Page, rows: list[_Row], run: tuple[int, int, int], columns: list[Interval]
) -> tuple[int, int]:
    """Return first and end of a run with the outer lines of cells that have several.

    These are single pieces as close as those within; `run` is the first row that is free, and the
    first and end of the run.
    """
    free, first, end = run
    gaps = [below.top - row.bottom for row, below in pairwise(rows[first:end])]
    inner = [
        min(gaps[k - 1 : k + 1]) for k in range(1, len(gaps)) if len(rows[first + k].lines) == 1
    ]
    if not inner:
        return first, end
    largest = max(inner) + _CLOSER * page.height

    def is_outer(row: _Row, gap: float) -> bool:
        spans = [_columns_of(page.interval(k), columns) for k in row.lines]
        return len(spans) == 1 and spans[0][0] == spans[0][1] and gap <= largest

    while first > free and is_outer(rows[first - 1], rows[first].top - rows[first - 1].bottom):
        first -= 1
    while end < len(rows) and is_outer(rows[end], rows[end].top - rows[end - 1].bottom):
        end += 1
    return first, end


def _header_start(
    page: _Page, rows: list[_Row], first: int, columns: list[Interval], start: int
) -> int:
    """Return where a table begins with its headers over several columns, not above `start`."""
    while first > start and _is_below(rows[first - 1], rows[first], page.height):
        spans = [_columns_of(page.interval(k), columns) for k in rows[first - 1].lines]
        if len(spans) < 2 or any(last >= after for (_, last), (after, _) in pairwise(spans)):
            break
        first -= 1
    return first


def _columns_of(interval: Interval, columns: list[Interval]) -> tuple[int, int]:
    """Return the first and last of the columns that an interval overlaps, or the nearest one."""
    left, right = interval
    overlapped = [k for k, (start, stop) in enumerate(columns) if left < stop and right > start]
    if overlapped:
        return overlapped[0], overlapped[-1]
    nearest = min(range(len(columns)), key=lambda k: abs(sum(columns[k]) - left - right))
    return nearest, nearest


# --- rows with several lines ---------------------------------------------------------------------


def _table_rows(page: _Page, rows: Sequence[_Row], columns: list[Interval]) -> list[list[_Row]]:
    """Return the rows of text that form each row of the table."""
    separators = _separators(page, rows, columns)
    bands: list[list[_Row]] = []
    for row, passed in zip(rows, _passed(rows, separators), strict=True):
        if not bands or passed:
            bands.append([])
        bands[-1].append(row)
    have_rules = len(bands) >= _MIN_ROWS
    return [each for band in bands for each in _rows_of_band(page, band, columns, have_rules)]


def _separators(page: _Page, rows: Sequence[_Row], columns: list[Interval]) -> list[float]:
    """Return the heights of the rules as long as the table that lie in it or next to it."""
    if not rows or not columns:
        return []
    width = columns[-1][1] - columns[0][0]
    top, bottom = rows[0].top, max(row.bottom for row in rows)
    margin = _MAX_ROW_GAP / 2 * page.height
    heights = sorted(
        (rule.top + rule.bottom) / 2
        for rule in page.rules
        if min(rule.right, columns[-1][1]) - max(rule.left, columns[0][0]) >= _MIN_RULE * width
        and top - margin <= rule.top <= bottom + margin
    )
    return [
        height for k, height in enumerate(heights)
        if k == 0 or height - heights[k - 1] > page.height / 2
    ]  # fmt: skip


def _passed(rows: Sequence[_Row], separators: list[float]) -> Iterator[bool]:
    """Tell of each row whether a separator lies between it and the row above."""
    yield True
    for row, below in pairwise(rows):
        middles = (row.top + row.bottom) / 2, (below.top + below.bottom) / 2
        yield any(middles[0] < height < middles[1] for height in separators)


def _rows_of_band(
    page: _Page, band: list[_Row], columns: list[Interval], have_rules: bool
) -> list[list[_Row]]:
    """Return the rows of the table that lie between two rules, or without any."""
    single = [[row] for row in band]
    filled = _filled(page, [band], columns)[0]
    share = sum(_filled(page, single, columns)) / (len(band) * filled)
    if len(band) == 1 or share >= _MIN_ALIGNED:
        return single
    if have_rules and len(band) < 2 * _MIN_ROWS:
        return [band]
    grouped = _grouped_by_gaps(page, band)
    if len(grouped) > 1 and min(_filled(page, grouped, columns)) >= _MIN_FILLED * len(columns):
        return grouped
    return single


def _filled(page: _Page, rows: Sequence[list[_Row]], columns: list[Interval]) -> list[int]:
    """Return in how many columns each row of the table has text."""
    return [
        len({_columns_of(page.interval(k), columns)[0] for row in each for k in row.lines})
        for each in rows
    ]


def _grouped_by_gaps(page: _Page, rows: list[_Row]) -> list[list[_Row]]:
    """Return rows grouped where the gaps between them are clearly of two sizes."""
    reach, gaps = rows[0].bottom, []
    for row in rows[1:]:
        gaps.append(row.top - reach)
        reach = max(reach, row.bottom)
    steps = [(after - before, before) for before, after in pairwise(sorted(gaps))]
    step, largest_inner = max(steps, default=(0, 0))
    if step < _MIN_STEP * page.height:
        return [[row] for row in rows]
    grouped = [[rows[0]]]
    for row, gap in zip(rows[1:], gaps, strict=True):
        if gap > largest_inner:
            grouped.append([])
        grouped[-1].append(row)
    return grouped


# --- cells ---------------------------------------------------------------------------------------


def _table(page: _Page, rows: Sequence[_Row], columns: list[Interval]) -> Table:
    """Return the cells of rows and columns, each piece in the columns that it is in."""
    cells: list[Cell] = []
    table_rows = _table_rows(page, rows, columns) if rows else []
    for number, members in enumerate(table_rows):
        top, bottom = min(row.top for row in members), max(row.bottom for row in members)
        placed = _placed(page, members, columns)
        column = 0
        while column < len(columns):
            last, lines = placed.get(column, (column, ()))
            box = Box(columns[column][0], top, columns[last][1], bottom)
            cells.append(Cell(number, column, 1, last - column + 1, box, tuple(lines)))
            column = last + 1
    return Table(len(table_rows), len(columns), tuple(cells))


def _placed(
    page: _Page, members: Sequence[_Row], columns: list[Interval]
) -> dict[int, tuple[int, list[int]]]:
    """Return by its first column the last column of each cell with text, and its lines."""
    spans = sorted(
        (_columns_of(page.interval(k), columns), k) for row in members for k in row.lines
    )
    placed: dict[int, tuple[int, list[int]]] = {}
    current = -1
    for (first, last), k in spans:
        if current >= 0 and first <= placed[current][0]:
            placed[current] = max(last, placed[current][0]), [*placed[current][1], k]
        else:
            current = first
            placed[first] = last, [k]
    order = {k: number for number, k in enumerate(k for row in members for k in row.lines)}
    return {
        first: (last, sorted(lines, key=order.__getitem__))
        for first, (last, lines) in placed.items()
    }


# --- whether it is a table -----------------------------------------------------------------------


def _is_table(page: _Page, table: Table) -> bool:
    if table.rows < _MIN_ROWS or table.columns < 2:
        return False
    filled = [cell for cell in table.cells if cell.lines]
    columns = [
        [cell for cell in filled if cell.column == k and cell.column_span == 1]
        for k in range(table.columns)
    ]
    if not all(columns) or not _is_full(page, table, filled):
        return False
    if not all(_is_aligned(page, column) for column in columns):
        return False
    if 2 * sum(bool(_LEADERS.search(_text(page, cell))) for cell in filled) >= table.rows:
        return False  # a table of contents
    numbers = [_is_numbers(page, column) for column in columns[1:]]
    is_enclosed = _is_enclosed(page, table)
    if table.columns == 2:
        has_header = not _is_number(_text(page, columns[1][0]))
        return numbers[0] and (has_header or is_enclosed)
    return any(numbers) or _is_table_of_words(page, table, columns, is_enclosed)


def _is_full(page: _Page, table: Table, filled: list[Cell]) -> bool:
    """Tell whether there is little in most cells."""
    min_filled = _MIN_FILLED if table.columns > 2 else _MIN_FILLED_OF_TWO
    return (
        len(filled) >= min_filled * len(table.cells)
        and _mean_width(page, filled) <= _MAX_CELL_WIDTH * page.height
    )


def _mean_width(page: _Page, cells: Sequence[Cell]) -> float:
    extents = [_extent(page, cell) for cell in cells]
    return sum(right - left for left, right in extents) / len(extents)


def _is_enclosed(page: _Page, table: Table) -> bool:
    """Tell whether rules lie above and below, or between rows."""
    rows = [Box.around(c.box for c in table.cells if c.row == row) for row in range(table.rows)]
    lines = [_Row([], box.top, box.bottom) for box in rows]
    around = Box.around(rows)
    return len(_separators(page, lines, [(around.left, around.right)])) >= 2


def _is_table_of_words(
    page: _Page, table: Table, columns: list[list[Cell]], is_enclosed: bool
) -> bool:
    """Tell whether columns of words are a table: neither a form nor prose."""
    cells = [cell for column in columns for cell in column]
    keys = sum(_text(page, cell).endswith(_KEY) for cell in cells)
    return (
        table.rows >= (_MIN_ROWS if is_enclosed else _MIN_ROWS_OF_WORDS)
        and _mean_width(page, cells) <= _MAX_WORDS_WIDTH * page.height
        and 4 * keys < len(cells)
    )


def _extent(page: _Page, cell: Cell) -> Interval:
    """Return where the text of a cell begins and ends."""
    return (
        min(page.boxes[k].left for k in cell.lines),
        max(page.boxes[k].right for k in cell.lines),
    )


def _is_aligned(page: _Page, cells: list[Cell]) -> bool:
    """Tell whether most cells of a column are aligned left, right or centred."""
    left, right = zip(*(_extent(page, cell) for cell in cells), strict=True)
    middle = [(a + b) / 2 for a, b in zip(left, right, strict=True)]
    return any(
        sum(abs(x - median(positions)) <= _ALIGNMENT_TOLERANCE * page.height for x in positions)
        >= _MIN_ALIGNED * len(positions)
        for positions in (left, right, middle)
    )


def _text(page: _Page, cell: Cell) -> str:
    return "".join(page.texts[k] for k in cell.lines).rstrip()


def _is_numbers(page: _Page, cells: list[Cell]) -> bool:
    numbers = sum(_is_number(_text(page, cell)) for cell in cells)
    return numbers >= max(1, _MIN_NUMBERS * (len(cells) - 1))  # less the name of the column


def _is_number(text: str) -> bool:
    """Tell whether a text is a number, an amount, a date, or a dash for no value."""
    digits = sum(c.isdigit() for c in text)
    return digits >= sum(c.isalpha() for c in text)
