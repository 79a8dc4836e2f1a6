"""Text as a person reads it aloud: rows on a line, tables row by row, cells without a break."""

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
    before: Box | None = None
    for box, piece in pieces:
        if before is not None:
            text += " " if before.precedes_in_row(box) else "\n"
        text += piece
        before = box
    return text


def cell_text(pieces: Sequence[str]) -> str:
    """Return the lines of a cell on one, joined with a space but where Chinese meets Chinese."""
    text = "".join(pieces[:1])
    for before, piece in pairwise(pieces):
        text += piece if _is_wide(before[-1:]) and _is_wide(piece[:1]) else f" {piece}"
    return text


def _is_wide(character: str) -> bool:
    """Say whether a character, or a punctuation mark, is of a script without word spaces."""
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


def table_text(table: Table) -> str:
    """Return a line for each row with text: its cells joined with tabs.

    A cell over several rows is read in its first and leaves its place empty in the others; one
    over several columns takes the place of one.
    """
    rows = [_row_text(table, row) for row in range(table.rows)]
    return "\n".join(row for row in rows if row)


def _row_text(table: Table, row: int) -> str:
    across = [cell for cell in table.cells if cell.row <= row < cell.row + cell.row_span]
    across.sort(key=lambda cell: cell.column)
    return "\t".join(cell.text if cell.row == row else "" for cell in across).rstrip("\t")


def is_cjk(text: str) -> bool | None:
    """Say whether a text begins in a script without word spaces; None for punctuation."""
    if not text[:1].isalnum():
        return None
    return unicodedata.name(text[0], "").startswith(_CJK_NAMES)
