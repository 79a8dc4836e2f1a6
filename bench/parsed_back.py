"""Elements of a document as other libraries find them in its derived outputs."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import docx
import openpyxl
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph as WordParagraph
from markdown_it import MarkdownIt

from bench.drawn_documents import Heading, Item, Paragraph
from daemon.core.records import Box, Cell, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from markdown_it.token import Token

    from bench.drawn_documents import Element, Mark

NOWHERE = Box(0, 0, 1, 1)


def from_markdown(text: str) -> list[Element]:
    """Return headings, paragraphs, list items and tables of a Markdown text in order."""
    reader = _MarkdownReader()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        reader.take(token)
    return reader.found


class _MarkdownReader:
    """Collects elements from the tokens of a parser."""

    def __init__(self) -> None:
        self.found: list[Element] = []
        self._lists: list[Mark] = []  # the kinds of the lists around
        self._rows: list[list[str]] = []
        self._tag = ""  # of what was opened last
        self._is_item = False  # whether the next text is the beginning of an item

    def take(self, token: Token) -> None:
        """Take the next token."""
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append("bullet" if token.tag == "ul" else "number")
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._is_item = True
            case "table_open":
                self._rows = []
            case "tr_open":
                self._rows.append([])
            case "table_close":
                self.found.append(table_of(self._rows))
            case "inline":
                self._text(_shown(token.children or ()))
            case kind if kind.endswith("_open"):
                self._tag = token.tag

    def _text(self, text: str) -> None:
        if self._tag in ("th", "td"):
            self._rows[-1].append(text)
        elif self._tag.startswith("h"):
            self.found.append(Heading(int(self._tag[1]), text))
        elif self._is_item:
            self.found.append(Item(text, self._lists[-1], len(self._lists) - 1))
            self._is_item = False
        else:
            self.found.append(Paragraph(text))


def _shown(tokens: Sequence[Token]) -> str:
    breaks = {"softbreak": "\n", "hardbreak": "\n", "html_inline": " "}
    return "".join(breaks.get(token.type, token.content) for token in tokens)


def table_of(rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of rows of texts, without spans."""
    cells = [
        Cell(row, column, 1, 1, NOWHERE, (), text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    return Table(len(rows), max(map(len, rows), default=0), tuple(cells))


def without_spans(table: Table) -> Table:
    """Return a table as Markdown and CSV have it: the text in the first cell of a span."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = re.sub(r"\s+", " ", cell.text)
    return table_of(rows)


def from_docx(path: Path) -> list[Element]:
    """Return headings, paragraphs, list items and tables of a DOCX in order."""
    found: list[Element] = []
    for each in docx.Document(str(path)).iter_inner_content():
        if isinstance(each, WordTable):
            found.append(_word_table(each))
        elif isinstance(each, WordParagraph):
            found.append(_word_paragraph(each))
    return found


def _word_paragraph(paragraph: WordParagraph) -> Element:
    style, text = paragraph.style.name, paragraph.text
    if style.startswith("Heading "):
        return Heading(int(style.removeprefix("Heading ")), text)
    if style.startswith("List "):
        _, kind, *depth = style.split()
        mark: Mark = "bullet" if kind == "Bullet" else "number"
        return Item(text, mark, int(depth[0]) - 1 if depth else 0)
    return Paragraph(text)


def _word_table(table: WordTable) -> Table:
    """Return a table with its spans: a cell that spans others is found at each of their places."""
    places: dict[object, list[tuple[int, int]]] = {}
    texts = {}
    rows = [list(row.cells) for row in table.rows]
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            places.setdefault(cell._tc, []).append((row, column))
            texts[cell._tc] = cell.text
    return Table(len(rows), len(rows[0]), tuple(_cell(at, texts[tc]) for tc, at in places.items()))


def _cell(places: Sequence[tuple[int, int]], text: str) -> Cell:
    (top, left), (bottom, right) = min(places), max(places)
    return Cell(top, left, bottom - top + 1, right - left + 1, NOWHERE, (), text)


def from_csv(content: bytes) -> Table:
    """Return the table in a CSV file."""
    return table_of(list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))))


def from_xlsx(path: Path) -> Iterator[Table]:
    """Yield the table of each sheet with its spans; a number as the sheet shows it."""
    for sheet in openpyxl.load_workbook(path).worksheets:
        spans = {
            (each.min_row - 1, each.min_col - 1): (each.size["rows"], each.size["columns"])
            for each in sheet.merged_cells.ranges
        }
        cells = tuple(
            Cell(row, column, *spans.get((row, column), (1, 1)), NOWHERE, (), shown(cell))
            for row, found in enumerate(sheet.iter_rows())
            for column, cell in enumerate(found)
            if not isinstance(cell, openpyxl.cell.MergedCell)
        )
        yield Table(sheet.max_row, sheet.max_column, cells)


def shown(cell: openpyxl.cell.Cell) -> str:
    """Return what a spreadsheet shows of a cell; the formats are those of our numbers."""
    value, style = cell.value, cell.number_format
    if not isinstance(value, int | float):
        return str(value or "")
    decimals = len(style.rstrip("%").partition(".")[2])
    number = f"{value * (100 if style.endswith('%') else 1):{',' * ('#,##' in style)}.{decimals}f}"
    return number + "%" * style.endswith("%")
