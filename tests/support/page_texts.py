"""Pages of text as they are read, set like a typewriter: for tests of derived outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.core.records import Block, Box, Cell, PageText, Table, TextLine, Word

SIZE = 24  # pixels of the font of the body
HEIGHT = round(1.37 * SIZE)  # of the box of a word, as the pipeline measures it
PITCH = 36


def line(
    text: str, left: int = 100, top: int = 100, *, size: int = SIZE, confidence: float | None = 0.9
) -> TextLine:
    """A line whose letters are half as wide as high, Chinese ones as wide."""
    words, at = [], float(left)
    bottom = top + round(1.37 * size)
    for part in text.split(" "):
        width = sum(size if ord(character) > 0x2E80 else size / 2 for character in part)
        if part:
            box = Box(round(at), top, round(at + width), bottom)
            words.append(Word(part, confidence, box))
        at += width + size / 2
    return TextLine(text, confidence, Box.around(word.box for word in words), tuple(words))


def lines(*texts: str | tuple[int, str], top: int = 100, size: int = SIZE) -> Block:
    """A block of lines, one below the other; an indent in pixels may precede a text."""
    placed = [(0, text) if isinstance(text, str) else text for text in texts]
    # a q or 口 gives every line the same box height, whatever its letters
    found = [
        line(text, 100 + indent, top + PITCH * number, size=size)
        for number, (indent, text) in enumerate(placed)
    ]
    return Block(tuple(found))


def table(*rows: Sequence[str]) -> Block:
    """A table without spans."""
    cells = tuple(
        Cell(row, column, 1, 1, Box(0, 0, 1, 1), (), text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    )
    return Block((line("x"),), "table", Table(len(rows), max(map(len, rows)), cells))


def spanned(rows: int, columns: int, *cells: tuple[int, int, int, int, str]) -> Block:
    """A table of cells: row, column, how many rows and columns, text."""
    found = tuple(
        Cell(row, column, row_span, column_span, Box(0, 0, 1, 1), (), text)
        for row, column, row_span, column_span, text in cells
    )
    return Block((line("x"),), "table", Table(rows, columns, found))


def page(*blocks: Block, number: int = 1, **changes: Any) -> PageText:
    """A page of an A4 sheet at 150 dpi."""
    values: dict[str, Any] = {
        "number": number, "width": 1240, "height": 1754, "dpi": 150.0, "rotation": 0, "skew": 0.0,
        "text_source": "ocr", "status": "done", "text": "", "confidence": 0.9, "blocks": blocks,
    }  # fmt: skip
    return PageText(**(values | changes))
