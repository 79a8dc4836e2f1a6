"""Plain text: the pieces of a row on one line, tables row by row, each cell on one line."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box, Table

_CJK_NAMES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")


def lines_text(pieces: Sequence[tuple[Box, str]]) -> str:
    """Return the pieces as text: those of one row on one line, joined with a space."""
    text = ""
    previous: Box | None = None
    for box, piece in pieces:
        if previous is not None:
            text += " " if previous.precedes_in_row(box) else "\n"
        text += piece
        previous = box
    return text


def cell_text(pieces: Sequence[str]) -> str:
    """Return the lines of a cell as one, joined with a space except between Chinese characters."""
    text = "".join(pieces[:1])
    for previous, piece in pairwise(pieces):
        text += piece if _is_wide(previous[-1:]) and _is_wide(piece[:1]) else f" {piece}"
    return text


def _is_wide(character: str) -> bool:
    """Tell whether a character or punctuation mark belongs to a script without word spaces."""
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


def table_text(table: Table) -> str:
    """Return a line for each row with text, its cells joined with tabs.

    A cell over several rows is written in its first one and leaves its place empty in the others; a
    cell over several columns takes one place.
    """
    rows = [_row_text(table, row) for row in range(table.rows)]
    return "\n".join(row for row in rows if row)


def _row_text(table: Table, row: int) -> str:
    cells = [cell for cell in table.cells if cell.row <= row < cell.row + cell.row_span]
    cells.sort(key=lambda cell: cell.column)
    return "\t".join(cell.text if cell.row == row else "" for cell in cells).rstrip("\t")


def is_cjk(text: str) -> bool | None:
    """Tell whether a text begins in a script without word spaces; None for punctuation."""
    if not text[:1].isalnum():
        return None
    return unicodedata.name(text[0], "").startswith(_CJK_NAMES)
