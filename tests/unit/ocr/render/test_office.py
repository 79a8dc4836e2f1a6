"""XLSX and DOCX, read back by openpyxl and python-docx."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import docx as reader
import openpyxl
import pytest
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph as WordParagraph

from daemon.core.errors import Rejected
from daemon.core.options import Recipe
from daemon.core.records import OutputKind, PageText, Stamp
from daemon.core.tasks import RenderTask
from daemon.ocr.render import outputs
from tests.support.page_texts import lines, page, spanned, table
from tests.support.running_daemon import SHIPPED

SPANS = (2, 3, (0, 0, 1, 2, "Both"), (0, 2, 2, 1, "Down"), (1, 0, 1, 1, "a"), (1, 1, 1, 1, "b"))


def made(root: Path, kind: OutputKind, *pages: PageText) -> Path:
    target, stamp = root / f"made.{kind}", Stamp(1, 1_700_000_000_000_000_000, 1)
    recipe = Recipe(weights=SHIPPED)
    outputs.render(RenderTask("c", root / "gone", stamp, kind, pages, target, 60, recipe))
    return target


# --- XLSX -------------------------------------------------------------------------------------


def test_each_table_is_a_sheet_that_names_its_page(tmp_path: Path) -> None:
    pages = page(table(["a", "发票"]), table(["b"])), page(table(["c"]), number=12)

    book = openpyxl.load_workbook(made(tmp_path, "xlsx", *pages))

    assert book.sheetnames == ["Table 1 (page 1)", "Table 2 (page 1)", "Table 3 (page 12)"]
    assert [cell.value for cell in book.worksheets[0][1]] == ["a", "发票"]


def test_spans_are_merged_cells(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(made(tmp_path, "xlsx", page(spanned(*SPANS)))).active  # type: ignore[arg-type]

    assert {str(each) for each in sheet.merged_cells.ranges} == {"A1:B1", "C1:C2"}
    assert [sheet[place].value for place in ("A1", "C1", "A2", "B2")] == ["Both", "Down", "a", "b"]


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ("0", 0, "0"), ("2026", 2026, "0"), ("-5", -5, "0"), ("12.50", 12.5, "0.00"),
        ("12,50", 12.5, "0.00"), ("0.5", 0.5, "0.0"), ("1,234.50", 1234.5, "#,##0.00"),
        ("1.234,50", 1234.5, "#,##0.00"), ("1,234,567", 1234567, "#,##0"),
        ("1.234.567", 1234567, "#,##0"), ("19.3%", 0.193, "0.0%"), ("−7", -7, "0"),
    ],
)  # fmt: skip
def test_a_number_is_a_number_that_looks_as_it_was_printed(
    text: str, number: float, shown: str, tmp_path: Path
) -> None:
    sheet = openpyxl.load_workbook(made(tmp_path, "xlsx", page(table([text])))).active

    cell = sheet["A1"]
    assert (cell.value, cell.number_format) == (pytest.approx(number), shown)


@pytest.mark.parametrize(
    "text",
    [
        "1,234", "1.234", "007", "0123456789", "1234567890123456", "2026-03-17", "17.50 EUR",
        "$17.50", "=1+1", "http://a.example", "12,34,567.00", "1 234", "5/6", "1e5", "TRUE", "+5",
        "12345678901.123456", "'quoted", "a\nb", "-", "1,234,56",
    ],
)  # fmt: skip
def test_anything_else_is_text(text: str, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(made(tmp_path, "xlsx", page(table([text])))).active

    assert (sheet["A1"].value, sheet["A1"].data_type) == (text, "s")


def test_what_excel_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="more than 32767 characters"):
        made(tmp_path, "xlsx", page(table(["x" * 32768])))


def test_a_repetition_has_the_same_bytes(tmp_path: Path) -> None:
    read = page(table(["a", "17.50"]), lines("Open"))

    for kind in ("xlsx", "docx"):
        first = made(tmp_path, kind, read)  # type: ignore[arg-type]
        content = first.read_bytes()
        with zipfile.ZipFile(first) as parts:
            assert {each.date_time[0] for each in parts.infolist()} == {1980}
        assert made(tmp_path, kind, read).read_bytes() == content  # type: ignore[arg-type]


def test_control_characters_do_not_make_a_file_invalid(tmp_path: Path) -> None:
    read = page(table(["a\x00b\ufffe"]), lines("c\x01d"))

    assert openpyxl.load_workbook(made(tmp_path, "xlsx", read)).active["A1"].value == "ab"
    assert reader.Document(str(made(tmp_path, "docx", read))).paragraphs[0].text == "cd"


# --- DOCX -------------------------------------------------------------------------------------


def body(path: Path) -> list[tuple[str, str]]:
    """Return the style and the text of each paragraph, and the tables as rows."""
    found = []
    for each in reader.Document(str(path)).iter_inner_content():
        if isinstance(each, WordParagraph):
            found.append((each.style.name, each.text))
        elif isinstance(each, WordTable):
            found.append(("table", repr([[c.text for c in row.cells] for row in each.rows])))
    return found


def test_structure_is_kept_in_order(tmp_path: Path) -> None:
    read = page(
        replace(lines("Quiet title", size=50), kind="heading"),
        lines("Harbour", "Quay", top=200),
        lines("• Open", (60, "• on Monday"), top=300),
        lines("7. Seven", "8. Eight", top=400),
        table(["a", "b"]),
        replace(lines("Paid", top=500), kind="seal"),
        replace(lines("Page 1", top=1600), kind="footer"),
    )

    assert body(made(tmp_path, "docx", read)) == [
        ("Heading 1", "Quiet title"), ("Normal", "Harbour\nQuay"),
        ("List Bullet", "Open"), ("List Bullet 2", "on Monday"),
        ("List Number", "Seven"), ("List Number", "Eight"),
        ("table", "[['a', 'b']]"), ("Quote", "Paid"), ("Footer", "Page 1"),
    ]  # fmt: skip


def test_tables_have_their_spans(tmp_path: Path) -> None:
    (found,) = reader.Document(
        str(made(tmp_path, "docx", page(spanned(*SPANS))))  # type: ignore[arg-type]
    ).tables

    texts = [[cell.text for cell in row.cells] for row in found.rows]
    assert texts == [["Both", "Both", "Down"], ["a", "b", "Down"]]
    assert found.cell(0, 0)._tc is found.cell(0, 1)._tc
    assert found.cell(0, 2)._tc is found.cell(1, 2)._tc


def test_tables_that_touch_stay_two(tmp_path: Path) -> None:
    found = body(made(tmp_path, "docx", page(table(["a"]), table(["b"]))))

    assert found == [("table", "[['a']]"), ("Normal", ""), ("table", "[['b']]")]


def test_each_page_begins_on_a_new_one(tmp_path: Path) -> None:
    pages = page(lines("One")), page(table(["x"]), number=2), page(lines("Three"), number=3)

    document = reader.Document(str(made(tmp_path, "docx", *pages)))

    breaks = [(p.text, bool(p.paragraph_format.page_break_before)) for p in document.paragraphs]
    assert breaks == [("One", False), ("", True), ("Three", True)]


def test_each_numbered_list_begins_with_its_own_number(tmp_path: Path) -> None:
    path = made(tmp_path, "docx", page(lines("3. Three", "4. Four"), lines("1. One", "2. Two")))

    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with zipfile.ZipFile(path) as file:
        numbering = ET.fromstring(file.read("word/numbering.xml"))
        content = ET.fromstring(file.read("word/document.xml"))
    used = [each.get(f"{word}val") for each in content.iter(f"{word}numId")]
    starts = {
        each.get(f"{word}numId"): override.get(f"{word}val")
        for each in numbering.iter(f"{word}num")
        for override in each.iter(f"{word}startOverride")
    }
    assert [starts[number] for number in used] == ["3", "3", "1", "1"]


def test_the_page_has_the_size_of_the_paper(tmp_path: Path) -> None:
    (section,) = reader.Document(str(made(tmp_path, "docx", page(lines("A4"))))).sections

    assert (section.page_width.mm, section.page_height.mm) == pytest.approx((210, 297), abs=0.1)
