"""Rows of a ruled table that no rule separates, and tables whose rules have faded."""

from daemon.core.records import Box
from daemon.ocr import layout
from daemon.ocr.records import RulingLines

X = (0, 200, 400, 600)
TEXTS = [["item", "2021", "2022"], ["sales", "7 655", "8 809"], ["costs", "16.3", "15.1"]]


def lines(texts, lefts=X, top=0, pitch=40, height=22):
    return [
        (Box(left + 20, y, left + 20 + 11 * len(text), y + height), text)
        for k, row in enumerate(texts)
        for left, text in zip(lefts, row, strict=False)
        for y in [top + pitch * k + 9]
        if text
    ]


def across(y, left=X[0], right=X[-1]):
    return Box(left, y, right, y + 2)


def down(x, top, bottom):
    return Box(x, top, x + 2, bottom)


def grid(x, y):
    return RulingLines(
        tuple(across(at, x[0], x[-1]) for at in y), tuple(down(at, y[0], y[-1]) for at in x)
    )


def tables(found, rules):
    parts = layout.analyze(found, rules, 1400)
    return [
        [
            [" ".join(found[k][1] for k in cell.lines) for cell in table.cells if cell.row == row]
            for row in range(table.rows)
        ]
        for table in (part.table for part in parts)
        if table
    ]


def test_rows_without_a_rule_between_them_are_rows():
    body = [[f"row {k}", f"{k}.5", f"{k}.7"] for k in range(6)]

    assert tables(lines([TEXTS[0], *body]), grid(X, (0, 40, 280))) == [[TEXTS[0], *body]]


def test_two_full_rows_without_a_rule_between_them_are_rows():
    assert tables(lines(TEXTS), grid(X, (0, 40, 120))) == [TEXTS]


def test_an_empty_cell_of_a_hidden_row_is_kept():
    body = [[f"row {k}", f"{k}.5", "" if k == 3 else f"{k}.7"] for k in range(6)]

    assert tables(lines([TEXTS[0], *body]), grid(X, (0, 40, 280)))[0][4] == ["row 3", "3.5", ""]


def test_a_hidden_row_with_few_cells_is_a_row_among_full_ones():
    body = [[f"row {k}", f"{k}.5", f"{k}.7", f"{k}.9"] for k in range(6)]
    body[3][2:] = "", ""
    x = (*X, 800)
    found, rules = lines([[*TEXTS[0], "2023"], *body], x), grid(x, (0, 40, 280))

    assert tables(found, rules) == [[[*TEXTS[0], "2023"], *body]]


def test_two_cells_of_three_lines_beside_a_single_one_are_one_row():
    texts = [["a long", "", "in the"], ["name of", "25.60", "first"], ["a thing", "", "row"]]
    found = [*lines([TEXTS[0]]), *lines(texts, top=40, pitch=26), *lines([TEXTS[2]], top=120)]

    assert tables(found, grid(X, (0, 40, 120, 160))) == [
        [TEXTS[0], ["a long name of a thing", "25.60", "in the first row"], TEXTS[2]]
    ]


def test_a_cell_of_several_lines_beside_single_ones_is_one_cell():
    found = [
        *lines([TEXTS[0]]),
        *lines([["a long", "", ""], ["name of", "", ""], ["a thing", "", ""]], top=40, pitch=26),
        *lines([["", "16.3", "15.1"]], top=66),
        *lines([["costs", "1", "2"]], top=120),
    ]

    assert tables(found, grid(X, (0, 40, 120, 160))) == [
        [TEXTS[0], ["a long name of a thing", "16.3", "15.1"], ["costs", "1", "2"]]
    ]


def test_headers_of_two_lines_of_which_one_has_a_single_one_are_one_row():
    found = [
        *lines([["", "price", "amount"], ["", "each", "due"]], pitch=26),
        *lines([["item", "", ""]], top=13),
        *lines(TEXTS[1:], top=60),
    ]

    assert tables(found, grid(X, (0, 60, 100, 140)))[0][0] == ["item", "price each", "amount due"]


def test_a_rule_that_ends_in_the_middle_leaves_rows_in_the_other_columns():
    rules = RulingLines(
        (across(0), across(40), across(80, X[0], X[1]), across(120)),
        tuple(down(x, 0, 120) for x in X),
    )

    assert tables(lines(TEXTS), rules) == [TEXTS]


def test_a_cell_over_two_rows_whose_text_is_between_them_stays_one():
    found = [
        *lines([["", "2021", "2022"], ["", "7 655", "8 809"], ["costs", "16.3", "15.1"]]),
        *lines([["sales"]], top=20),
    ]
    rules = RulingLines(
        (across(0), across(40, X[1], X[-1]), across(80), across(120)),
        tuple(down(x, 0, 120) for x in X),
    )

    assert tables(found, rules) == [
        [["sales", "2021", "2022"], ["7 655", "8 809"], ["costs", "16.3", "15.1"]]
    ]


def faded(gap):
    """Four rows of a table whose rules end beside the column `gap` pixels wide in the middle."""
    x = (0, 150, 150 + gap, 300 + gap)
    y = (0, 40, 80, 120, 160)
    sides = tuple(
        across(at, left, right) for at in y for left, right in ((x[0], x[1]), (x[2], x[3]))
    )
    return x, RulingLines(sides, tuple(down(at, 0, 160) for at in x))


ROWS = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"], ["k", "l", "m"]]


def test_rules_that_go_on_beyond_a_column_of_text_are_one_table():
    x, rules = faded(gap=200)

    assert tables(lines(ROWS, x), rules) == [ROWS]


def test_tables_side_by_side_without_text_between_are_two():
    x, rules = faded(gap=200)
    x = (x[0], 75, x[2], x[2] + 75)
    rules = RulingLines(rules.horizontal, (*rules.vertical, down(75, 0, 160), down(x[3], 0, 160)))
    texts = [[*"abcd"], [*"efgh"], [*"iklm"], [*"nopq"]]
    found = [(Box(b.left - 10, b.top, b.right - 10, b.bottom), t) for b, t in lines(texts, x)]

    assert [len(table[0]) for table in tables(found, rules)] == [2, 2]


def test_rules_that_cross_the_text_are_no_table():
    texts = [["words that go on across", "", "what is taken for rules"]] * 4
    x = (0, 90, 160, 250, 430, 520, 600, 700)

    assert tables(lines(texts), grid(x, (0, 40, 80, 120, 160))) == []
