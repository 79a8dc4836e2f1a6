"""Layout analysis: from lines and ruling lines to blocks in reading order, each with its kind.

Ruled tables are found first (ruled_tables.py, grid.py), since the cells of a table are not read in
the order of the page. The remaining lines are ordered by columns and rows (reading_order.py,
gutters.py), with each table in its place; rows whose pieces are aligned are tables without ruling
lines (borderless_tables.py). Finally, headings, headers and footers are separated from the body
text (block_kinds.py, headers_footers.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ocr.layout import block_kinds, borderless_tables, reading_order, ruled_tables
from daemon.ocr.layout.grouping import table_block, table_box
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.core.records import Box, Table
    from daemon.ocr.records import RulingLines


def analyze(
    line_texts: Sequence[tuple[Box, str]], rules: RulingLines, page_height: int
) -> list[LayoutBlock]:
    """Return the blocks of a page in reading order; each line is in exactly one of them.

    `line_texts` are the boxes and texts of the lines in the clean frame, `page_height` pixels high.
    """
    boxes = [box for box, _ in line_texts]
    blocks = _order_blocks(boxes, ruled_tables.find(boxes, rules))
    return block_kinds.classify(
        line_texts, borderless_tables.detect(line_texts, blocks, rules), rules, page_height
    )


def split_points(lines: Sequence[Sequence[tuple[Box, str]]], rules: RulingLines) -> list[list[int]]:
    """Return for each line, given in pieces, before which of them another cell begins.

    Pieces are boxes and texts from the left, parted by wide gaps; the first is number 0.
    """
    if all(len(pieces) == 1 for pieces in lines):
        return [[] for _ in lines]
    flat = [piece for pieces in lines for piece in pieces]
    boxes = [box for box, _ in flat]
    blocks = _order_blocks(boxes, ruled_tables.find(boxes, rules))
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


def _order_blocks(boxes: Sequence[Box], tables: list[Table]) -> list[LayoutBlock]:
    """Return the blocks of the lines outside the tables, with the tables among them."""
    in_tables = {k for table in tables for cell in table.cells for k in cell.lines}
    free = [k for k in range(len(boxes)) if k not in in_tables]
    items = [*(boxes[k] for k in free), *(table_box(table) for table in tables)]
    table_indexes = frozenset(range(len(free), len(items)))
    return [
        table_block(tables[members[0] - len(free)])
        if members[0] in table_indexes
        else LayoutBlock(tuple(free[k] for k in members))
        for members in reading_order.order(items, table_indexes)
    ]
