"""Block classification: headings by letter height, headers and footers by their distance.

In doubt a block is text.
"""

from __future__ import annotations

import re
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from daemon.ocr.layout import headers_footers
from daemon.ocr.layout.grouping import group_rows, table_box
from daemon.ocr.records import LayoutBlock, RulingLines

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import BlockKind, Box

    LineTexts = Sequence[tuple[Box, str]]

_MIN_LINES = 5  # lines that a page must have for its body to be known
_MIN_HEADING_SCALE = 1.4  # times the line height of the body: the height of a heading
_MAX_HEADING_ROWS = 3  # rows of a heading, at most
_MAX_HEADING_LENGTH = 60  # characters of a heading, at most
_AMOUNT = re.compile(r"\d[.,] ?\d\d(?!\d)")
_CONTINUATION = (",", "，", "、", ";", "；", "-")


def classify(
    line_texts: LineTexts, blocks: Sequence[LayoutBlock], rules: RulingLines, page_height: int
) -> list[LayoutBlock]:
    """Return the blocks with their kinds; headings, headers and footers become their own blocks."""
    if len(line_texts) < _MIN_LINES:
        return list(blocks)
    body_height = median(box.bottom - box.top for box, text in line_texts for _ in text)
    blocks = [
        piece for block in blocks for piece in _split_headings(line_texts, block, body_height)
    ]
    rules = _rules_outside_tables(rules, blocks)
    kind: BlockKind
    for kind in ("header", "footer"):
        edge = headers_footers.PageEdge(kind == "footer", page_height, rules)
        margin_lines = headers_footers.find(line_texts, blocks, edge, body_height)
        blocks = [piece for block in blocks for piece in _split_margin(block, margin_lines, kind)]
    return blocks


def _rules_outside_tables(rules: RulingLines, blocks: Sequence[LayoutBlock]) -> RulingLines:
    """Return the horizontal ruling lines that belong to no table."""
    tables = [table_box(block.table) for block in blocks if block.table]
    return RulingLines(
        tuple(r for r in rules.horizontal if not any(_touches(r, t) for t in tables))
    )


def _touches(box: Box, table: Box) -> bool:
    overlaps = table.top <= box.bottom and box.top <= table.bottom
    return overlaps and table.left <= box.right and box.left <= table.right


def _split_headings(
    line_texts: LineTexts, block: LayoutBlock, body_height: float
) -> list[LayoutBlock]:
    """Return a block split into its headings and the text between them."""
    if block.kind != "text":
        return [block]
    rows = group_rows([box for box, _ in line_texts], block.lines)
    pieces: list[LayoutBlock] = []
    for is_large, run in groupby(rows, key=lambda row: _is_large(line_texts, row, body_height)):
        rows_of_run = list(run)
        lines = tuple(k for row in rows_of_run for k in row)
        if (
            is_large
            and len(rows_of_run) <= _MAX_HEADING_ROWS
            and _is_title([line_texts[k][1] for k in lines])
        ):
            pieces.append(LayoutBlock(lines, "heading"))
        elif pieces and pieces[-1].kind == "text":
            pieces[-1] = LayoutBlock(pieces[-1].lines + lines)
        else:
            pieces.append(LayoutBlock(lines))
    return pieces


def _is_large(line_texts: LineTexts, row: list[int], body_height: float) -> bool:
    return (
        min(line_texts[k][0].bottom - line_texts[k][0].top for k in row)
        >= _MIN_HEADING_SCALE * body_height
    )


def _is_title(texts: list[str]) -> bool:
    """Tell whether a text is short, complete, and of words rather than numbers or amounts."""
    text = "".join(texts)
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    is_complete = len(text) <= _MAX_HEADING_LENGTH and not text.rstrip().endswith(_CONTINUATION)
    return is_complete and letters >= max(2, digits) and not any(map(_AMOUNT.search, texts))


def _split_margin(block: LayoutBlock, margin_lines: Set[int], kind: BlockKind) -> list[LayoutBlock]:
    """Return a block split from those of its lines that are the header or footer of the page."""
    margin, remaining = (
        tuple(k for k in block.lines if (k in margin_lines) == is_margin)
        for is_margin in (True, False)
    )
    if not margin:
        return [block]
    pieces = [
        LayoutBlock(margin, kind),
        *([LayoutBlock(remaining, block.kind)] if remaining else []),
    ]
    return pieces if kind == "header" else pieces[::-1]
