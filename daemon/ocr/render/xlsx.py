"""XLSX of the tables of a document: one sheet for each, spans as merged cells.

A cell is a number where its text can be read as a number in one way only, and is shown as it was
printed; everything else is text, never a formula or a link.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import xlsxwriter

from daemon.core.errors import Rejected
from daemon.core.line_text import xml_legal
from daemon.core.structure import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.core.records import Cell, PageText, Table

_MAX_TEXT: Final = 32767  # characters of a cell (Excel specifications and limits)
_WIDTHS: Final = (4, 60)  # characters of a column
_NUMBER: Final = re.compile(
    r"""(?P<sign>[-−]?)
    (?: (?P<plain> 0 | [1-9]\d{0,14} )
      | (?P<decimal> (?:0|[1-9]\d{0,10}) [.,] (?:\d{1,2}|\d{4,6}) )
      | (?P<points> [1-9]\d{0,2} (?:,\d{3})+ \.\d{1,6} | [1-9]\d{0,2} (?:,\d{3}){2,3} )
      | (?P<commas> [1-9]\d{0,2} (?:\.\d{3})+ ,\d{1,6} | [1-9]\d{0,2} (?:\.\d{3}){2,3} )
    ) (?P<percent>[ ]?%)?""",
    re.VERBOSE,
)


def write(path: Path, pages: Iterable[PageText], made_at: float) -> None:
    """Write the tables of a document; `made_at` is the time of its file, in seconds.

    Rejected where a cell has more text than Excel allows.
    """
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
    }  # fmt: skip
    with xlsxwriter.Workbook(str(path), options) as workbook:
        created = datetime.fromtimestamp(made_at, UTC).replace(tzinfo=None)
        workbook.set_properties({"created": created})
        writer = _Writer(workbook)
        for number, (page, table) in enumerate(tables(pages), 1):
            writer.add(f"Table {number} (page {page})", table)


class _Writer:
    """Adds sheets to a workbook, which allows each format once only."""

    def __init__(self, workbook: Any) -> None:  # noqa: ANN401 -- untyped library
        self._workbook = workbook
        self._formats: dict[str, Any] = {}

    def add(self, name: str, table: Table) -> None:
        """Add a table as a sheet."""
        sheet = self._workbook.add_worksheet(name)
        widths = [_WIDTHS[0]] * table.columns
        for cell in table.cells:
            self._write(sheet, cell)
            if cell.column_span == 1:
                width = max((_width(line) for line in cell.text.splitlines()), default=0)
                widths[cell.column] = max(widths[cell.column], min(width + 1, _WIDTHS[1]))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)

    def _write(self, sheet: Any, cell: Cell) -> None:  # noqa: ANN401
        text = xml_legal(cell.text)
        if len(text) > _MAX_TEXT:
            raise Rejected("too_large", f"a cell of a table has more than {_MAX_TEXT} characters")
        row, column = cell.row, cell.column
        number = number_of(text)
        style = self._format(number[1] if number else "@")
        if cell.row_span > 1 or cell.column_span > 1:
            last = row + cell.row_span - 1, column + cell.column_span - 1
            sheet.merge_range(row, column, *last, "", style)
        if number:
            sheet.write_number(row, column, number[0], style)
        elif text:
            sheet.write_string(row, column, text, style)

    def _format(self, number_format: str) -> Any:  # noqa: ANN401
        if number_format not in self._formats:
            style = {"num_format": number_format, "valign": "top"}
            if number_format == "@":
                style["text_wrap"] = True  # type: ignore[assignment]
            self._formats[number_format] = self._workbook.add_format(style)
        return self._formats[number_format]


def number_of(text: str) -> tuple[float, str] | None:
    """Return a text as a number and the format that shows it so; None where it is none for sure.

    `1,234` and `1.234` are a thousand in some countries and a little more than one in others,
    `007` is a code, and of a number of more than 15 digits a double loses some.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    kind = next(kind for kind in ("plain", "decimal", "points", "commas") if found[kind])
    digits = found[kind]
    point = {"points": ".", "commas": ","}.get(kind, "," if "," in digits else ".")
    whole, _, fraction = digits.partition(point)
    whole = re.sub(r"\D", "", whole)
    if len(whole) + len(fraction) > 15:
        return None
    number = float(f"{whole}.{fraction or 0}") * (-1 if found["sign"] else 1)
    shown = ("#,##0" if kind in ("points", "commas") else "0") + ("." + "0" * len(fraction)) * bool(
        fraction
    )
    return (number / 100, f"{shown}%") if found["percent"] else (number, shown)


def _width(text: str) -> int:
    """Return the width of a text in digits; Chinese characters are two wide."""
    return sum(2 if ord(character) >= 0x1100 else 1 for character in text)
