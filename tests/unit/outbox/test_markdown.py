"""Markdown of an answer, read back by a parser that is not ours."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from daemon.outbox import markdown

PARSER = MarkdownIt("commonmark").enable("table")


def block(*lines: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "lines": [{"text": line} for line in lines], **more}


def page(*blocks: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    return {"number": number, "blocks": list(blocks), **more}


def html(*pages: dict[str, Any]) -> str:
    return str(PARSER.render("".join(markdown.render(pages))))


def shown(*pages: dict[str, Any]) -> str:
    """Return the text that a reader sees."""
    text = re.sub(r"<!--.*?-->|</?[a-z0-9]+>", "", html(*pages))
    for entity, character in {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&"}.items():
        text = text.replace(entity, character)
    return text.strip()


def cell(row: int, column: int, text: str) -> dict[str, Any]:
    return {"row": row, "column": column, "row_span": 1, "column_span": 1, "text": text}


def test_headings_paragraphs_and_seals_are_marked() -> None:
    found = html(
        page(block("The", "title", kind="heading"), block("a", "b"), block("S", kind="seal"))
    )

    assert "<h2>The title</h2>" in found
    assert "<p>a\nb</p>" in found
    assert re.search(r"<blockquote>\s*<p>S</p>", found)


def test_a_table_has_its_rows_and_columns() -> None:
    cells = [cell(0, 0, "Item"), cell(0, 1, "Price"), cell(1, 0, "A|B"), cell(1, 1, "1\n2")]
    table = block("Item", kind="table", rows=2, columns=2, cells=cells)

    found = html(page(table))

    assert re.findall(r"<th>(.*?)</th>", found) == ["Item", "Price"]
    assert re.findall(r"<td>(.*?)</td>", found) == ["A|B", "1<br>2"]


def test_pages_are_separated_by_comments() -> None:
    text = "".join(
        markdown.render(
            [page(block("a")), page(number=7, status="failed"), page(block("b"), number=9)]
        )
    )

    assert text == ("<!-- page 1 -->\n\na\n\n<!-- page 7: not read -->\n\n<!-- page 9 -->\n\nb\n")


@pytest.mark.parametrize(
    "line",
    [
        "# 5", "1. First", "2) Second", "- minus", "+ plus", "* star", "> quote", "---", "===",
        "<script>alert(1)</script>", "~~~", "[a](http://b)", "![a](b)", "`code`", "a_b_c",
        "**bold**", "&copy;", "a | b", "\\*", "<!-- x", "3.14", "Total: 5", "C:\\temp",
        "http://a.example/_x_",
    ],
)  # fmt: skip
def test_text_that_looks_like_markup_is_shown_as_it_is(line: str) -> None:
    assert shown(page(block(line))) == line


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1))
def test_any_line_is_shown_as_it_is(line: str) -> None:
    assert shown(page(block(line))).split() == line.split()
