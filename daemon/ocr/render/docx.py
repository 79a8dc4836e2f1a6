"""DOCX of a document: headings, paragraphs, lists, tables with spans, and its page breaks.

The styles are those that Word and LibreOffice know by name (Heading 1, List Bullet ...), so that a
table of contents can be made and the look be changed. Paragraphs are appended to the XML directly:
python-docx looks through the whole body for each one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Inches
from docx.text.paragraph import Paragraph as WordParagraph

from daemon.core.line_text import xml_legal
from daemon.core.structure import Element, Heading, HeadingLevels, ListItem, Paragraph, elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Cell, PageText, Table

_CHINESE_FONT: Final = "SimSun"  # where a machine has none of this name, Word takes a similar one
_MAX_DEPTH: Final = 2  # List Bullet, List Bullet 2, List Bullet 3
_MARGIN: Final = 1.0  # inches
_SIDES: Final = (3.0, 22.0)  # inches of a page (Word allows up to 22)
_STYLES: Final = {"header": "Header", "footer": "Footer", "seal": "Quote"}


def write(path: Path, pages: Sequence[PageText], made_at: float) -> None:
    """Write a document; `made_at` is the time of its file, in seconds."""
    levels = HeadingLevels(pages)
    writer = _Writer(made_at)
    for page in pages:
        writer.begin_page(page)
        for element in elements(page, levels):
            writer.add(element)
    writer.save(path)


class _Writer:
    """Appends elements to the body of a document."""

    def __init__(self, made_at: float) -> None:
        self._document = docx.Document()
        self._body = self._document.element.body
        self._section = self._body.sectPr
        self._body.remove(self._section)
        self._set_defaults(made_at)
        self._is_new_page = False
        self._number_of_pages = 0
        self._numbers: dict[int, int] = {}  # by depth: the last number of the list that goes on
        self._lists: dict[int, int] = {}  # by depth: the numbering of that list in the document

    def _set_defaults(self, made_at: float) -> None:
        properties = self._document.core_properties
        created = datetime.fromtimestamp(made_at, UTC).replace(tzinfo=None)
        properties.created = properties.modified = created
        properties.author = properties.comments = ""
        fonts = self._document.styles["Normal"].element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), _CHINESE_FONT)

    def begin_page(self, page: PageText) -> None:
        """Begin a page; the first one sets the size of all."""
        if self._number_of_pages == 0 and page.dpi and page.width and page.height:
            size = self._section.get_or_add_pgSz()
            width, height = (side / page.dpi for side in (page.width, page.height))
            if page.orientation in (90, 270):
                width, height = height, width
            size.w, size.h = (
                Inches(min(max(side, _SIDES[0]), _SIDES[1])) for side in (width, height)
            )
            margins = self._section.get_or_add_pgMar()
            margins.left = margins.right = margins.top = margins.bottom = Inches(_MARGIN)
        self._is_new_page = self._number_of_pages > 0
        self._number_of_pages += 1

    def add(self, element: Element) -> None:
        """Append an element."""
        if not isinstance(element, ListItem):
            self._numbers = {}
        match element:
            case Heading():
                self._paragraph(element.text, f"Heading {element.level}")
            case Paragraph():
                self._paragraph(element.text, _STYLES.get(element.kind, "Normal"))
            case ListItem():
                self._item(element)
            case _:
                self._table(element)

    def save(self, path: Path) -> None:
        """Write the document; its parts get no time, so that a repetition has the same bytes."""
        self._body.append(self._section)
        saved = BytesIO()
        self._document.save(saved)
        with ZipFile(saved) as parts, ZipFile(path, "w", ZIP_DEFLATED) as file:
            for name in parts.namelist():
                file.writestr(ZipInfo(name), parts.read(name), ZIP_DEFLATED)

    def _paragraph(self, text: str, style: str) -> Any:  # noqa: ANN401 -- untyped XML
        element = OxmlElement("w:p")
        self._body.append(element)
        paragraph = WordParagraph(element, self._document._body)
        if style != "Normal":
            element.style = self._document.styles[style].style_id
        if self._is_new_page:
            paragraph.paragraph_format.page_break_before = True
            self._is_new_page = False
        paragraph.add_run(xml_legal(text))
        return element

    def _item(self, item: ListItem) -> None:
        depth = min(item.depth, _MAX_DEPTH)
        name = "List Bullet" if item.number is None else "List Number"
        element = self._paragraph(item.text, f"{name} {depth + 1}" if depth else name)
        if item.number is None:
            return
        if self._numbers.get(depth) != item.number - 1:
            self._lists[depth] = self._new_list(element.style, item.number)
        self._numbers = {d: n for d, n in self._numbers.items() if d < depth} | {depth: item.number}
        numbering = element.get_or_add_pPr().get_or_add_numPr()
        numbering.get_or_add_ilvl().val = 0
        numbering.get_or_add_numId().val = self._lists[depth]

    def _new_list(self, style: str, first: int) -> int:
        """Return a numbering like that of a style which begins with `first`."""
        numbering = self._document.part.numbering_part.element
        styled = self._document.styles.element.get_by_id(style).pPr.numPr.numId.val
        abstract = numbering.num_having_numId(styled).abstractNumId.val
        new = numbering.add_num(abstract)
        new.add_lvlOverride(0).add_startOverride(first)
        return int(new.numId)

    def _table(self, table: Table) -> None:
        follows_table = len(self._body) and self._body[-1].tag == qn("w:tbl")
        if self._is_new_page or follows_table:  # two tables that touch would be one
            self._paragraph("", "Normal")
        element = OxmlElement("w:tbl")
        properties = OxmlElement("w:tblPr")
        properties.append(_with_value("w:tblStyle", "TableGrid"))
        properties.append(_with_value("w:tblW", "auto", "w:type"))
        grid = OxmlElement("w:tblGrid")
        for _ in range(table.columns):
            grid.append(OxmlElement("w:gridCol"))
        element.extend((properties, grid))
        places = _places(table)
        for number, row in enumerate(places):
            element.append(self._row(number, row))
        self._body.append(element)

    def _row(self, number: int, row: Sequence[Cell | None]) -> Any:  # noqa: ANN401
        element = OxmlElement("w:tr")
        column = 0
        while column < len(row):
            cell = row[column]
            element.append(self._cell(cell, is_first=cell is not None and cell.row == number))
            column += cell.column_span if cell else 1
        return element

    def _cell(self, cell: Cell | None, *, is_first: bool) -> Any:  # noqa: ANN401
        element = OxmlElement("w:tc")
        properties = element.get_or_add_tcPr()
        if cell is not None and cell.column_span > 1:
            properties.grid_span = cell.column_span
        if cell is not None and cell.row_span > 1:
            properties.vMerge_val = "restart" if is_first else "continue"
        paragraph = WordParagraph(OxmlElement("w:p"), self._document._body)
        element.append(paragraph._p)
        if cell is not None and is_first:
            paragraph.add_run(xml_legal(cell.text))
        return element


def _places(table: Table) -> list[list[Cell | None]]:
    """Return for each row and column the cell that takes the place."""
    places: list[list[Cell | None]] = [[None] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        for row in range(cell.row, cell.row + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                places[row][column] = cell
    return places


def _with_value(tag: str, value: str, name: str = "w:val") -> Any:  # noqa: ANN401
    element = OxmlElement(tag)
    element.set(qn(name), value)
    return element
