"""Ruled tables: from a drawn picture to cells, with a recogniser that knows the text."""

import cv2
import numpy as np
import pytest

from daemon.ocr import layout
from daemon.ocr.assemble.plain_text import cell_text
from tests.support.samples.tables import DrawnPage, grid

X = (100, 400, 700, 1000)
Y = (100, 160, 220, 280)
PLAIN = {(r, r + 1, c, c + 1): f"cell {r}{c}" for r in range(3) for c in range(3)}
NINE = [[f"cell {r}{c}" for c in range(3)] for r in range(3)]


def tables_of(drawn_page, degrees=0.0):
    found, rules, height = drawn_page.found(degrees)
    parts = layout.analyze(found, rules, height)
    return found, [part.table for part in parts if part.table]


def only_table(drawn_page, degrees=0.0):
    """The text of each cell by row and column, with its spans where there are any."""
    found, (table,) = tables_of(drawn_page, degrees)
    texts = [[None] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        text = cell_text([found[k][1] for k in cell.lines])
        spans = (cell.row_span, cell.column_span)
        texts[cell.row][cell.column] = text if spans == (1, 1) else (text, *spans)
    return texts


def drawn(texts=PLAIN, x=X, y=Y, without=""):
    drawn_page = DrawnPage()
    grid(drawn_page, x, y, texts, without)
    return drawn_page


def test_a_ruled_table_is_its_cells():
    assert only_table(drawn()) == NINE


@pytest.mark.parametrize("without", ["left right", "top bottom", "left right top bottom"])
def test_missing_outer_borders_are_added(without):
    assert only_table(drawn(without=without)) == NINE


def test_a_table_skewed_by_two_degrees_is_the_same_table():
    drawn_page = drawn()
    drawn_page.write("a line of text below the table, which lies straight", 100, 500)

    assert only_table(drawn_page, degrees=2.0) == NINE


def test_cells_over_several_columns_and_rows_have_spans():
    texts = {
        (0, 1, 0, 3): "over all columns",
        (1, 3, 0, 1): ["over", "rows"],
        (1, 2, 1, 2): "cell 11", (1, 2, 2, 3): "cell 12",
        (2, 3, 1, 2): "cell 21", (2, 3, 2, 3): "cell 22",
    }  # fmt: skip

    assert only_table(drawn(texts)) == [
        [("over all columns", 1, 3), None, None],
        [("over rows", 2, 1), "cell 11", "cell 12"],
        [None, "cell 21", "cell 22"],
    ]


def test_empty_cells_are_kept():
    texts = {span: "" if span[0] == span[2] else text for span, text in PLAIN.items()}

    assert only_table(drawn(texts)) == [
        ["", "cell 01", "cell 02"],
        ["cell 10", "", "cell 12"],
        ["cell 20", "cell 21", ""],
    ]


def test_the_lines_of_a_cell_are_read_before_the_next_cell():
    texts = {
        (0, 1, 0, 1): ["one", "two"], (0, 1, 1, 2): ["three", "four"],
        (1, 2, 0, 1): "five", (1, 2, 1, 2): "six",
    }  # fmt: skip
    found, rules, height = drawn(texts, x=(100, 500, 900), y=(100, 200, 260)).found()

    (part,) = layout.analyze(found, rules, height)

    assert [found[k][1] for k in part.lines] == ["one", "two", "three", "four", "five", "six"]


def test_strokes_of_chinese_characters_are_no_rules():
    names = [["姓名", "国籍", "学号"], ["王小明", "中国", "一二三"], ["李四", "日本", "四五六七"]]
    texts = {(r, r + 1, c, c + 1): names[r][c] for r in range(3) for c in range(3)}

    assert only_table(drawn(texts)) == names


def test_broken_rules_still_separate_cells():
    drawn_page = drawn()
    for x in X:
        drawn_page.image[202:212, x - 3 : x + 4] = 255
    for y in Y:
        drawn_page.image[y - 3 : y + 4, 330:360] = 255

    assert only_table(drawn_page) == NINE


def test_rules_curved_like_a_page_near_its_spine_still_separate_cells():
    drawn_page = drawn()
    x, y = np.meshgrid(
        *(np.arange(size, dtype=np.float32) for size in drawn_page.image.shape[::-1])
    )
    curvature = 6 * np.sin(x / drawn_page.width * np.pi)
    drawn_page.image = cv2.remap(
        drawn_page.image, x, y + curvature, cv2.INTER_LINEAR, borderValue=255
    )

    assert only_table(drawn_page) == NINE


def framed(drawn_page, left, top, right, bottom):
    for ends in ((left, top, right, top), (left, bottom, right, bottom)):
        drawn_page.rule(*ends)
    for ends in ((left, top, left, bottom), (right, top, right, bottom)):
        drawn_page.rule(*ends)


def underlined_headings():
    drawn_page = DrawnPage()
    for k in range(4):
        drawn_page.write(f"Chapter {k} of the book", 100, 100 + 200 * k)
        drawn_page.rule(100, 110 + 200 * k, 500, 110 + 200 * k)
        drawn_page.write("and what is said in it goes on below", 100, 160 + 200 * k)
    return drawn_page


def framed_page():
    drawn_page = DrawnPage()
    for k in range(20):
        drawn_page.write("a page with a frame around all of its text", 100, 120 + 40 * k)
    framed(drawn_page, 40, 40, 1200, 960)
    return drawn_page


def form_with_single_boxes():
    drawn_page = DrawnPage()
    for k in range(6):
        drawn_page.write(f"Field {k}", 100, 130 + 100 * k)
        framed(drawn_page, 400, 100 + 100 * k, 800, 145 + 100 * k)
        drawn_page.write(f"value {k}", 420, 130 + 100 * k)
    return drawn_page


def boxes_of_digits():
    drawn_page = DrawnPage()
    drawn_page.write("Number", 100, 130)
    framed(drawn_page, 300, 100, 700, 145)
    for k in range(10):
        drawn_page.rule(300 + 40 * k, 100, 300 + 40 * k, 145)
        drawn_page.write(str(k), 310 + 40 * k, 130)
    return drawn_page


def prose_in_two_columns(parted=False):
    drawn_page = DrawnPage()
    for k in range(20):
        for left in (60, 640):
            drawn_page.write("and so the words of it go on", left, 120 + 40 * k)
    if parted:
        framed(drawn_page, 40, 40, 1200, 960)
        drawn_page.rule(620, 40, 620, 960)
    return drawn_page


def quarters_of_prose():
    drawn_page = prose_in_two_columns(parted=True)
    drawn_page.rule(40, 505, 1200, 505)
    return drawn_page


def grid_of_a_chart():
    drawn_page = DrawnPage()
    grid(drawn_page, X, Y, dict.fromkeys(PLAIN, ""))
    drawn_page.write("peak", 480, 140)
    drawn_page.write("low", 780, 260)
    for k in range(8):
        drawn_page.write("and what the chart shows is said in words", 100, 400 + 50 * k)
    return drawn_page


@pytest.mark.parametrize(
    "drawn_page",
    [
        underlined_headings(),
        framed_page(),
        form_with_single_boxes(),
        boxes_of_digits(),
        prose_in_two_columns(),
        prose_in_two_columns(parted=True),
        quarters_of_prose(),
        grid_of_a_chart(),
    ],
    ids=[
        "underlined",
        "framed",
        "single_boxes",
        "digits",
        "prose",
        "parted_prose",
        "quarters",
        "chart",
    ],
)
def test_rules_that_are_no_grid_make_no_table(drawn_page):
    found, tables = tables_of(drawn_page)

    assert tables == []
    assert len(found) >= 8


def test_the_rows_of_a_frame_between_the_cells_of_a_form_stay_rows():
    rows = [f"key {k} and its value" for k in range(6)]
    texts = {
        (0, 1, 0, 1): "Name", (0, 1, 1, 2): "Ann", (1, 2, 0, 1): "City", (1, 2, 1, 2): "Bath",
        (2, 3, 0, 2): rows,
    }  # fmt: skip
    found, rules, height = drawn(texts, x=(100, 500, 900), y=(100, 160, 220, 480)).found()

    parts = layout.analyze(found, rules, height)

    assert [part.kind for part in parts] == ["table", "text"]
    assert [found[k][1] for k in parts[1].lines] == rows


def test_lines_above_beside_and_below_a_table_are_read_in_their_place():
    drawn_page = drawn()
    drawn_page.write("above", 300, 60)
    drawn_page.write("aside", 1050, 190)
    drawn_page.write("below", 300, 340)
    found, rules, height = drawn_page.found()

    parts = layout.analyze(found, rules, height)

    first = ["table" if part.table else found[part.lines[0]][1] for part in parts]
    assert first == ["above", "table", "aside", "below"]
