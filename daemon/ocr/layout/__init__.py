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
    from collections.abc import Sequence

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
