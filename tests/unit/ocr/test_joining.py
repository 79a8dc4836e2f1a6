"""Lines of a paragraph that were found in pieces are one line again."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.records import Box
from daemon.ocr.assemble import joining
from daemon.ocr.records import RulingLines
from tests.unit.ocr.assembling import line, reading

GRAY = np.full((400, 1000), 255, np.uint8)
FIRST, SECOND = (100, 300), (320, 500)  # a gap as wide as the line is high
BELOW = (100, 140, 500, 160)


def joined(pieces, rules=None):
    lines = [line(*box) for box, _ in pieces]
    readings = [reading(text) for _, text in pieces]
    _, result = joining.join_sentences(GRAY, lines, readings, rules or RulingLines())
    return sorted(each.text for each in result)


def row(top=100, height=20, gap=20):
    return [
        ((100, top, 300, top + height), "It is so."),
        ((300 + gap, top, 500 + gap, top + height), "Or not."),
    ]


@pytest.mark.parametrize("neighbour", [(100, 60, 500, 80), (100, 140, 500, 160)])
def test_sentences_with_a_wide_space_between_are_one_line_of_their_paragraph(neighbour):
    assert joined([*row(), (neighbour, "More of it")]) == ["It is so. Or not.", "More of it"]


def test_columns_and_cells_stay_apart_since_the_white_between_them_goes_on():
    columns = [*row(100), *row(140), *row(180)]

    assert len(joined(columns)) == 6


def test_words_are_one_line_even_without_a_paragraph():
    assert joined(row(gap=8)) == ["It is so. Or not."]


@pytest.mark.parametrize(
    "neighbour",
    [
        (100, 140, 325, 160),  # hardly beyond the gap
        (100, 300, 500, 320),  # of another paragraph
        (100, 140, 500, 220),  # a heading
    ],
)
def test_a_gap_that_no_near_line_of_the_size_spans_parts_lines(neighbour):
    assert len(joined([*row(), (neighbour, "More")])) == 3


def test_a_rule_a_large_gap_and_another_size_part_lines():
    rule = RulingLines(vertical=(Box(309, 0, 311, 400),))
    below = ((100, 140, 600, 160), "More of it")
    small = ((320, 104, 500, 112), "note")

    assert len(joined([*row(), below], rule)) == 3
    assert len(joined([*row(gap=30), below])) == 3
    assert len(joined([row()[0], small, below])) == 3


def test_slanted_and_vertical_lines_are_left_as_they_are():
    plain = [line(*box) for box, _ in row(gap=8)]
    for other in (
        replace(plain[1], corners=plain[1].quad),
        replace(plain[1], direction="vertical"),
    ):
        lines, _ = joining.join_sentences(
            GRAY, [plain[0], other], [reading("a"), reading("b")], RulingLines()
        )
        assert len(lines) == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 700), st.integers(0, 350), st.integers(1, 300), st.integers(1, 40)
        ),
        max_size=12,
    )
)
def test_every_word_appears_exactly_once_wherever_it_is(places):
    pieces = [
        ((left, top, left + width, top + height), f"w{number}")
        for number, (left, top, width, height) in enumerate(places)
    ]

    words = [word for text in joined(pieces) for word in text.split()]

    assert Counter(words) == Counter(text for _, text in pieces)


@pytest.mark.parametrize("ground", [255, 20])
def test_a_joined_line_is_dark_on_light_whatever_the_page_is(ground):
    gray = np.full((400, 1000), ground, np.uint8)
    gray[105:115, 100:500:10] = 255 - ground
    pieces = [line(*box) for box, _ in row(gap=8)]

    [whole], _ = joining.join_sentences(
        gray, pieces, [reading("One"), reading("two")], RulingLines()
    )

    assert np.median(whole.image) > 200 > whole.image.min()
