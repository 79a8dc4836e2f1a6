"""Reading order: columns of prose, rows of everything else."""

import itertools

import pytest

from daemon.core.records import Box
from daemon.ocr.layout import reading_order


def line(left, top, right, height=20):
    return Box(left, top, right, top + height)


def flat(boxes):
    return [k for block in reading_order.order(boxes) for k in block]


def column(left, right, tops):
    return [line(left, top, right) for top in tops]


def test_no_boxes_are_no_blocks():
    assert reading_order.order([]) == []


def test_one_column_is_read_downwards_whatever_order_it_comes_in():
    tops = [0, 30, 60, 90]
    for order in itertools.permutations(range(4)):
        boxes = [line(0, tops[k], 500) for k in order]

        assert [boxes[k].top for k in flat(boxes)] == tops


def test_two_columns_are_read_one_after_the_other():
    boxes = column(0, 300, range(0, 150, 30)) + column(330, 630, range(0, 150, 30))

    assert flat(boxes) == list(range(10))


def test_columns_whose_lines_do_not_align_are_still_columns():
    boxes = column(0, 300, range(0, 180, 30)) + column(330, 630, range(13, 180, 30))

    assert flat(boxes) == list(range(12))


def test_three_columns_are_read_from_the_left():
    boxes = [b for left in (0, 330, 660) for b in column(left, left + 300, range(0, 150, 30))]

    assert flat(boxes) == list(range(15))


def test_a_heading_stands_before_and_a_footer_after_the_columns():
    heading, footer = line(0, 0, 630, 30), line(0, 300, 630)
    both = column(0, 300, range(60, 240, 30)) + column(330, 630, range(60, 240, 30))

    assert flat([heading, *both, footer]) == list(range(14))


def test_a_heading_between_two_pairs_of_columns_stands_between_them():
    upper = column(0, 300, range(0, 120, 30)) + column(330, 630, range(0, 120, 30))
    lower = column(0, 300, range(200, 320, 30)) + column(330, 630, range(200, 320, 30))

    assert flat([*upper, line(0, 150, 630), *lower]) == list(range(17))


def test_a_gap_between_paragraphs_on_one_height_does_not_cut_the_columns():
    tops = [0, 30, 60, 130, 160, 190]
    boxes = column(0, 300, tops) + column(330, 630, tops)

    assert flat(boxes) == list(range(12))


@pytest.mark.parametrize("longer", ["left", "right"])
def test_the_longer_column_is_read_to_its_end(longer):
    left = column(0, 300, range(0, 300 if longer == "left" else 150, 30))
    right = column(330, 630, range(0, 300 if longer == "right" else 150, 30))

    assert flat([*left, *right]) == list(range(15))


def test_a_word_in_the_margin_does_not_keep_a_gutter_open_through_a_wide_line():
    marginal = line(0, 0, 15)
    title, body = line(100, 0, 700), [line(100, top, 730) for top in range(60, 240, 30)]
    both = column(100, 400, range(280, 480, 30)) + column(430, 730, range(283, 483, 30))

    assert flat([marginal, title, *body, *both]) == list(range(22))


def test_labels_beside_paragraphs_are_read_with_their_row():
    labels = column(0, 200, range(0, 360, 90))
    paragraphs = column(
        230, 630, [t for top in range(0, 360, 90) for t in (top, top + 28, top + 56)]
    )

    read = flat([*labels, *paragraphs])

    assert read == [k for n in range(4) for k in (n, 4 + 3 * n, 5 + 3 * n, 6 + 3 * n)]


def test_a_sidebar_of_keys_and_values_is_read_before_the_prose_beside_it():
    rows = [(line(0, top, 60), line(240, top, 280)) for top in range(0, 12 * 26, 26)]
    sidebar = [box for row in rows for box in row]
    prose = column(330, 830, range(0, 10 * 31, 31))

    assert flat([*sidebar, *prose]) == list(range(34))


def test_the_labels_of_a_picture_are_read_after_the_prose_beside_it():
    labels = [line(x, top, x + 50) for x, top in ((40, 7), (150, 83), (60, 166), (90, 222))]
    prose = column(330, 830, range(0, 14 * 31, 31))

    assert flat([*labels, *prose]) == [*range(4, 18), *range(4)]


def test_a_caption_as_long_as_the_prose_beside_it_is_read_in_column_order():
    caption = column(40, 180, range(7, 7 + 8 * 44, 44))
    prose = column(330, 830, range(0, 14 * 31, 31))

    assert flat([*caption, *prose]) == list(range(22))


def test_columns_begin_below_a_heading_that_ends_in_their_gutter():
    title = line(0, 0, 360, 40)
    left = column(0, 300, range(70, 370, 30))
    right = column(330, 830, range(66, 366, 30))

    assert flat([title, *left, *right]) == list(range(21))


def test_the_long_rows_of_a_form_level_on_both_sides_are_no_columns():
    keys = [line(0, top, 260 - 120 * (k % 2)) for k, top in enumerate(range(0, 180, 30))]
    values = [line(330, top, 430 + 200 * (k % 2)) for k, top in enumerate(range(0, 180, 30))]

    assert flat([*keys, *values]) == [k for row in range(6) for k in (row, row + 6)]


def test_a_table_is_a_block_and_no_row_extends_across_it():
    above, below = line(0, 0, 600), line(0, 420, 600)
    margin = [line(620, top, 640) for top in range(60, 400, 40)]
    table = Box(0, 40, 600, 400)

    blocks = reading_order.order([above, *margin, table, below], tables={10})

    assert blocks[:2] == [[0], [10]]
    assert [k for block in blocks for k in block] == [0, 10, *range(1, 10), 11]


def test_the_rows_of_a_form_are_read_key_before_value():
    keys = column(0, 90, range(0, 150, 30))
    values = [line(300, top + 3, 380) for top in range(0, 150, 30)]

    assert flat([*keys, *values]) == [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]


def test_the_rows_of_a_receipt_are_read_name_before_price():
    names = column(0, 260, range(0, 150, 30))
    prices = column(400, 450, range(0, 150, 30))

    assert flat([*names, *prices]) == [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]


def test_a_gap_between_rows_begins_a_block():
    boxes = [line(0, 0, 200), line(0, 30, 200), line(0, 120, 200)]

    assert reading_order.order(boxes) == [[0, 1], [2]]


def test_every_box_is_read_exactly_once():
    cells = [line(x, y, x + w) for y in (0, 35, 60) for x, w in ((0, 50), (40, 300), (333, 7))]
    for some in itertools.combinations(cells, 5):
        assert sorted(flat(list(some))) == [0, 1, 2, 3, 4]


@pytest.mark.timeout(20)
def test_thousands_of_boxes_are_ordered_in_time():
    boxes = [line(x, y, x + 10, 14) for y in range(0, 3500, 40) for x in range(0, 2400, 60)]

    assert sorted(flat(boxes)) == list(range(len(boxes)))


@pytest.mark.slow
@pytest.mark.timeout(20)
def test_labels_not_level_with_long_prose_are_ordered_in_time():
    prose = [line(400, 30 * k, 1400) for k in range(1000)]
    labels = [line(0, 31 * k + 9, 90) for k in range(1000)]

    assert sorted(flat([*prose, *labels])) == list(range(2000))
