"""Kinds: headings by the height of their letters, headers and footers by standing apart.

In doubt a block is text.
"""

from __future__ import annotations

import re
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from daemon.ocr.layout import headers_footers
from daemon.ocr.layout.grouping import extent, rows_of
from daemon.ocr.records import Part, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import BlockKind, Box

    Found = Sequence[tuple[Box, str]]

_LINES = 5  # lines that a page must have to have a body
_LARGE = 1.4  # times the body's height: the letters of a heading
_ROWS = 3  # that a heading may have
_TITLE = 60  # characters that a heading has at most
_AMOUNT = re.compile(r"\d[.,] ?\d\d(?!\d)")
_GOES_ON = (",", "，", "、", ";", "；", "-")


def told(found: Found, parts: Sequence[Part], rules: Rules, page_height: int) -> list[Part]:
    """Return the parts with their kinds, a heading, header or footer parted from its text."""
    if len(found) < _LINES:
        return list(parts)
    body = median(box.bottom - box.top for box, text in found for _ in text)
    parts = [piece for part in parts for piece in _headed(found, part, body)]
    rules = _outside(rules, parts)
    kind: BlockKind
    for kind in ("header", "footer"):
        edge = headers_footers.Edge(kind == "footer", page_height, rules)
        apart = headers_footers.apart(found, parts, edge, body)
        parts = [piece for part in parts for piece in _parted(part, apart, kind)]
    return parts


def _outside(rules: Rules, parts: Sequence[Part]) -> Rules:
    """Return the level rules that belong to no table."""
    tables = [extent(part.table) for part in parts if part.table]
    return Rules(tuple(r for r in rules.across if not any(_meets(r, t) for t in tables)))


def _meets(box: Box, table: Box) -> bool:
    level = table.top <= box.bottom and box.top <= table.bottom
    return level and table.left <= box.right and box.left <= table.right


def _headed(found: Found, part: Part, body: float) -> list[Part]:
    """Return a block in pieces: its headings, and what is between them."""
    if part.kind != "text":
        return [part]
    rows = rows_of([box for box, _ in found], part.lines)
    pieces: list[Part] = []
    for large, run in groupby(rows, key=lambda row: _is_large(found, row, body)):
        among = list(run)
        lines = tuple(k for row in among for k in row)
        if large and len(among) <= _ROWS and _is_title([found[k][1] for k in lines]):
            pieces.append(Part(lines, "heading"))
        elif pieces and pieces[-1].kind == "text":
            pieces[-1] = Part(pieces[-1].lines + lines)
        else:
            pieces.append(Part(lines))
    return pieces


def _is_large(found: Found, row: list[int], body: float) -> bool:
    return min(found[k][0].bottom - found[k][0].top for k in row) >= _LARGE * body


def _is_title(texts: list[str]) -> bool:
    """Say whether it is short, is words rather than numbers and amounts, and does not go on."""
    text = "".join(texts)
    letters, digits = sum(c.isalpha() for c in text), sum(c.isdigit() for c in text)
    ends = len(text) <= _TITLE and not text.rstrip().endswith(_GOES_ON)
    return ends and letters >= max(2, digits) and not any(map(_AMOUNT.search, texts))


def _parted(part: Part, apart: Set[int], kind: BlockKind) -> list[Part]:
    """Return a block parted from those of its lines that are the page's header or footer."""
    margin, rest = (tuple(k for k in part.lines if (k in apart) == of) for of in (True, False))
    if not margin:
        return [part]
    pieces = [Part(margin, kind), *([Part(rest, part.kind)] if rest else [])]
    return pieces if kind == "header" else pieces[::-1]
