"""Layout: from lines and rules to blocks in reading order, and of what kind each is.

Ruled tables come first (ruled.py, grid.py), since a table is one thing on its page and is read by
another rule than the page. What is left is ordered by columns and rows (columns.py), each table in
its place; rows whose pieces stand one above the other are tables too (aligned.py). Last, headings,
headers and footers are told from the body (kinds.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ocr.layout import block_kinds, borderless_tables, reading_order, ruled_tables
from daemon.ocr.layout.grouping import extent, tabular
from daemon.ocr.records import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box, Table
    from daemon.ocr.records import Rules


def arrange(found: Sequence[tuple[Box, str]], rules: Rules, page_height: int) -> list[Part]:
    """Return the blocks of a page in reading order; each of the lines is in exactly one.

    `found` are the lines, boxes and texts in the clean frame, which is `page_height` pixels high.
    """
    boxes = [box for box, _ in found]
    parts = _ordered(boxes, ruled_tables.tables(boxes, rules))
    return block_kinds.told(found, borderless_tables.with_tables(found, parts), rules, page_height)


def _ordered(boxes: Sequence[Box], tables: list[Table]) -> list[Part]:
    """Return the lines outside the tables in blocks, with the tables among them."""
    taken = {k for table in tables for cell in table.cells for k in cell.lines}
    loose = [k for k in range(len(boxes)) if k not in taken]
    things = [*(boxes[k] for k in loose), *(extent(table) for table in tables)]
    solid = frozenset(range(len(loose), len(things)))
    return [
        tabular(tables[block[0] - len(loose)])
        if block[0] in solid
        else Part(tuple(loose[k] for k in block))
        for block in reading_order.order(things, solid)
    ]
