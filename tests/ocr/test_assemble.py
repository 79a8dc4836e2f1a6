import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ocr import assemble
from daemon.ocr.assemble.frame import Frame
from daemon.records import (
    Block,
    Box,
    Cell,
    Character,
    CleanPage,
    Failure,
    Line,
    Page,
    Part,
    Reading,
    Rules,
    Table,
    TextLine,
    Word,
)

BLANK = np.full((4, 4), 255, np.uint8)


def page(width=1000, height=800, scale=1.0, **more):
    image = np.full((round(height * scale), round(width * scale), 3), 255, np.uint8)
    return Page(number=3, width=width, height=height, image=image, scale=scale, **more)


def clean(degrees=0.0, zoom=1.0, shift=(0.0, 0.0)):
    """A clean frame turned, zoomed and shifted against the page's."""
    cos, sin = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    to_page = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    return CleanPage(gray=BLANK, to_page=to_page, skew=degrees)


def line(left, top, right, bottom):
    return Line(box=Box(left, top, right, bottom), image=BLANK)


def reading(text, confidence=0.9):
    """A reading whose characters share the crop evenly."""
    step = 1 / max(1, len(text))
    spans = [(k * step, (k + 1) * step) for k in range(len(text))]
    characters = (Character(c, confidence, *span) for c, span in zip(text, spans, strict=True))
    return Reading(text, confidence if text else 0.0, tuple(characters))


def published(lines, readings, blocks, of=None, frame=None):
    parts = [Part(tuple(block)) for block in blocks]
    return assembled(of or page(), frame or clean(), lines, readings, parts)


def assembled(of, frame, lines, readings, parts):
    placed = assemble.placing(of, frame, lines, readings, Rules())
    return assemble.page_text(of, frame, placed, parts)


def tabled(texts, cells, rows, columns, frame=None):
    """A page of one table; `cells` are row, column, their spans, and the places of their texts."""
    box = Box(0, 0, 300, 60)
    held = tuple(Cell(*where, box, tuple(places)) for *where, places in cells)
    order = tuple(k for cell in held for k in cell.lines)
    lines = [line(0, 30 * k, 100, 30 * k + 20) for k in range(len(texts))]
    part = Part(order, "table", Table(rows, columns, held))
    readings = [reading(text) for text in texts]
    return assembled(page(), frame or clean(), lines, readings, [part])


def words(text):
    (block,) = published([line(0, 0, 100, 20)], [reading(text)], [[0]]).blocks
    return [word.text for word in block.lines[0].words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("于 2026 年 7 月", "于2026年7月"),
        ("Windows 系统", "Windows系统"),
        ("two words", "two words"),
        ("你 好", "你 好"),
        ("한국 2026", "한국 2026"),
        ("第 (2) 条", "第 (2) 条"),
        ("总计  12", "总计  12"),
    ],
)
def test_the_white_of_typesetting_is_no_space(text, expected):
    crop = Line(Box(0, 0, 10 * len(text), 20), np.zeros((20, 10 * len(text)), np.uint8))

    assert published([crop], [reading(text)], [[0]]).text == expected


def test_white_as_wide_as_a_character_is_a_space():
    wide = Line(Box(0, 0, 200, 20), np.zeros((20, 200), np.uint8))

    assert published([wide], [reading("年 7")], [[0]]).text == "年 7"


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


def test_a_cell_over_rows_is_read_in_its_first():
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


def test_a_page_without_lines_is_done_empty_and_sure_of_nothing():
    text = published([], [], [])

    assert (text.status, text.text, text.confidence, text.blocks) == ("done", "", None, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the quick  fox", ["the", "quick", "fox"]),
        (" spaced ", ["spaced"]),
        ("中文字", ["中文字"]),
        ("中文English中文", ["中文", "English", "中文"]),
        ("价格12.80元", ["价格", "12.80", "元"]),
        ("你好，world!", ["你好，", "world!"]),
        ("e-mail:a@b.cn", ["e-mail:a@b.cn"]),
        ("——", ["——"]),
        ("ひらがなabc한글", ["ひらがな", "abc", "한글"]),
    ],
)
def test_words_break_at_spaces_and_where_scripts_meet(text, expected):
    assert words(text) == expected


def test_a_word_stands_where_its_characters_stand():
    text = published([line(100, 40, 300, 60)], [reading("ab cd")], [[0]])

    (first, second) = text.blocks[0].lines[0].words
    assert first.box == Box(100, 40, 180, 60)
    assert second.box == Box(220, 40, 300, 60)


def test_a_words_confidence_is_the_geometric_mean_of_its_characters():
    characters = (Character("a", 0.5, 0, 0.5), Character("b", 1.0, 0.5, 1))
    text = published([line(0, 0, 9, 9)], [Reading("ab", 0.7, characters)], [[0]])

    assert text.blocks[0].lines[0].words[0].confidence == pytest.approx(0.5**0.5)


def test_a_pages_confidence_weighs_lines_by_their_characters():
    lines = [line(0, 0, 100, 20), line(0, 30, 100, 50)]

    text = published(lines, [reading("a", 0.5), reading("bcd", 0.9)], [[0, 1]])

    assert text.confidence == pytest.approx((0.5 + 3 * 0.9) / 4)


@given(
    degrees=st.floats(-10, 10),
    zoom=st.floats(0.3, 3),
    scale=st.floats(0.2, 1),
    left=st.integers(100, 400),
    top=st.integers(100, 300),
    width=st.integers(5, 300),
    height=st.integers(5, 40),
)
def test_a_box_on_the_page_comes_back_from_the_clean_frame(
    degrees, zoom, scale, left, top, width, height
):
    frame = clean(degrees, zoom, shift=(7.0, -3.0))
    turn, shift = frame.to_page[:, :2], frame.to_page[:, 2]
    corners = np.array([[left, top], [left + width, top + height]])
    there = (corners * scale - shift) @ np.linalg.inv(turn).T
    low, high = np.floor(there.min(axis=0)).astype(int), np.ceil(there.max(axis=0)).astype(int)

    found = published(
        [line(*low.tolist(), *high.tolist())], [reading("x")], [[0]], page(scale=scale), frame
    )

    box = found.blocks[0].lines[0].box
    slack = 1 + 2 / scale / zoom
    assert box.left <= left + slack
    assert box.right >= left + width - slack
    grown = math.sin(math.radians(abs(degrees))) * (width + height) + 2 * slack
    assert box.right - box.left <= width + 2 * grown
    assert box.bottom - box.top <= height + 2 * grown


def test_a_scaled_page_is_answered_in_original_pixels():
    half = page(width=1000, height=800, scale=0.5)

    text = published([line(10, 20, 60, 40)], [reading("x")], [[0]], half)

    assert text.blocks[0].lines[0].box == Box(20, 40, 120, 80)
    assert (text.width, text.height) == (1000, 800)


def test_boxes_are_clipped_to_the_page_and_never_empty():
    lines = [line(-50, -50, 5000, 30), line(4000, 4000, 4100, 4100)]

    text = published(lines, [reading("a"), reading("b")], [[0, 1]])

    one, other = (found.box for found in text.blocks[0].lines)
    assert one == Box(0, 0, 1000, 30)
    assert other == Box(999, 799, 1000, 800)


def test_only_readings_worth_publishing_are_legible():
    readings = [reading(""), reading("sure", 0.9), reading("  ", 0.9), reading("noise", 0.2)]

    assert assemble.legible(readings) == [1]


def test_a_page_with_a_defect_is_partial_and_says_why():
    text = published([], [], [], page(defect="The image ends at row 300."))

    assert (text.status, text.failure) == (
        "partial",
        Failure("damaged", "The image ends at row 300."),
    )


def test_a_text_layer_is_published_as_it_is():
    lines = (
        TextLine("Total", None, Box(0, 0, 50, 20), ()),
        TextLine("9.00", None, Box(200, 0, 250, 20), ()),
    )
    block = Block(lines)

    text = assemble.page_from_text_layer(page(text_layer=(block,), rotation=90, dpi=300.0))

    assert (text.text_source, text.text, text.confidence) == ("text_layer", "Total 9.00", None)
    assert (text.blocks, text.rotation, text.dpi) == ((block,), 90, 300.0)


# --- beside a text layer ------------------------------------------------------------------------


def typed(text, left, top, right, bottom):
    box = Box(left, top, right, bottom)
    return TextLine(text, None, box, (Word(text, None, box),))


def with_layer(*lines):
    return page(text_layer=(Block(tuple(lines)),))


def test_lines_read_and_lines_of_the_layer_are_one_text():
    of = with_layer(typed("Total", 0, 0, 60, 20), typed("thanks", 0, 40, 80, 60))

    text = published([line(100, 0, 200, 20)], [reading("12.80")], [[1, 0, 2]], of=of)

    assert (text.text, text.text_source) == ("Total 12.80\nthanks", "mixed")
    assert [one.confidence for one in text.blocks[0].lines] == [None, 0.9, None]
    assert text.confidence == pytest.approx(0.9)


def test_a_page_of_which_nothing_was_read_is_its_text_layer():
    of = with_layer(typed("as it was typed", 0, 0, 60, 20))

    assert published([], [], [[0]], of=of) == assemble.page_from_text_layer(of)


MARKS = [reading("oo", 0.95), reading("guess", 0.8), reading("**", 0.95)]


def test_beside_as_much_text_what_is_read_must_be_sure_and_no_marks():
    assert assemble.legible(MARKS, [typed("as much text", 0, 0, 60, 20)]) == [0]


@pytest.mark.parametrize("layer", [[], [typed("stamp", 0, 0, 60, 20)]])
def test_a_scan_is_as_legible_with_a_stamp_as_without(layer):
    assert assemble.legible(MARKS, layer) == [0, 1, 2]


def boxes_of(of, frame, lines):
    return assemble.placing(of, frame, lines, [reading("x")] * len(lines), Rules()).boxes


def test_the_layer_stands_in_the_frame_of_the_lines_where_these_are_more():
    lines = [line(0, 0, 100, 20), line(0, 40, 100, 60)]
    shifted = clean(shift=(10.0, 30.0))

    found = boxes_of(with_layer(typed("x", 50, 130, 90, 150)), shifted, lines)

    assert found == [lines[0].box, lines[1].box, Box(40, 100, 80, 120)]


def test_the_lines_stand_in_the_frame_of_the_layer_where_this_has_more():
    below = typed("x", 50, 130, 90, 150)

    found = boxes_of(with_layer(below), clean(shift=(10.0, 30.0)), [line(0, 0, 100, 20)])

    assert found == [Box(10, 30, 110, 50), below.box]


@given(st.floats(-10, 10), st.floats(0.5, 2.0), st.integers(0, 300), st.integers(0, 300))
def test_a_box_that_goes_back_and_forth_still_holds_itself(degrees, zoom, left, top):
    box = Box(left + 200, top + 200, left + 260, top + 220)
    frame = Frame(page(), clean(degrees, zoom))

    there = frame.around(frame.back(box))

    assert there.left <= box.left < box.right <= there.right
    assert there.top <= box.top < box.bottom <= there.bottom


def test_a_line_that_was_laid_level_has_words_where_it_slants():
    corners = np.array([[100, 300], [300, 200], [310, 220], [110, 320]], float)
    slanted = Line(Box(100, 200, 310, 320), BLANK, corners)

    (block,) = published([slanted], [reading("ab cd")], [[0]]).blocks

    first, second = (word.box for word in block.lines[0].words)
    assert (first.left, first.bottom) == (100, 320)
    assert (second.right, second.top) == (310, 200)
    assert second.bottom < first.bottom - 30


def test_boxes_on_a_straightened_page_are_where_its_rows_were_bent():
    sag = np.zeros((30, 40), np.float32) + np.linspace(0, 62.4, 40, dtype=np.float32)
    bent = CleanPage(gray=BLANK, to_page=clean().to_page, skew=0.0, sag=sag)  # 0.05 a pixel

    (block,) = published([line(0, 100, 800, 120)], [reading("ab cd")], [[0]], frame=bent).blocks

    first, second = (word.box for word in block.lines[0].words)
    assert (first.left, first.top, first.bottom) == (0, 100, pytest.approx(120 + 16, abs=2))
    assert (second.right, second.bottom) == (800, pytest.approx(160, abs=2))
    assert block.lines[0].box.bottom == pytest.approx(160, abs=2)
