"""Tables by geometry alone, and invariants for arbitrary boxes and rules."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.records import Box
from daemon.ocr import layout
from daemon.ocr.records import RulingLines


def rows(*texts, lefts=(100, 400, 600), width=None, pitch=34):
    """Rows of pieces at `lefts`, each as wide as its text; None is an empty cell."""
    return [
        (Box(left, pitch * k, left + (width or 11 * len(text)), pitch * k + 22), text)
        for k, row in enumerate(texts)
        for left, text in zip(lefts, row, strict=False)
        if text
    ]


def tables(found, rules=None):
    """The text of each cell of each table, row by row."""
    parts = layout.analyze(found, rules or RulingLines(), 1400)
    return [
        [
            [" ".join(found[k][1] for k in cell.lines) for cell in table.cells if cell.row == row]
            for row in range(table.rows)
        ]
        for table in (part.table for part in parts)
        if table
    ]


def test_rows_of_numbers_in_columns_are_a_table():
    texts = [["item", "2021", "2022"], ["sales", "7 655", "8 809"], ["costs", "16.3", "15.1"]]

    assert tables(rows(*texts)) == [texts]


def test_columns_may_be_aligned_on_the_right():
    texts = [["item", "price", "sum"], ["tea", "1.20", "11 002.40"], ["cake", "3", "6.00"]]
    found = [
        (Box(right - 11 * len(text), 34 * k, right, 34 * k + 22), text)
        for k, row in enumerate(texts)
        for right, text in zip((160, 400, 600), row, strict=True)
    ]

    assert tables(found) == [texts]


WORDS = [["alpha", "beta", "gamma"], ["delta", "zeta", "eta"], ["theta", "iota", "kappa"]]


@pytest.mark.parametrize("top", [34, 120])
def test_a_stray_word_beside_or_below_words_does_not_make_a_table(top):
    stray = (Box(900, top, 960, top + 22), "stray")

    assert tables([*rows(*WORDS), stray]) == []


def test_an_empty_cell_of_an_unruled_table_is_kept():
    texts = [["item", "2021", "2022"], ["sales", None, "8 809"], ["costs", "16.3", "15.1"]]

    assert tables(rows(*texts))[0][1] == ["sales", "", "8 809"]


PRICES = [["tea", "1.20"], ["a large coffee", "11.40"], ["cake", "3.00"], ["water", "2.00"]]


def test_names_and_prices_as_on_a_receipt_are_a_list():
    assert tables(rows(*PRICES)) == []


def test_names_and_prices_with_headers_are_a_table():
    texts = [["Drink", "Price"], *PRICES]

    assert tables(rows(*texts)) == [texts]


def rule(y, left=0, right=700):
    return Box(left, y, right, y + 2)


def test_names_and_prices_between_rules_are_a_table():
    rules = RulingLines((rule(-8), rule(34 * 4)))

    assert tables(rows(*PRICES), rules) == [PRICES]


MANY_WORDS = [*WORDS, ["lambda", "mu", "nu"], ["omikron", "rho", "sigma"]]


def test_five_rows_of_words_in_three_columns_are_a_table():
    assert tables(rows(*MANY_WORDS)) == [MANY_WORDS]


def test_three_rows_of_words_between_rules_are_a_table():
    rules = RulingLines((rule(-8), rule(34 * 3)))

    assert tables(rows(*WORDS), rules) == [WORDS]


def test_words_that_a_rule_beside_the_table_does_not_enclose_are_none():
    rules = RulingLines((rule(-8, 900, 1400), rule(34 * 3, 900, 1400)))

    assert tables(rows(*WORDS), rules) == []


def test_keys_and_values_in_two_pairs_of_columns_are_a_form():
    texts = [["Name:", "Ann", "City:", "Bath"]] * 6

    assert tables(rows(*texts, lefts=(100, 300, 500, 700))) == []


def test_narrow_columns_of_prose_are_no_table_of_words():
    found = rows(*[["and so it went on and"] * 3] * 8, lefts=(0, 300, 600), width=280)

    assert tables(found) == []


@pytest.mark.parametrize("count", [6, 14])
def test_long_rows_of_words_are_not_read_column_by_column(count):
    texts = [[f"a longer entry {k}", "in the middle", "and at the end"] for k in "abcdefghijklmn"]

    assert tables(rows(*texts[:count], lefts=(0, 240, 450))) == [texts[:count]]


@pytest.mark.parametrize("dots", ["......", "…", "……", "····"])
def test_a_table_of_contents_with_dots_is_no_table(dots):
    texts = [[f"{k}", f"{name} {dots}", f"{9 * k}"] for k, name in enumerate(["hen", "cat"] * 4, 1)]

    assert tables(rows(*texts, lefts=(0, 60, 400))) == []


def test_a_header_over_two_columns_spans_them():
    body = [["sales", "7", "8"], ["costs", "6", "5"], ["taxes", "3", "2"], ["loans", "1", "9"]]
    header = [(Box(100, -34, 155, -12), "thing"), (Box(400, -34, 611, -12), "this year and next")]

    ((first, *others),) = tables([*header, *rows(*body)])

    assert first == ["thing", "this year and next"]
    assert others == body


def several_lines(gap):
    """Three rows whose second cell has two lines, level with half lines of the first and third."""
    found = []
    for k in range(3):
        top = k * (60 + gap)
        found += [
            (Box(100, top + 15, 150, top + 37), f"A{k}"),
            (Box(300, top, 420, top + 22), f"upper {k}"),
            (Box(300, top + 30, 420, top + 52), f"lower {k}"),
            (Box(600, top + 15, 640, top + 37), f"{k}.50"),
        ]
    return found


MERGED = [[f"A{k}", f"upper {k} lower {k}", f"{k}.50"] for k in range(3)]


def test_lines_that_white_space_keeps_together_are_one_cell():
    assert tables(several_lines(gap=24)) == [MERGED]


def test_lines_between_two_rules_are_one_cell():
    rules = RulingLines(tuple(rule(64 * k - 7) for k in range(4)))

    assert tables(several_lines(gap=4), rules) == [MERGED]


def test_lines_above_and_below_a_table_do_not_belong_to_it():
    texts = [["item", "2021", "2022"], ["sales", "7 655", "8 809"], ["costs", "16.3", "15.1"]]
    found = rows(
        ["Sales and costs of the last two years, in thousands, as audited"], *texts, ["end"]
    )

    parts = layout.analyze(found, RulingLines(), 1400)

    assert [part.kind for part in parts] == ["text", "table", "text"]


@pytest.mark.parametrize(
    "texts",
    [
        [["Name:", "Ann"], ["City:", "Bath"], ["Country:", "England"], ["Born:", "in spring"]],
        [["item", "2021", "2022"], ["sales", "7 655", "8 809"]],
        [["red", "green", "blue"], ["one", "two", "three"], ["sun", "moon", "stars"]],
    ],
    ids=["a form", "two rows", "words alone"],
)
def test_what_is_not_clearly_a_table_is_text(texts):
    found = rows(*texts)

    assert tables(found) == []
    (part,) = layout.analyze(found, RulingLines(), 1400)
    assert [found[k][1] for k in part.lines] == [text for row in texts for text in row]


def test_numbers_that_are_not_aligned_are_no_table():
    shifts = [(0, 60), (25, 150), (50, 90), (0, 200), (25, 40), (50, 120)]
    found = [
        (Box(left + shift, 34 * k, left + shift + width, 34 * k + 22), "12")
        for k, (shift, width) in enumerate(shifts)
        for left in (0, 400)
    ]

    assert tables(found) == []


def test_sentences_with_a_number_behind_each_are_no_table():
    found = rows(
        *[["it was said again and again, " * 2, str(1984 + k)] for k in range(6)], lefts=(0, 800)
    )

    assert tables(found) == []


def test_prose_in_columns_is_no_table_even_where_it_has_numbers():
    found = rows(*[["it was the year 1984", "and 1985 came after"]] * 12, lefts=(0, 420), width=390)

    assert tables(found) == []


BOXES = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    st.integers(0, 900), st.integers(0, 900), st.integers(1, 500), st.integers(1, 60),
)  # fmt: skip
LINES = st.lists(
    st.tuples(BOXES, st.sampled_from(["a", "12", "Heading", "第1页", "3.50"])), max_size=40
)
RULES = st.builds(
    RulingLines, st.lists(BOXES, max_size=12).map(tuple), st.lists(BOXES, max_size=12).map(tuple)
)


@st.composite
def grids(draw):
    """A grid with some of its sides missing, and lines in and across its cells."""
    x = [200 * k + draw(st.integers(0, 60)) for k in range(draw(st.integers(2, 6)))]
    y = [80 * k + draw(st.integers(0, 30)) for k in range(draw(st.integers(2, 6)))]
    drawn = st.sampled_from([True, True, True, False])
    across = [Box(a, at, b, at + 2) for a, b in pairwise(x) for at in y if draw(drawn)]
    down = [Box(at, a, at + 2, b) for a, b in pairwise(y) for at in x if draw(drawn)]
    places = st.tuples(st.sampled_from(x), st.sampled_from(y), st.integers(20, 300))
    boxes = [
        Box(left + 10, top + 20, left + 10 + width, top + 40)
        for left, top, width in draw(st.lists(places, min_size=6, max_size=20))
    ]
    return [(box, "text") for box in boxes], RulingLines(tuple(across), tuple(down))


PAGES = st.one_of(st.tuples(LINES, RULES), grids())


@settings(deadline=None)
@given(page=PAGES)
def test_every_line_is_in_exactly_one_block_whatever_the_rules(page):
    found, rules = page
    parts = layout.analyze(found, rules, 1000)

    assert sorted(k for part in parts for k in part.lines) == list(range(len(found)))


@settings(deadline=None)
@given(page=PAGES)
def test_the_cells_of_a_table_fill_its_rows_and_columns_and_hold_its_lines(page):
    found, rules = page

    for part in layout.analyze(found, rules, 1000):
        if part.table is None:
            continue
        units = [
            (row, column)
            for cell in part.table.cells
            for row in range(cell.row, cell.row + cell.row_span)
            for column in range(cell.column, cell.column + cell.column_span)
        ]
        every = [(r, c) for r in range(part.table.rows) for c in range(part.table.columns)]
        assert sorted(units) == every
        assert tuple(k for cell in part.table.cells for k in cell.lines) == part.lines


@pytest.mark.parametrize("kind", ["graph paper", "crosses", "spiral"])
def test_thousands_of_lines_and_rules_are_processed_in_time(kind):
    found = [
        (Box(x, y, x + 10, y + 14), "1") for y in range(0, 3500, 70) for x in range(0, 2400, 50)
    ]
    across = [Box(0, 8 * k, 2400, 8 * k + 2) for k in range(400)]
    down = [Box(6 * k, 0, 6 * k + 2, 3500) for k in range(400)]
    if kind == "crosses":
        across = [
            Box(110 * (k % 20), 160 * (k // 20), 110 * (k % 20) + 80, 160 * (k // 20) + 2)
            for k in range(400)
        ]
        down = [Box(b.left + 40, b.top - 40, b.left + 42, b.top + 60) for b in across]
    if kind == "spiral":
        across = [Box(3 * k, 4 * k, 2400 - 3 * k, 4 * k + 2) for k in range(400)]
        down = [Box(2400 - 3 * k, 4 * k, 2402 - 3 * k, 3500 - 4 * k) for k in range(400)]
    start = time.process_time()

    parts = layout.analyze(found, RulingLines(tuple(across), tuple(down)), 3500)

    assert sorted(k for part in parts for k in part.lines) == list(range(len(found)))
    assert time.process_time() - start < 10
