"""Layout analysis: from lines and ruling lines to blocks in reading order, each with its kind.

Ruled tables are found first (ruled_tables.py, grid.py), since the cells of a table are not read in
the order of the page. The remaining lines are ordered by columns and rows (reading_order.py,
gutters.py), with each table in its place; rows whose pieces are aligned are tables without ruling
lines (borderless_tables.py). Columns of vertical text are ordered from right to left
(vertical_regions.py). Finally, headings, headers and footers are separated from the body
text (block_kinds.py, headers_footers.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.records import Box
from daemon.ocr.layout import (
    block_kinds,
    borderless_tables,
    reading_order,
    ruled_tables,
    vertical_regions,
)
from daemon.ocr.layout.grouping import table_block, table_box
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

    from daemon.core.records import Table
    from daemon.ocr.records import RulingLines


def analyze(
    line_texts: Sequence[tuple[Box, str]],
    rules: RulingLines,
    page_height: int,
    vertical: Set[int] = frozenset(),
) -> list[LayoutBlock]:
    """Return the blocks of a page in reading order; each line is in exactly one of them.

    `line_texts` are the boxes and texts of the lines in the clean frame, `page_height` pixels high;
    `vertical` are the indexes of those that are columns of vertical text.
    """
    boxes = [box for box, _ in line_texts]
    tables = vertical_regions.without_ruled_columns(ruled_tables.find(boxes, rules), vertical)
    blocks = _order_blocks(boxes, tables, vertical)
    free = [block for block in blocks if not _is_vertical(block, vertical)]
    # of a column, kinds are judged by the size of its characters: by its first one
    sized = [
        (_first_cell(box) if k in vertical else box, text)
        for k, (box, text) in enumerate(line_texts)
    ]
    classified = block_kinds.classify(
        sized, borderless_tables.detect(sized, free, rules), rules, page_height
    )
    return _insert_vertical(classified, blocks, vertical)


def split_points(lines: Sequence[Sequence[tuple[Box, str]]], rules: RulingLines) -> list[list[int]]:
    """Return for each line, given in pieces, before which of them another cell begins.

    Pieces are boxes and texts from the left, parted by wide gaps; the first is number 0.
    """
    if all(len(pieces) == 1 for pieces in lines):
        return [[] for _ in lines]
    flat = [piece for pieces in lines for piece in pieces]
    boxes = [box for box, _ in flat]
    blocks = _order_blocks(boxes, ruled_tables.find(boxes, rules), frozenset())
    blocks = borderless_tables.detect(flat, blocks, rules)
    cells = dict(_cells(blocks))
    points: list[list[int]] = []
    start = 0
    for pieces in lines:
        own = [cells.get(k) for k in range(start, start + len(pieces))]
        points.append([k for k in range(1, len(own)) if own[k] != own[k - 1]])
        start += len(pieces)
    return points


def _cells(blocks: Sequence[LayoutBlock]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each line in a table with the numbers of its block and of its cell."""
    for number, block in enumerate(blocks):
        for cell, held in enumerate(block.table.cells if block.table else ()):
            yield from ((k, (number, cell)) for k in held.lines)


def _is_vertical(block: LayoutBlock, vertical: Set[int]) -> bool:
    return block.table is None and not vertical.isdisjoint(block.lines)


def _first_cell(column: Box) -> Box:
    width = column.right - column.left
    return Box(column.left, column.top, column.right, min(column.bottom, column.top + width))


def _insert_vertical(
    classified: Sequence[LayoutBlock], ordered: Sequence[LayoutBlock], vertical: Set[int]
) -> list[LayoutBlock]:
    """Return the blocks `classified` with the vertical ones of `ordered` where they were."""
    result = list(classified)
    previous: int | None = None  # the line after which a vertical block is read
    for block in ordered:
        if _is_vertical(block, vertical):
            after = (k for k, other in enumerate(result) if previous in other.lines)
            result.insert(next(after, -1) + 1, block)
        previous = block.lines[-1] if block.lines else previous
    return result


def _order_blocks(
    boxes: Sequence[Box], tables: list[Table], vertical: Set[int]
) -> list[LayoutBlock]:
    """Return the blocks of the lines outside the tables, with the tables among them."""
    in_tables = {k for table in tables for cell in table.cells for k in cell.lines}
    outside = [k for k in range(len(boxes)) if k not in in_tables]
    free = [k for k in outside if k not in vertical]
    regions = vertical_regions.find(boxes, [k for k in outside if k in vertical], free)
    items = [
        *(boxes[k] for k in free),
        *(table_box(table) for table in tables),
        *(vertical_regions.region_box(boxes, region) for region in regions),
    ]
    whole = [
        *([table_block(table)] for table in tables),
        *(vertical_regions.blocks(boxes, region) for region in regions),
    ]
    indexes = frozenset(range(len(free), len(items)))
    return [
        block
        for members in reading_order.order(items, indexes)
        for block in (
            whole[members[0] - len(free)]
            if members[0] in indexes
            else [LayoutBlock(tuple(free[k] for k in members))]
        )
    ]
