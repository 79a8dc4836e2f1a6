"""Fields of a page: beside labels, by pattern and by type, in many layouts, turned and skewed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.options import FieldRule
from daemon.core.records import Block, Box, Code, FieldValue, PageText, TextLine, Word
from daemon.ocr import fields
from daemon.ocr.fields import values
from daemon.ocr.fields.folding import fold

HEIGHT, WIDTH = 24, 14  # of a character; half of the width for a space
PAGE = (1240, 1754)


def line(x: int, y: int, text: str) -> TextLine:
    """A line of words at a place, each character of equal width; Chinese ones are twice as wide."""
    words, left = [], x
    for word in text.split(" "):
        right = left + WIDTH * sum(2 if ord(character) > 0x2E80 else 1 for character in word)
        if word:
            words.append(Word(word, 0.9, Box(left, y, right, y + HEIGHT)))
        left = right + WIDTH // 2
    box = Box.around(word.box for word in words)
    return TextLine(text, 0.9, box, tuple(words))


def page(*lines: tuple[int, int, str]) -> PageText:
    read = tuple(line(*each) for each in lines)
    return PageText(
        number=1, width=PAGE[0], height=PAGE[1], dpi=150.0, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="", confidence=0.9, blocks=tuple(Block((each,)) for each in read),
    )  # fmt: skip


def found(read: PageText, **rules: FieldRule) -> dict[str, str | None]:
    """The value of each field, None where it is missing."""
    return {
        each.name: each.found.value if each.found else None for each in fields.find(read, rules)
    }


def only(read: PageText, **rule: object) -> str | None:
    return found(read, it=FieldRule(**rule))["it"]  # type: ignore[arg-type]


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60.30", "60.30"), ("1,234.50", "1234.50"), ("1.234,50 €", "1234.50"),
        ("1 234,50", "1234.50"), ("1'234.50", "1234.50"), ("RM39.00", "39.00"),
        ("$ 1,234", "1234"), ("￥1,234.5", "1234.5"), ("USD 12", "12"), ("1234.00元", "1234.00"),
        ("-5.00", "-5.00"), ("(5.00)", "-5.00"), ("5.00-", "-5.00"), ("$-5.00", "-5.00"),
        ("6O.3O", "60.30"), ("l2.5O", "12.50"), ("60. 30", "60.30"), ("1,234,567.89", "1234567.89"),
        ("0,01", "0.01"), ("Total: 12.00", "12.00"), ("12.00 6%", "12.00"),
    ],
)  # fmt: skip
def test_an_amount_becomes_a_decimal_number(text: str, value: str) -> None:
    sure = [each for each in values.find("amount", fold(text), "dmy") if not each.doubt]

    assert [each.value for each in sure] == [value]


@pytest.mark.parametrize(
    "text",
    ["12:30", "19.10.2018", "2018-04-28", "6.00%", "03-7781 8333", "GST 6 %", "v1.2.3", "sol"],
)
def test_what_is_no_amount_of_money_is_none(text: str) -> None:
    assert not [each for each in values.find("amount", fold(text), "dmy") if not each.doubt]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", "1234.5"), ("1.234,5", "1234.5"), ("1,234", "1234"), ("1.234", "1.234"),
        ("12,5", "12.5"),
        ("1.234.567", "1234567"), ("-7", "-7"), ("42 kg", "42"), ("1 234", "1234"),
    ],
)  # fmt: skip
def test_a_number_has_a_decimal_point(text: str, value: str) -> None:
    assert [each.value for each in values.find("number", fold(text), "dmy")][:1] == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19/10/2018", "2018-10-19"), ("19-03-2018", "2018-03-19"), ("6.2.2017", "2017-02-06"),
        ("2018/02/22", "2018-02-22"), ("2018-04-28", "2018-04-28"), ("20180428", "2018-04-28"),
        ("2018年4月28日", "2018-04-28"), ("2018 年 04 月 28 日", "2018-04-28"),
        ("２０１８－０４－２８", "2018-04-28"), ("28 April 2018", "2018-04-28"),
        ("28-Apr-2018", "2018-04-28"), ("Apr 28, 2018", "2018-04-28"), ("28APR18", "2018-04-28"),
        ("28th of April 2018", "2018-04-28"), ("06/04/17", "2017-04-06"), ("1/2/99", "1999-02-01"),
        ("27/06/18 13:30", "2018-06-27"), ("15/12/201612:30", "2016-12-15"),
        ("l9/1O/2018", "2018-10-19"),
        ("05/27/2018", "2018-05-27"), ("Date: 1.2.2020", "2020-02-01"),
    ],
)  # fmt: skip
def test_a_date_becomes_that_of_iso_8601(text: str, value: str) -> None:
    assert [each.value for each in values.find("date", fold(text), "dmy")] == [value]


@pytest.mark.parametrize("text", ["31/02/2018", "6/2/2917", "12.50", "1800 88 1231", "13:30:00"])
def test_what_is_no_day_is_no_date(text: str) -> None:
    assert values.find("date", fold(text), "dmy") == []


def test_the_order_of_day_and_month_is_that_of_the_config() -> None:
    orders = [values.find("date", "03/04/2018", order)[0].value for order in ("dmy", "mdy")]

    assert orders == ["2018-04-03", "2018-03-04"]


# --- labels and places --------------------------------------------------------------------------

PAIRS = [
    ("Invoice no.", "INV-2041"),
    ("Date", "17 March 2026"),
    ("Total", "978.20"),
    ("Town", "Cork"),
]
RULES = {
    "invoice": FieldRule(label=("Invoice no.", "Invoice number"), pattern="[A-Z]+-[0-9]+"),
    "date": FieldRule(label="Date", type="date"),
    "total": FieldRule(label="Total", type="amount"),
    "town": FieldRule(label="Town"),
}
EXPECTED = {"invoice": "INV-2041", "date": "2026-03-17", "total": "978.20", "town": "Cork"}


def inline(pairs: Sequence[tuple[str, str]]) -> PageText:
    return page(
        *((100, 200 + 40 * k, f"{label}: {value}") for k, (label, value) in enumerate(pairs))
    )


def aligned(pairs: Sequence[tuple[str, str]]) -> PageText:
    labels = [(100, 200 + 40 * k, label) for k, (label, _) in enumerate(pairs)]
    return page(
        *labels, *((400, 200 + 40 * k, value) for k, (_, value) in enumerate(pairs) if value)
    )


def above(pairs: Sequence[tuple[str, str]]) -> PageText:
    places = [(100 + 500 * (k % 2), 200 + 90 * (k // 2)) for k in range(len(pairs))]
    labels = [(x, y, label) for (x, y), (label, _) in zip(places, pairs, strict=True)]
    texts = [(x, y + 34, value) for (x, y), (_, value) in zip(places, pairs, strict=True) if value]
    return page(*labels, *texts)


def header_row(pairs: Sequence[tuple[str, str]]) -> PageText:
    labels = [(100 + 280 * k, 200, label) for k, (label, _) in enumerate(pairs)]
    return page(
        *labels, *((100 + 280 * k, 250, value) for k, (_, value) in enumerate(pairs) if value)
    )


def one_line_cells(pairs: Sequence[tuple[str, str]]) -> PageText:
    """Two pairs in each line, as a recogniser joins them."""
    joined = [f"{label}: {value}" for label, value in pairs]
    return page(
        *(
            (100, 200 + 40 * k, "    ".join(joined[2 * k : 2 * k + 2]))
            for k in range(len(pairs) // 2)
        )
    )


LAYOUTS = [inline, aligned, above, header_row, one_line_cells]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pairs", list(itertools.permutations(PAIRS))[::5], ids=str)
def test_every_layout_gives_the_same_fields(layout, pairs) -> None:
    assert found(layout(pairs), **RULES) == EXPECTED


@pytest.mark.parametrize("layout", [inline, aligned, above, header_row])
@pytest.mark.parametrize("empty", range(4))
def test_a_label_without_a_value_has_none_whatever_stands_around_it(layout, empty) -> None:
    pairs = [(label, "" if k == empty else value) for k, (label, value) in enumerate(PAIRS)]

    expected = {name: None if k == empty else EXPECTED[name] for k, name in enumerate(RULES)}
    assert found(layout(pairs), **RULES) == expected


@pytest.mark.parametrize("layout", [aligned, above, header_row])
def test_a_label_that_the_config_does_not_know_is_no_value(layout) -> None:
    pairs = [PAIRS[0], ("Town", ""), ("Signature", "by hand"), PAIRS[1]]

    assert found(layout(pairs), **RULES)["town"] is None


@pytest.mark.parametrize("layout", [inline, aligned, above, header_row])
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_was_turned_to_be_read_has_the_same_fields(layout, turn) -> None:
    assert found(turned(layout(PAIRS), turn), **RULES) == EXPECTED


@pytest.mark.parametrize("layout", [aligned, above, header_row])
@pytest.mark.parametrize("skew", [-12.0, -5.0, 2.0, 8.0, 15.0])
def test_a_skewed_page_has_the_same_fields(layout, skew) -> None:
    assert found(skewed(layout(PAIRS), skew), **RULES) == EXPECTED


def turned(read: PageText, degrees: int) -> PageText:
    """The page as it lay before it was turned clockwise by so many degrees to be read."""

    def before(box: Box) -> Box:
        for _ in range(
            degrees // 90
        ):  # a quarter against the clock each: (x, y) becomes (y, W - x)
            box = Box(box.top, PAGE[0] - box.right, box.bottom, PAGE[0] - box.left)
            size.reverse()
        return box

    def of_square(box: Box) -> Box:
        return before(box)

    size = [PAGE[0], PAGE[0]]
    square = replace(read, width=PAGE[0], height=PAGE[0])
    return moved(square, of_square, orientation=degrees)


def skewed(read: PageText, degrees: float) -> PageText:
    """The page turned clockwise by a few degrees, each word in the upright box around it."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))

    def around(box: Box) -> Box:
        corners = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
        points = [(x * cosine - y * sine, x * sine + y * cosine) for x, y in corners]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return Box(*(round(each + 2000) for each in (min(xs), min(ys), max(xs), max(ys))))

    return moved(read, around, skew=degrees)


def moved(read: PageText, move, **changes) -> PageText:
    blocks = tuple(
        Block(
            tuple(
                replace(
                    each,
                    box=move(each.box),
                    words=tuple(replace(word, box=move(word.box)) for word in each.words),
                )
                for each in block.lines
            )
        )
        for block in read.blocks
    )
    return replace(read, blocks=blocks, **changes)


@pytest.mark.parametrize(
    "text",
    [
        "Total 9.50", "TOTAL: 9.50", "total :9.50", "T0TAL 9.50", "Tota1 RM 9.50", "Toral 9.50",
        "Total (RM) 9.50",
        "Total (incl. GST) : $9.50", "Total ... 9.50", "Total9.50", "1. Total 9.50",
    ],
)  # fmt: skip
def test_a_label_is_found_however_it_is_written_and_misread(text: str) -> None:
    assert only(page((100, 200, text)), label="Total", type="amount") == "9.50"


@pytest.mark.parametrize(
    "text",
    ["Subtotal 9.50", "Sub Total 9.50", "Sub-total: 9.50", "Total quantity 9.50", "Totally 9.50"],
)
def test_a_label_that_is_part_of_another_one_is_not_it(text: str) -> None:
    assert only(page((100, 200, text)), label="Total", type="amount") is None


def test_a_label_that_ends_with_a_star_may_go_on() -> None:
    read = page((100, 200, "Total payable, in words and figures 9.50"))

    assert only(read, label="Total*", type="amount") == "9.50"


@pytest.mark.parametrize(
    "text",
    ["合计：￥1,234.50", "合计 1234.50", "合 计: 1,234.50元", "合计（小写）：¥1234.50"],
)
def test_a_chinese_label_stands_directly_before_its_value(text: str) -> None:
    assert only(page((100, 200, text)), label="合计", type="amount") == "1234.50"


def test_a_chinese_label_is_not_found_in_a_longer_one() -> None:
    read = page((100, 200, "发票代码 144031909110"), (100, 240, "发票号码 88213045"))

    assert only(read, label="发票号码", pattern="[0-9]{8,}") == "88213045"
    assert only(page((100, 200, "价税合计 9.50")), label="合计", type="amount") is None


def test_the_first_label_of_the_list_that_has_a_value_is_used() -> None:
    read = page((100, 200, "Total 9.50"), (100, 240, "Amount due 3.00"), (100, 280, "Grand total"))

    assert only(read, label=("Grand total", "Amount due", "Total"), type="amount") == "3.00"


def test_first_last_and_largest_choose_among_equal_ones() -> None:
    read = page((100, 200, "Total 5.00"), (100, 240, "Total 12.00"), (100, 280, "Total 9.50"))

    chosen = [
        only(read, label="Total", type="amount", pick=pick) for pick in ("first", "last", "largest")
    ]
    assert chosen == ["5.00", "9.50", "12.00"]


def test_an_amount_with_cents_is_preferred_to_a_number_beside_the_label() -> None:
    read = page((100, 200, "Total"), (400, 200, "3"), (600, 200, "9.50"))

    assert only(read, label="Total", type="amount") == "9.50"
    assert only(page((100, 200, "Total 100")), label="Total", type="amount") == "100"


def test_a_place_that_is_given_is_the_only_one() -> None:
    right, below = (
        page((100, 200, "Town"), (300, 200, "Cork")),
        page((100, 200, "Town"), (100, 240, "Cork")),
    )

    places = ("right", "below")
    assert [only(right, label="Town", place=place) for place in places] == ["Cork", None]
    assert [only(below, label="Town", place=place) for place in places] == [None, "Cork"]


# --- patterns and types without a label ---------------------------------------------------------


def test_a_pattern_matches_in_a_line_and_its_group_is_the_value() -> None:
    read = page((100, 200, "Our order EL-118 of March"), (100, 240, "Mail to a.b@example.org"))

    assert only(read, pattern=r"order (\w+-\d+)") == "EL-118"
    assert only(read, pattern=r"(\w+) (?P<value>\w+-\d+)") == "EL-118"
    assert only(read, pattern=r"[\w.]+@[\w.]+") == "a.b@example.org"
    assert only(read, pattern="nothing") is None


def test_a_pattern_sees_full_width_characters_as_ascii_and_chinese_as_it_is() -> None:
    read = page((100, 200, "编号：ＡＢ１２３４"))

    assert only(read, pattern="编号:([A-Z]{2}[0-9]{4})") == "AB1234"
    assert only(read, pattern=r"\p{Han}+") == "编号"


def test_a_pattern_with_a_type_gives_its_value() -> None:
    read = page((100, 200, "paid on 3 May 2026 for the year 2025"))

    assert only(read, pattern="paid on .{8,12}", type="date") == "2026-05-03"
    assert only(read, pattern="for the .*", type="date") is None


def test_the_box_and_confidence_are_those_of_the_characters() -> None:
    read = page((100, 200, "Order EL-118"))
    read = replace(read, blocks=(Block((with_confidence(read.blocks[0].lines[0], [0.9, 0.4]),)),))

    (it,) = fields.find(read, {"it": FieldRule(pattern="EL-([0-9]+)")})

    assert it.found is not None
    left = 100 + 5 * WIDTH + WIDTH // 2
    assert it.found == FieldValue(
        "118", "118", Box(left + 3 * WIDTH, 200, left + 6 * WIDTH, 224), 0.4
    )


def with_confidence(read: TextLine, confidences: Sequence[float]) -> TextLine:
    words = zip(read.words, confidences, strict=True)
    return replace(read, words=tuple(replace(word, confidence=each) for word, each in words))


def test_a_field_that_is_missing_says_why() -> None:
    read = page((100, 200, "Town:"))
    rules = {
        "town": FieldRule(label="Town"),
        "name": FieldRule(label="Name"),
        "date": FieldRule(type="date"),
    }  # fmt: skip

    reasons = {each.name: each.reason for each in fields.find(read, rules)}

    assert reasons == {"town": "no_value", "name": "no_label", "date": "no_match"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Total due: 12.00", "no_label"),
        ("Total quantity 5", "no_label"),
        ("Grand Total 12.00", "no_label"),
        ("Total:", "no_value"),
        ("Total: none", "no_value"),
        ("Total (incl. VAT):", "no_value"),
    ],
)
def test_a_label_with_other_words_after_it_is_another_label(text: str, reason: str) -> None:
    rule = FieldRule(label="Total", type="amount", place="right")

    [field] = fields.find(page((100, 200, text)), {"total": rule})

    assert field.reason == reason


def test_a_rule_for_another_page_does_not_look_at_this_one() -> None:
    read = page((100, 200, "Total 9.50"))
    rules = {
        "a": FieldRule(type="amount", page=2),
        "b": FieldRule(type="amount", page=1),
        "c": FieldRule(type="amount", page="last"),
    }

    assert found(read, **rules) == {"b": "9.50", "c": "9.50"}


def test_a_line_that_runs_downwards_has_fields_by_pattern() -> None:
    box = Box(100, 100, 124, 300)
    words = (
        Word("编号", 0.9, Box(100, 100, 124, 150)),
        Word("AB1234", 0.9, Box(100, 150, 124, 300)),
    )
    vertical = TextLine("编号AB1234", 0.9, box, words, "vertical")

    (it,) = fields.find(
        replace(page(), blocks=(Block((vertical,)),)), {"it": FieldRule(pattern="[0-9]{4}")}
    )

    assert it.found is not None
    assert (it.found.value, it.found.box) == ("1234", Box(100, 200, 124, 300))


# --- any page -----------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("Total: 1l0O,.-/年月日合计 $€()%#'x "), min_size=1, max_size=30)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1000), st.integers(0, 1500), TEXTS.filter(lambda text: text.strip(" "))
        ),
        max_size=12,
    ),
    st.sampled_from([0, 90, 180, 270]),
    st.floats(-18, 18),
)
def test_whatever_is_on_a_page_each_field_has_a_value_or_a_reason(lines, orientation, skew) -> None:
    read = replace(page(*lines), orientation=orientation, skew=skew)
    kinds = {
        kind: FieldRule(label=("Total", "合计"), type=kind)  # type: ignore[arg-type]
        for kind in ("text", "amount", "number", "date")
    }
    rules = {
        **kinds,
        "any": FieldRule(type="amount", pick="largest"),
        "p": FieldRule(pattern="[0-9]+"),
    }

    answers = fields.find(read, rules)

    assert [each.name for each in answers] == list(rules)
    assert all((each.found is None) == (each.reason is not None) for each in answers)
    assert all(each.found is None or each.found.value for each in answers)


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    read = page(*((0, 30 * k, "a" * 80) for k in range(50)))
    began = process_time()

    assert only(read, pattern="(a+)+$b|(a*)*c") is None

    assert process_time() - began < 1.0


def test_a_page_that_consists_of_labels_is_not_slow_and_keeps_the_first_and_the_last() -> None:
    places = [(100 + k % 5 * 240, 30 * (k // 5)) for k in range(1500)]
    read = page(*((x, y, f"Total {k}.00") for k, (x, y) in enumerate(places)))
    began = process_time()

    chosen = [only(read, label="Total", type="amount", pick=pick) for pick in ("first", "last")]

    assert chosen == ["0.00", "1499.00"]
    assert process_time() - began < 10.0


# --- codes --------------------------------------------------------------------------------------

ORDER_CODE = Code("ORDER-4711", "Code 128", Box(10, 20, 300, 80))


@pytest.mark.parametrize(
    ("code", "kind", "value"),
    [
        ("ORDER-([0-9]+)", "text", "4711"),
        (".+", "text", "ORDER-4711"),
        ("ORDER-([0-9]+)", "number", "4711"),
        ("INVOICE-.*", "text", None),
    ],
)
def test_a_field_from_a_code_is_what_its_pattern_matches(code, kind, value) -> None:
    read = replace(page((50, 50, "ORDER-9999")), codes=(ORDER_CODE,))

    [field] = fields.find(read, {"it": FieldRule(code=code, type=kind)})

    if value is None:
        assert (field.found, field.reason) == (None, "no_match")
    else:
        assert field.found is not None
        assert (field.found.value, field.found.box) == (value, ORDER_CODE.box)


def test_a_page_whose_codes_were_not_looked_for_and_binary_codes_give_none() -> None:
    rule = {"it": FieldRule(code=".+")}
    binary = replace(ORDER_CODE, is_base64=True)

    assert fields.find(page((0, 0, "x")), rule)[0].reason == "no_match"
    assert fields.find(replace(page((0, 0, "x")), codes=(binary,)), rule)[0].reason == "no_match"
