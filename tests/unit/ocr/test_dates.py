"""Dates that a form splits into distant parts are joined into one line."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import Box
from daemon.ocr.assemble import dates
from daemon.ocr.records import RulingLines
from tests.unit.ocr.assembling import clean, line, published, reading

GRAY = np.full((200, 2000), 255, np.uint8)
PLACES = [(100, 160), (200, 220), (260, 270), (310, 330), (370, 390), (430, 450)]


def row(texts, top=100, height=20, places=PLACES):
    lines = [line(left, top, right, top + height) for left, right in places[: len(texts)]]
    return lines, [reading(text) for text in texts]


def texts_of(lines, readings, rules=None):
    return [
        r.text for _, r in dates.join_split_dates(GRAY, lines, readings, rules or RulingLines())
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2026", "年", "7", "月", "1", "日"], ["2026 年 7 月 1 日"]),
        (["日期：2026年7", "月 1", "日"], ["日期：2026年7 月 1 日"]),
        (["年", "月", "日"], ["年 月 日"]),
        (["2026", "日常"], ["2026", "日常"]),
        (["共 12", "7"], ["共 12", "7"]),
        (["2026年", "12 个"], ["2026年", "12 个"]),
        (["2026年", "总计", "7月"], ["2026年", "总计", "7月"]),
        (["2024年", "2025年", "2026年"], ["2024年", "2025年", "2026年"]),
        (["1月", "2月", "3月"], ["1月", "2月", "3月"]),
        (["2024年", "1500", "1600"], ["2024年", "1500", "1600"]),
        (["1月", "120"], ["1月", "120"]),
        (["2026年", "13", "月"], ["2026年", "13", "月"]),
        (["No.00123456", "年", "月", "日"], ["No.00123456", "年 月 日"]),
        (["2026年7", "月", "2027年8", "月"], ["2026年7 月", "2027年8 月"]),
    ],
)
def test_parts_of_a_date_are_joined_and_others_are_not(texts, expected):
    assert texts_of(*row(texts)) == expected


def test_the_order_of_the_lines_does_not_matter():
    lines, readings = row(["2026", "年", "7", "月"])

    assert texts_of(lines[::-1], readings[::-1]) == ["2026 年 7 月"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60),
            st.integers(0, 6),
            st.integers(1, 12),
            st.text("0127年月日共 ", min_size=1, max_size=4),
        ),
        max_size=12,
    )
)
def test_every_line_appears_exactly_once_wherever_it_is(pieces):
    lines = [line(10 * x, 10 * y, 10 * (x + w), 10 * y + 20) for x, y, w, _ in pieces]
    readings = [reading(text) for *_, text in pieces]

    together = "".join(texts_of(lines, readings))

    assert Counter(together.replace(" ", "")) == Counter(
        "".join(text for *_, text in pieces).replace(" ", "")
    )


def test_a_rule_between_two_cells_separates_them():
    cells = row(["2026年", "7月"])
    wall, aside = Box(180, 0, 182, 200), Box(180, 0, 182, 90)

    assert texts_of(*cells, RulingLines(vertical=(wall,))) == ["2026年", "7月"]
    assert texts_of(*cells, RulingLines(vertical=(aside,))) == ["2026年 7月"]


def test_a_line_in_another_row_or_far_away_does_not_belong_to_the_date():
    year, near, far, below = (
        line(left, top, left + 60, top + 20)
        for left, top in [(100, 100), (160 + 80, 100), (160 + 81, 100), (200, 130)]
    )
    texts = [reading("2026年"), reading("7月")]

    assert texts_of([year, near], texts) == ["2026年 7月"]
    assert texts_of([year, far], texts) == ["2026年", "7月"]
    assert texts_of([year, below], texts) == ["2026年", "7月"]


def test_boxes_that_overlap_by_their_margins_are_joined_and_slanted_lines_are_not():
    lines, readings = row(["2026年", "7月"], places=[(100, 160), (155, 190)])
    slanted = [replace(one, corners=np.zeros((4, 2))) for one in lines]

    assert texts_of(lines, readings) == ["2026年 7月"]
    assert texts_of(slanted, readings) == ["2026年", "7月"]


def test_a_joined_date_is_published_without_spaces_and_its_words_keep_their_boxes():
    lines, readings = row(["2026", "年", "7", "月"])

    [one] = published(lines, readings, [[0]], frame=replace(clean(), gray=GRAY)).blocks[0].lines

    assert (one.text, one.box) == ("2026年7月", Box(100, 100, 330, 120))
    assert [(word.text, word.box.left) for word in one.words] == [
        ("2026", 100),
        ("年", 200),
        ("7", 260),
        ("月", 310),
    ]
    assert one.words[0].box.right <= 162
