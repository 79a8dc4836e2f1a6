"""Order of columns of vertical text, among themselves and among horizontal lines."""

from daemon.core.records import Box
from daemon.ocr import layout
from daemon.ocr.records import RulingLines

NO_RULES = RulingLines()


def column(left, top, bottom, width=30):
    return Box(left, top, left + width, bottom)


def order(lines, vertical, rules=NO_RULES):
    blocks = layout.analyze([(box, "字" * 9) for box in lines], rules, 1000, frozenset(vertical))
    return [k for block in blocks for k in block.lines]


def test_columns_are_read_from_the_right():
    lines = [column(100, 50, 600), column(150, 50, 600), column(200, 50, 400)]

    assert order(lines, range(3)) == [2, 1, 0]


def test_the_upper_tier_is_read_before_the_lower_one():
    upper = [column(left, 50, 450) for left in (100, 150, 200, 250)]
    lower = [column(left, 520, 950) for left in (100, 150, 200, 250)]

    assert order(upper + lower, range(8)) == [3, 2, 1, 0, 7, 6, 5, 4]


def test_a_title_above_comes_first_and_a_footer_last():
    lines = [
        Box(200, 940, 300, 970),
        column(100, 150, 850),
        column(150, 150, 850),
        Box(100, 50, 400, 90),
        column(350, 150, 850),
    ]

    assert order(lines, {1, 2, 4}) == [3, 4, 2, 1, 0]


def test_of_two_groups_side_by_side_the_right_one_is_read_first():
    left = [column(100, 100, 500), column(150, 100, 500)]
    right = [column(600, 130, 500), column(650, 130, 520)]

    assert order(left + right, range(4)) == [3, 2, 1, 0]


def test_columns_that_begin_at_different_heights_keep_their_order():
    lines = [column(100, 50, 600), column(150, 110, 600), column(200, 80, 300)]

    assert order(lines, range(3)) == [2, 1, 0]


def test_a_column_beside_rows_does_not_change_their_order():
    rows = [Box(200, 100 + 40 * k, 700, 130 + 40 * k) for k in range(6)]
    lines = [*rows, column(100, 110, 330)]

    assert order(lines, {6}) == [6, 0, 1, 2, 3, 4, 5]


def test_rules_between_columns_do_not_make_a_table():
    lines = [column(110 + 60 * k, 110, 580) for k in range(5)]
    rules = RulingLines(
        (Box(100, 98, 404, 100), Box(100, 600, 404, 602)),
        tuple(Box(100 + 60 * k, 98, 102 + 60 * k, 602) for k in range(6)),
    )

    blocks = layout.analyze([(box, "字" * 9) for box in lines], rules, 1000, frozenset(range(5)))

    assert [block.kind for block in blocks] == ["text"] * len(blocks)
    assert [k for block in blocks for k in block.lines] == [4, 3, 2, 1, 0]


def test_pages_without_columns_are_ordered_as_before():
    lines = [Box(100, 100, 700, 130), Box(100, 140, 700, 170)]

    assert order(lines, ()) == [0, 1]
