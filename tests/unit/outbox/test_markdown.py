"""Markdown of a document, read back by a parser that is not ours."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.parsed_back import from_markdown
from daemon.core.records import Block, Failure, PageText
from daemon.core.structure import HeadingLevels
from daemon.outbox import markdown
from daemon.outbox.reader import page_text
from daemon.outbox.sidecar import _page
from tests.support.page_texts import lines, page, spanned, table

PARSER = MarkdownIt("commonmark").enable("table")


def rendered(*pages: PageText) -> str:
    return "".join(markdown.render(pages, HeadingLevels(pages)))


def html(*blocks: Block) -> str:
    return str(PARSER.render(rendered(page(*blocks))))


def shown(*blocks: Block) -> str:
    """Return the text that a reader sees."""
    text = re.sub(r"<!--.*?-->|</?[a-z0-9]+>", "", html(*blocks))
    for entity, character in {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&"}.items():
        text = text.replace(entity, character)
    return text.strip()


def test_headings_paragraphs_and_seals_are_marked() -> None:
    heading = replace(lines("The quiet", "title", size=50), kind="heading")
    seal = replace(lines("Paid"), kind="seal")

    found = html(heading, lines("Harbour", "Quay", top=300), seal)

    assert "<h1>The quiet title</h1>" in found
    assert "<p>Harbour<br />\nQuay</p>" in found
    assert re.search(r"<blockquote>\s*<p>Paid</p>", found)


def test_a_table_has_its_rows_and_columns() -> None:
    found = html(table(["Item", "Price"], ["A|B", "1\n2"]))

    assert re.findall(r"<th>(.*?)</th>", found) == ["Item", "Price"]
    assert re.findall(r"<td>(.*?)</td>", found) == ["A|B", "1<br>2"]


def test_a_cell_that_spans_others_has_its_text_once() -> None:
    found = html(spanned(2, 3, (0, 0, 1, 2, "Both"), (0, 2, 2, 1, "Down"), (1, 0, 1, 1, "a")))

    assert re.findall(r"<th>(.*?)</th>", found) == ["Both", "", "Down"]
    assert re.findall(r"<td>(.*?)</td>", found) == ["a", "", ""]


def test_lists_are_nested_and_numbered_as_they_were() -> None:
    block = lines("4. Open", (60, "- on Monday"), (60, "- on Sunday"), "5. Closed")

    found = re.sub(r"\s+", "", html(block))

    sub = "<ul><li>onMonday</li><li>onSunday</li></ul>"
    assert found.endswith(f'<olstart="4"><li>Open{sub}</li><li>Closed</li></ol>')


def test_two_lists_that_follow_each_other_stay_two() -> None:
    found = html(lines("1. Open", "2. Closed"), lines("1. Early", "2. Late", top=300))

    assert re.findall(r"<ol[^>]*>|<li>\w+", found) == [
        "<ol>", "<li>Open", "<li>Closed", "<ol>", "<li>Early", "<li>Late",
    ]  # fmt: skip


def test_pages_are_separated_by_comments() -> None:
    failed = PageText.not_read(7, Failure("corrupt", "torn"))

    text = rendered(page(lines("a")), failed, page(lines("b"), number=9))

    assert text == ("<!-- page 1 -->\n\na\n\n<!-- page 7: not read -->\n\n<!-- page 9 -->\n\nb\n")


def test_a_sidecar_gives_the_same_markdown() -> None:
    read = page(
        lines("1. Open", "2. Closed"), table(["a", "b"], ["c", "d"]), orientation=90,
    )  # fmt: skip

    assert rendered(page_text(_page(read))) == rendered(read)


@pytest.mark.parametrize(
    "line",
    [
        "# 5", "1. First", "2) Second", "- minus", "+ plus", "> quote", "---", "===",
        "<script>alert(1)</script>", "~~~", "[a](http://b)", "![a](b)", "`code`", "a_b_c",
        "**bold**", "&copy;", "a | b", "\\*", "<!-- x", "3.14", "Total: 5", "C:\\temp",
        "http://a.example/_x_", "* star",
    ],
)  # fmt: skip
def test_text_that_looks_like_markup_is_shown_as_it_is(line: str) -> None:
    assert shown(lines(line)) == line


@pytest.mark.parametrize("text", ["Open #", "Open ##", "# Open", "1. Open", "Open *now*"])
def test_a_heading_is_shown_as_it_is(text: str) -> None:
    (found,) = from_markdown(rendered(page(replace(lines(text, size=50), kind="heading"))))

    assert (found.level, found.text) == (1, text)  # type: ignore[union-attr]


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1))
def test_any_line_is_shown_as_it_is(line: str) -> None:
    assert shown(lines(line.strip() or "x")).split() == (line.split() or ["x"])
