"""Assembly: readings become blocks and plain text."""

from dataclasses import replace

import pytest

from daemon.core.records import Block, Box, Failure, TextLine
from daemon.ocr import assemble
from daemon.ocr.records import LayoutBlock, RulingLines
from tests.unit.ocr.assembling import (
    clean,
    line,
    page,
    published,
    reading,
    tabled,
    typed,
    with_layer,
)


def test_lines_are_joined_by_newlines_and_blocks_by_blank_lines():
    lines = [line(0, 30 * k, 100, 30 * k + 20) for k in range(3)]
    readings = [reading("one"), reading("two"), reading("three")]

    assert published(lines, readings, [[0, 1], [2]]).text == "one\ntwo\n\nthree"


def test_pieces_of_one_row_stand_on_one_line_of_text():
    lines = [line(0, 0, 100, 20), line(300, 4, 400, 24), line(0, 40, 100, 60)]
    readings = [reading("Total:"), reading("12.80"), reading("Thanks")]

    assert published(lines, readings, [[0, 1, 2]]).text == "Total: 12.80\nThanks"


def test_a_table_is_a_line_of_text_for_each_row_with_tabs_between_cells():
    cells = [(0, 0, 1, 1, [0]), (0, 1, 1, 1, [1]), (1, 0, 1, 1, [2]), (1, 1, 1, 1, [3])]

    assert tabled(["a", "b", "c", "d"], cells, 2, 2).text == "a\tb\nc\td"


def test_empty_cells_keep_their_place_between_others_and_empty_rows_do_not():
    cells = [
        (0, 0, 1, 1, []),
        (0, 1, 1, 1, [0]),
        (0, 2, 1, 1, []),
        (1, 0, 1, 3, []),
        (2, 0, 1, 3, [1]),
    ]

    assert tabled(["b", "c"], cells, 3, 3).text == "\tb\nc"


def test_a_cell_over_several_rows_is_written_in_its_first_row():
    cells = [(0, 0, 2, 1, [0]), (0, 1, 1, 1, [1]), (1, 1, 1, 1, [2])]

    assert tabled(["both", "b", "c"], cells, 2, 2).text == "both\tb\n\tc"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["two", "lines"], "two lines"),
        (["丘陵", "沟壑区"], "丘陵沟壑区"),
        (["你好，", "世界"], "你好，世界"),
        (["国籍", "Nationality"], "国籍 Nationality"),
        (["面积", "12"], "面积 12"),
    ],
)
def test_the_lines_of_a_cell_are_joined_as_its_script_wants(texts, expected):
    cells = [(0, 0, 1, 1, [0, 1]), (0, 1, 1, 1, [2])]

    assert tabled([*texts, "x"], cells, 1, 2).blocks[0].table.cells[0].text == expected


def test_cells_are_published_in_original_pixels_and_point_at_the_lines_of_their_block():
    cells = [(0, 0, 1, 1, [1]), (0, 1, 1, 1, [0])]

    (block,) = tabled(["b", "a"], cells, 1, 2, clean(shift=(10.0, 5.0))).blocks

    assert [line.text for line in block.lines] == ["a", "b"]
    assert [cell.lines for cell in block.table.cells] == [(0,), (1,)]
    assert block.table.cells[0].box == Box(10, 5, 310, 65)


def test_a_page_without_lines_is_done_and_empty_and_has_no_confidence():
    text = published([], [], [])

    assert (text.status, text.text, text.confidence, text.blocks) == ("done", "", None, ())


def test_a_pages_confidence_weighs_lines_by_their_characters():
    lines = [line(0, 0, 100, 20), line(0, 30, 100, 50)]

    text = published(lines, [reading("a", 0.5), reading("bcd", 0.9)], [[0, 1]])

    assert text.confidence == pytest.approx((0.5 + 3 * 0.9) / 4)


def test_only_readings_worth_publishing_are_legible():
    readings = [reading(""), reading("sure", 0.9), reading("  ", 0.9), reading("noise", 0.2)]

    assert assemble.legible_indexes(readings) == [1]


def test_a_long_reading_is_legible_where_a_short_one_and_a_row_of_dots_are_not():
    texts = ["a line of many letters, half read", "half read", "*............................"]

    assert assemble.legible_indexes([reading(text, 0.65) for text in texts]) == [0]


def test_a_ticked_box_does_not_hide_the_word_beside_it():
    ticked, guessed, mark = reading("Q是", 0.99), reading("on", 0.9), reading("q*", 0.99)
    readings = [
        replace(r, confidence=0.5, characters=(replace(r.characters[0], confidence=0.3), *rest))
        for r in (ticked, guessed, mark)
        for rest in [r.characters[1:]]
    ]

    assert assemble.legible_indexes(readings) == [0]


def test_a_page_with_a_defect_is_partial_and_has_the_reason():
    text = published([], [], [], page(defect="The image ends at row 300."))

    assert (text.status, text.failure) == (
        "partial",
        Failure("damaged", "The image ends at row 300."),
    )


def test_a_text_layer_is_published_in_the_order_of_its_layout():
    lines = (
        TextLine("9.00", None, Box(200, 0, 250, 20), ()),
        TextLine("Total", None, Box(0, 0, 50, 20), ()),
    )
    of = page(text_layer=(Block(lines),), rotation=90, dpi=300.0)

    placed = assemble.place_text_layer(of)
    text = assemble.page_of_text_layer(of, placed, [[LayoutBlock((1, 0))]])

    assert (text.text_source, text.text, text.confidence) == ("text_layer", "Total 9.00", None)
    assert (text.blocks[0].lines, text.rotation, text.dpi) == (lines[::-1], 90, 300.0)


# --- beside a text layer ------------------------------------------------------------------------


def test_lines_read_and_lines_of_the_layer_are_one_text():
    of = with_layer(typed("Total", 0, 0, 60, 20), typed("thanks", 0, 40, 80, 60))

    text = published([line(100, 0, 200, 20)], [reading("12.80")], [[1, 0, 2]], of=of)

    assert (text.text, text.text_source) == ("Total 12.80\nthanks", "mixed")
    assert [one.confidence for one in text.blocks[0].lines] == [None, 0.9, None]
    assert text.confidence == pytest.approx(0.9)


MARKS = [reading("oo", 0.95), reading("guess", 0.8), reading("**", 0.95)]


def test_beside_as_much_text_readings_need_high_confidence_and_a_letter_or_digit():
    assert assemble.legible_indexes(MARKS, [typed("as much text", 0, 0, 60, 20)]) == [0]


@pytest.mark.parametrize("layer", [[], [typed("stamp", 0, 0, 60, 20)]])
def test_a_scan_is_as_legible_with_a_stamp_as_without(layer):
    assert assemble.legible_indexes(MARKS, layer) == [0, 1, 2]


def boxes_of(of, frame, lines):
    return assemble.place_lines(of, frame, lines, [reading("x")] * len(lines), RulingLines()).boxes


def test_the_layer_stands_in_the_frame_of_the_lines_where_these_are_more():
    lines = [line(0, 0, 100, 20), line(0, 40, 100, 60)]
    shifted = clean(shift=(10.0, 30.0))

    found = boxes_of(with_layer(typed("x", 50, 130, 90, 150)), shifted, lines)

    assert found == [lines[0].box, lines[1].box, Box(40, 100, 80, 120)]


def test_the_lines_stand_in_the_frame_of_the_layer_where_this_has_more():
    below = typed("x", 50, 130, 90, 150)

    found = boxes_of(with_layer(below), clean(shift=(10.0, 30.0)), [line(0, 0, 100, 20)])

    assert found == [Box(10, 30, 110, 50), below.box]
