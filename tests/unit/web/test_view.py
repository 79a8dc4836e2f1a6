"""View models of a page: words, rows of lines, tables."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.web.ui.view import page_view


def word(text: str, left: int = 0, confidence: float | None = 0.99) -> dict[str, Any]:
    return {"text": text, "confidence": confidence, "box": [left, 10, left + 40, 30]}


def line(
    text: str, *words: dict[str, Any], box: tuple[int, ...] = (0, 10, 90, 30), **more: Any
) -> dict[str, Any]:
    return {
        "text": text, "confidence": 0.99, "box": list(box), "words": list(words),
        "direction": "horizontal", **more,
    }  # fmt: skip


def block(*lines: dict[str, Any], kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "lines": list(lines), **more}


def page(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "number": 1, "width": 200, "height": 100, "status": "done", "text": "", "confidence": 0.9,
        "text_source": "ocr", "blocks": list(blocks), "unread": [], "warnings": [], **more,
    }  # fmt: skip


def test_a_line_consists_of_words_and_the_text_between_them() -> None:
    read = page_view(page(block(line("自2026年 起, ok", word("自2026年"), word("起"), word("ok")))))

    [line_view] = read.lines
    assert "".join(span.text for span in line_view.spans) == "自2026年 起, ok"
    assert [span.text for span in line_view.words] == ["自2026年", "起", "ok"]


def test_a_word_spelt_differently_in_its_line_loses_no_text() -> None:
    [line_view] = page_view(page(block(line("one two", word("one"), word("tvvo"))))).lines

    assert "".join(span.text for span in line_view.spans) == "one two"


@pytest.mark.parametrize(
    ("confidence", "css_class"),
    [(1.0, ""), (0.95, ""), (0.9499, "uncertain"), (0.7999, "very-uncertain"), (None, "")],
)
def test_an_uncertain_word_has_a_css_class(confidence: float | None, css_class: str) -> None:
    [line_view] = page_view(page(block(line("a", word("a", confidence=confidence))))).lines

    assert line_view.words[0].uncertainty == css_class


def test_boxes_are_left_top_width_height() -> None:
    [line_view] = page_view(page(block(line("a", word("a"), box=(5, 10, 25, 40))))).lines

    assert line_view.box == (5, 10, 20, 30)


def test_a_label_and_its_value_share_a_row() -> None:
    name = line("Date", word("Date"), box=(0, 10, 40, 30))
    value = line("1 May", word("1"), box=(100, 12, 160, 31))
    below = line("Order", word("Order"), box=(0, 40, 40, 60))

    [view] = page_view(page(block(name, value, below))).blocks

    assert [[each.text for each in row] for row in view.rows] == [["Date", "1 May"], ["Order"]]


def test_a_table_has_its_cells_row_by_row() -> None:
    cells = [
        {"row": r, "column": c, "row_span": 1, "column_span": 1, "text": text, "lines": lines}
        for r, c, text, lines in [
            (0, 0, "What", [0]),
            (0, 1, "", []),
            (1, 0, "Ink", [1]),
            (1, 1, "1,250.00", [2]),
        ]
    ]
    lines = [line(text, word(text)) for text in ("What", "Ink", "1,250.00")]

    [view] = page_view(page(block(*lines, kind="table", rows=2, columns=2, cells=cells))).blocks

    assert [[cell.text for cell in row] for row in view.table] == [
        ["What", ""],
        ["Ink", "1,250.00"],
    ]
    assert [cell.is_number for row in view.table for cell in row] == [False, False, False, True]


def test_unread_regions_are_grouped_by_reason_and_keep_their_numbers() -> None:
    unread = [
        {"box": [0, 0, 10, 10], "reason": "too_small"},
        {"box": [5, 20, 50, 30], "reason": "not_legible"},
        {"box": [0, 40, 10, 50], "reason": "too_small"},
    ]

    groups = page_view(page(unread=unread)).unread_by_reason

    assert {reason: [each.number for each in found] for reason, found in groups.items()} == {
        "too_small": [1, 3], "not_legible": [2],
    }  # fmt: skip
    assert groups["not_legible"][0].box == (5, 20, 45, 10)


@pytest.mark.parametrize(
    ("directions", "is_vertical"),
    [
        (("vertical", "vertical"), True),
        (("vertical", "horizontal"), False),
        (("rotated_90",), False),
    ],
)
def test_a_block_is_vertical_if_all_its_lines_are(
    directions: tuple[str, ...], is_vertical: bool
) -> None:
    lines = [line("天", word("天"), direction=each) for each in directions]

    [view] = page_view(page(block(*lines))).blocks

    assert view.is_vertical is is_vertical


def test_vertical_columns_are_no_label_and_value() -> None:
    left = line("天地", word("天地"), box=(0, 10, 20, 90), direction="vertical")
    right = line("玄黄", word("玄黄"), box=(40, 10, 60, 90), direction="vertical")

    [view] = page_view(page(block(left, right))).blocks

    assert [len(row) for row in view.rows] == [1, 1]
