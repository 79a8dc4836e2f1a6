"""Block kinds: by the position, the height and the text of lines."""

import pytest

from daemon.core.records import Box
from daemon.ocr import layout
from daemon.ocr.records import RulingLines

HEIGHT = 1400


def line(text, left, top, height=20, right=None):
    """A line as wide as its text, or up to `right`."""
    return Box(left, top, right or left + len(text) * height // 2, top + height), text


def prose(top, rows, left=100, right=900):
    return [line(f"prose {k}", left, top + 30 * k, right=right) for k in range(rows)]


def kinds_and_texts(found, rules=None):
    """The kind of each block with its texts."""
    parts = layout.analyze(found, rules or RulingLines(), HEIGHT)
    return [(part.kind, [found[k][1] for k in part.lines]) for part in parts]


def of_kind(found, kind, rules=None):
    return [
        text
        for found_kind, texts in kinds_and_texts(found, rules)
        if found_kind == kind
        for text in texts
    ]


def test_large_letters_on_their_own_are_a_heading():
    found = [line("A Heading", 100, 200, height=36), *prose(300, 10)]

    assert kinds_and_texts(found)[0] == ("heading", ["A Heading"])


def test_a_heading_close_to_its_text_is_separated_from_it():
    found = [line("A Heading", 100, 200, height=36), *prose(240, 10)]

    assert [kind for kind, _ in kinds_and_texts(found)] == ["heading", "text"]


@pytest.mark.parametrize(
    "text", ["1 234.50", "a" * 80, "goes on,", "Total 19.99 Cash 20.00"], ids=lambda text: text[:9]
)
def test_large_letters_that_are_no_title_are_text(text):
    found = [line(text, 100, 200, height=36, right=800), *prose(300, 10)]

    assert of_kind(found, "heading") == []


def test_a_little_larger_is_no_heading():
    found = [line("A little larger", 100, 200, height=25), *prose(300, 10)]

    assert of_kind(found, "heading") == []


def test_a_running_title_with_its_number_is_a_header():
    found = [line("29", 100, 60), line("THE BOOK", 400, 60), *prose(105, 30)]

    assert kinds_and_texts(found)[0] == ("header", ["29", "THE BOOK"])


def test_a_running_title_over_a_rule_is_a_header():
    found = [line("Chapter 6", 100, 60), *prose(100, 30)]
    rule = RulingLines(horizontal=(Box(100, 88, 900, 90),))

    assert of_kind(found, "header") == []
    assert of_kind(found, "header", rule) == ["Chapter 6"]


@pytest.mark.parametrize("text", ["20", "- 20 -", "Page 3 of 9", "xii", "第 5 页", "3 / 9"])
def test_a_page_number_below_the_text_is_a_footer(text):
    found = [*prose(200, 35), line(text, 480, 1254)]

    assert kinds_and_texts(found)[-1] == ("footer", [text])


def test_a_number_that_ends_the_text_is_no_footer():
    found = [*prose(200, 35), line("1948", 100, 1250)]

    assert of_kind(found, "footer") == []


def test_a_distant_line_in_the_middle_of_the_page_is_text():
    found = [*prose(200, 10), line("an end", 100, 600)]

    assert {kind for kind, _ in kinds_and_texts(found)} == {"text"}


def test_the_name_of_a_shop_on_its_receipt_is_no_header():
    rows = [
        b
        for k in range(12)
        for b in (line("tea", 100, 120 + 30 * k), line("1.20", 500, 120 + 30 * k))
    ]

    assert of_kind([line("CORNER SHOP", 200, 30), *rows], "header") == []


def test_a_page_of_a_few_lines_has_only_text():
    found = [line("Large", 100, 100, height=60), line("7", 500, 1350), line("small", 100, 300)]

    assert {kind for kind, _ in kinds_and_texts(found)} == {"text"}
