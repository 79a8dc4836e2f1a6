"""Lines of the network and of the ink, united by place."""

import numpy as np
import pytest

from daemon.ocr.segment import combine, quads
from daemon.ocr.segment.dbnet import Detection
from tests.unit.ocr.test_quads import turned

HEIGHT, WIDTH = 400, 1000


def detection(*lines, seen=(), scale=1.0):
    """What a network sees that found upright `lines`, and text without a line in `seen`."""
    probability = np.zeros((round(HEIGHT * scale), round(WIDTH * scale)), np.float32)
    for rect in (*lines, *seen):
        left, top, right, bottom = (round(side * scale) for side in rect)
        inset = min(bottom - top, right - left) // 4
        probability[top + inset : bottom - inset, left + inset : right - inset] = 0.9
    rects = np.array(lines, float).reshape(-1, 4)
    return Detection(quads.of_rects(rects), np.full(len(rects), 0.9), probability, scale)


def page(*dark, paper=255):
    """A page with strokes of ink in the rectangles `dark`."""
    gray = np.full((HEIGHT, WIDTH), paper, np.uint8)
    for left, top, right, bottom in dark:
        for x in range(left, right - 4, 8):
            gray[top:bottom, x : x + 4] = 255 - paper
    return gray


def combined(ink, found, gray=None):
    gray = page(*ink) if gray is None else gray
    rects, left_over = combine.combine(np.array(ink, float).reshape(-1, 4), found, gray)
    return [tuple(map(round, rect)) for rect in rects], quads.bounds(left_over).tolist()


def test_nothing_is_nothing():
    assert combined([], detection()) == ([], [])


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_a_line_that_both_find_is_that_of_the_ink(scale):
    found = detection((95, 95, 510, 135), scale=scale)

    assert combined([(100, 100, 500, 130)], found) == ([(100, 100, 500, 130)], [])


def test_ink_where_the_network_sees_no_text_is_no_line():
    assert combined([(100, 200, 500, 230)], detection((100, 100, 500, 130)))[0] == []


def test_ink_where_the_network_sees_text_is_a_line_though_it_made_none_of_it():
    found = detection(seen=[(100, 100, 140, 130)])

    assert combined([(100, 100, 500, 130)], found) == ([(100, 100, 500, 130)], [])


def test_a_line_without_ink_is_that_of_the_network():
    assert combined([], detection((100, 100, 500, 130))) == ([], [[100, 100, 500, 130]])


def test_cells_of_a_row_that_the_network_joined_are_those_of_the_ink():
    cells = [(100, 100, 280, 130), (320, 101, 500, 131), (530, 99, 700, 130)]

    assert combined(cells, detection((95, 95, 705, 135))) == (cells, [])


@pytest.mark.parametrize("paper", [255, 0])
@pytest.mark.parametrize("missed", [(290, 102, 400, 130), (400, 100, 520, 128)])
def test_text_between_the_cells_that_the_ink_lacks_is_read_from_the_network(missed, paper):
    cells, quad = [(100, 100, 280, 130), (530, 99, 700, 130)], (95, 95, 705, 135)

    found = combined(cells, detection(quad), page(*cells, missed, paper=paper))

    assert found == ([], [[95, 95, 705, 135]])


def test_a_rule_or_a_line_below_between_cells_is_no_missed_text():
    cells, quad = (
        [(100, 100, 280, 130), (320, 100, 500, 130), (530, 99, 700, 130)],
        (95, 95, 705, 135),
    )
    gray = page(*cells)
    gray[90:140, 300:302] = 0
    gray[131:133, 90:710] = 0

    assert combined(cells, detection(quad), gray) == (cells, [])


CELLS = [(100, 100, 280, 130), (400, 100, 580, 130)]
AROUND = (95, 95, 585, 135)


def test_the_shade_of_a_cell_is_no_missed_text():
    gray = np.full((HEIGHT, WIDTH), 255, np.uint8)
    gray[90:140, 285:395] = 240
    gray[100:130, 100:280:60] = gray[100:130, 400:580:60] = 0  # few strokes

    assert combined(CELLS, detection(AROUND), gray) == (CELLS, [])


def test_a_row_that_reaches_into_a_quad_is_no_missed_text():
    gray = page(*CELLS, (290, 80, 390, 102))

    assert combined(CELLS, detection(AROUND), gray) == (CELLS, [])


def test_the_blurred_edge_of_letters_is_no_missed_text():
    low = [(100, 108, 280, 122), (400, 108, 580, 122)]
    gray = page(*((left, 106, right, 122) for left, _, right, _ in low))

    assert combined(low, detection((95, 100, 585, 125)), gray) == (low, [])


@pytest.mark.parametrize("half", [(100, 150, 300, 185), (100, 110, 300, 145)])
def test_half_of_large_characters_does_not_explain_them(half):
    whole, both = (320, 108, 500, 188), (100, 108, 300, 188)

    found = combined([half, whole], detection((95, 100, 505, 200)), page(both, whole))

    assert found == ([], [[95, 100, 505, 200]])


def test_both_halves_of_large_characters_are_no_rows():
    ink = [(100, 108, 300, 147), (100, 149, 300, 188), (320, 108, 500, 188)]

    assert combined(ink, detection((95, 100, 505, 200))) == ([], [[95, 100, 505, 200]])


def test_a_label_in_two_rows_beside_a_large_cell_stays_two_rows():
    ink = [(100, 104, 300, 142), (100, 156, 300, 194), (320, 108, 500, 188)]

    assert combined(ink, detection((95, 100, 505, 200))) == (ink, [])


def test_a_word_does_not_explain_a_line():
    rects, left_over = combined([(100, 100, 200, 130)], detection((95, 95, 705, 135)))

    assert rects == []
    assert left_over == [[95, 95, 705, 135]]


@pytest.mark.parametrize("scale", [0.4, 1.0])
@pytest.mark.parametrize("ink", [(100, 100, 420, 130), (180, 100, 500, 130)])
def test_ink_goes_on_where_the_network_sees_the_line_go_on(ink, scale):
    found = detection((88, 95, 512, 135), scale=scale)

    [(left, _, right, _)], left_over = combined([ink], found)

    assert left_over == []
    assert (left, right) == ((88, 500) if ink[0] == 180 else (100, 512))


def test_ink_does_not_go_on_where_the_network_sees_no_text():
    found = detection((88, 95, 512, 135))
    found.probability[:, 425:] = 0

    assert combined([(100, 100, 420, 130)], found) == ([(100, 100, 420, 130)], [])


def test_a_quad_of_two_rows_is_the_rows_of_the_ink():
    rows = [(133, 110, 340, 155), (131, 160, 340, 205)]

    assert combined(rows, detection((95, 70, 380, 245))) == (rows, [])


def test_strokes_of_one_large_character_are_no_rows():
    strokes = [(120, 110, 300, 118), (100, 190, 320, 200)]

    rects, left_over = combined(strokes, detection((90, 95, 330, 215)))

    assert rects == []
    assert left_over == [[90, 95, 330, 215]]


def test_strokes_of_large_letters_do_not_explain_them():
    strokes = [(100 + 40 * k, 150, 130 + 40 * k, 185) for k in range(10)]

    rects, left_over = combined(strokes, detection((95, 100, 505, 200)))

    assert rects == []
    assert left_over == [[95, 100, 505, 200]]


def test_rows_that_the_ink_merged_are_those_of_the_network():
    rows = [(100, 100, 500, 130), (100, 140, 500, 170), (100, 180, 500, 210)]

    rects, left_over = combined([(100, 100, 500, 210)], detection(*rows))

    assert rects == []
    assert sorted(left_over) == [list(row) for row in rows]


def test_rows_below_each_other_that_the_network_joined_are_those_of_the_ink():
    rows = [(100, 50 + 50 * k, 140, 80 + 50 * k) for k in range(6)]

    assert combined(rows, detection((95, 45, 145, 335))) == (rows, [])


def test_few_short_rows_below_each_other_are_a_stack_though_the_network_reaches_beyond_them():
    rows = [(100, 186, 125, 200), (100, 216, 125, 231), (100, 246, 125, 260)]

    assert combined(rows, detection((91, 173, 136, 273))) == (rows, [])


def test_ink_within_the_lines_of_a_page_on_its_side_is_none():
    columns = [(100 + 60 * k, 50, 130 + 60 * k, 400) for k in range(5)]
    words = [
        (100 + 60 * k, top, 130 + 60 * k, top + 40) for k in range(5) for top in (60, 180, 300)
    ]

    rects, left_over = combined(words, detection(*columns))

    assert rects == []
    assert sorted(left_over) == [list(column) for column in columns]


def test_characters_of_a_column_are_the_column_of_the_network():
    characters = [(100, 50 + 42 * k, 140, 90 + 42 * k) for k in range(7)]

    rects, left_over = combined(characters, detection((95, 45, 145, 345)))

    assert rects == []
    assert left_over == [[95, 45, 145, 345]]


def test_a_slanted_line_is_that_of_the_network_and_the_ink_within_it_is_none():
    found = detection((100, 180, 600, 220))
    slanted = turned(found.quads[0], 15)
    found = Detection(slanted[None], found.scores, np.full((HEIGHT, WIDTH), 0.9, np.float32), 1.0)

    rects, left_over = combine.combine(np.array([[330.0, 190, 370, 210]]), found, page())

    assert len(rects) == 0
    assert left_over.tolist() == [slanted.tolist()]


def test_a_frame_and_a_stain_beside_a_line_are_cut_off():
    [(left, top, right, bottom)], left_over = combined(
        [(20, 92, 900, 138)], detection((100, 100, 500, 130))
    )

    assert left_over == []
    assert (left, right) == pytest.approx((100, 500), abs=16)  # half of its height
    assert (top, bottom) == (97, 133)  # a tenth of its height


def test_ends_where_the_network_sees_something_are_not_cut_off():
    found = detection((100, 100, 500, 130), seen=[(850, 100, 880, 130)])

    [(left, _, right, _)], _ = combined([(20, 100, 900, 130)], found)

    assert left == pytest.approx(100, abs=16)
    assert right == 900


def test_a_line_is_no_higher_than_what_the_network_sees_of_its_row_and_a_margin():
    [(_, top, _, bottom)], _ = combined([(100, 90, 500, 138)], detection((100, 100, 500, 132)))

    assert (top, bottom) == (97, 135)


def test_each_place_has_one_line():
    rows = [(100, 50 + 60 * k, 600, 80 + 60 * k) for k in range(5)]
    ink = rows[:3]

    rects, left_over = combined(ink, detection(*rows))

    assert sorted([*rects, *(tuple(map(round, rect)) for rect in left_over)]) == rows
