"""CSV of tables, read back by Python's reader and by the rules of RFC 4180."""

from __future__ import annotations

import csv
import io

import pytest

from daemon.outbox import csv_tables
from tests.support.page_texts import lines, page, spanned, table


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


def test_each_table_is_a_file_in_the_order_of_the_document() -> None:
    pages = [page(lines("x"), table(["a"], ["b"]), table(["c"])), page(table(["d"]), number=3)]

    assert [read(content) for content in csv_tables.render(pages)] == [
        [["a"], ["b"]], [["c"]], [["d"]],
    ]  # fmt: skip


def test_a_document_without_tables_has_no_file() -> None:
    assert list(csv_tables.render([page(lines("x"))])) == []


def test_excel_is_told_the_encoding_and_lines_end_as_the_standard_says() -> None:
    (content,) = csv_tables.render([page(table(["发票", "7"], ["𠮷", "8"]))])

    assert content == b"\xef\xbb\xbf" + "发票,7\r\n𠮷,8\r\n".encode()


@pytest.mark.parametrize(
    "text",
    ["a,b", 'a "b"', "a\nb", "a\r\nb", ";", " a ", "1,234.50", "-5", "+49 30 123", "-12.5%", ""],
)
def test_any_text_comes_back(text: str) -> None:
    (content,) = csv_tables.render([page(table([text, "x"]))])

    assert read(content) == [[text, "x"]]


@pytest.mark.parametrize(
    "text", ["=1+1", '=HYPERLINK("http://a")', "@SUM(A1)", "+cmd|' /C calc'!A0", "-A1", "＝1+1"]
)
def test_a_formula_is_made_inert(text: str) -> None:
    (content,) = csv_tables.render([page(table([text]))])

    assert read(content) == [["'" + text]]


def test_spans_leave_their_other_places_empty() -> None:
    block = spanned(2, 3, (0, 0, 1, 2, "Both"), (0, 2, 2, 1, "Down"), (1, 0, 1, 1, "a"))

    (content,) = csv_tables.render([page(block)])

    assert read(content) == [["Both", "", "Down"], ["a", "", ""]]
