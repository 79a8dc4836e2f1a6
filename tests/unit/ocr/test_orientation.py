"""A page is read the right way up, however it lies, and its boxes stay where it shows its text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.options import Preprocessing, Recipe
from daemon.core.records import Box, Page, PageText, TextLine, Word
from daemon.ocr import orientation, preprocess
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import Line, Reading
from tests.support.running_daemon import SHIPPED
from tests.support.samples import in_colour, text_page

LINES = ["Invoice number 20417", "Total amount due 1,250.00", "Please retain this receipt"]
STANDING = in_colour(text_page(LINES))


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(SHIPPED)


def lying(degrees: int) -> Page:
    """The standing page as it lies when it has been turned counter-clockwise by `degrees`."""
    image = np.ascontiguousarray(np.rot90(STANDING, degrees // 90))
    return Page(number=1, width=image.shape[1], height=image.shape[0], image=image)


def read(page: Page, recognizer: Recognizer, *, orient: bool = True) -> PageText:
    recipe = Recipe(weights=recognizer.weights, preprocessing=Preprocessing(auto_rotate=orient))
    return Pipeline(recipe, recognizer).read_page(page)


def line(width: int, height: int = 20) -> Line:
    return Line(Box(0, 0, width, height), np.zeros((height, width), np.uint8))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_that_lies_or_stands_on_its_head_is_turned_and_read(
    recognizer: Recognizer, degrees: int
) -> None:
    page = read(lying(degrees), recognizer)

    assert page.orientation == degrees
    assert page.text.split("\n") == LINES


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_boxes_are_those_of_the_page_as_it_lies(recognizer: Recognizer, degrees: int) -> None:
    page = lying(degrees)
    for block in read(page, recognizer).blocks:
        for found in block.lines:
            box = found.box
            dark = page.image[box.top : box.bottom, box.left : box.right].min(axis=2) < 128

            assert 0.05 < dark.mean() < 0.6
            assert (box.bottom - box.top > box.right - box.left) is (degrees % 180 == 90)


def test_a_page_is_left_as_it_lies_where_the_config_says_so(recognizer: Recognizer) -> None:
    page = read(lying(180), recognizer, orient=False)

    assert page.orientation == 0
    assert page.text.split("\n") != LINES


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@given(x=st.integers(0, 299), y=st.integers(0, 199))
def test_a_spot_of_the_turned_page_is_mapped_back_to_where_it_was(
    degrees: int, x: int, y: int
) -> None:
    image = np.full((200, 300, 3), 255, np.uint8)
    image[y, x] = 0
    page = Page(number=1, width=300, height=200, image=image)

    clean = preprocess.clean(page, Preprocessing(deskew=False), degrees)

    (row,), (column,) = np.nonzero(clean.gray < 128)
    middle = clean.to_page @ [column + 0.5, row + 0.5, 1]
    assert middle.tolist() == [x + 0.5, y + 0.5]


def test_the_longest_lines_are_the_judges_spread_over_the_page() -> None:
    lines = [line(30), *(line(100 + k) for k in range(36)), line(40)]

    chosen = orientation.sample(lines)

    assert len(chosen) == 12
    assert not {0, 37} & set(chosen)
    assert chosen[0] < 6
    assert chosen[-1] > 30


def test_short_lines_judge_where_there_are_no_others() -> None:
    assert orientation.sample([line(20), line(30)]) == [0, 1]


def test_one_long_line_among_short_ones_does_not_judge_alone() -> None:
    lines = [*(line(30) for _ in range(9)), line(200)]

    assert orientation.sample(lines) == list(range(10))


def test_a_blank_page_stands_as_it_is() -> None:
    assert orientation.is_sure([])


def test_a_page_is_not_turned_for_a_little_more() -> None:
    lying, other = Reading("x" * 10, 0.8, ()), Reading("x" * 12, 0.8, ())

    assert orientation.most_telling([[lying], [other]]) == 0
    assert orientation.most_telling([[lying], [other, other]]) == 1


def test_many_unsure_characters_weigh_less_than_some_sure_ones() -> None:
    unsure, sure = Reading("x" * 10, 0.6, ()), Reading("x" * 6, 0.97, ())

    assert orientation.evidence([sure]) > orientation.evidence([unsure])
    assert not orientation.is_sure([unsure, replace(sure, text="x")])


# --- a text layer tells -------------------------------------------------------------------------


def typed(*places: tuple[int, int]) -> TextLine:
    """A line of words of thirty letters, each with its left upper corner at its place."""
    boxes = [Box(left, top, left + 90, top + 12) for left, top in places]
    words = tuple(Word("l" * 30, None, box) for box in boxes)
    return TextLine(" ".join(word.text for word in words), None, boxes[0], words)


def test_a_text_layer_that_stands_and_says_enough_tells_how_the_page_stands() -> None:
    assert orientation.is_told([typed((0, 0), (100, 0))] * 2)


@pytest.mark.parametrize(
    "layer",
    [[], [typed((0, 0), (100, 0))], [typed((0, 0), (0, 100))] * 9, [typed((100, 0), (0, 0))] * 9],
    ids=["none", "a stamp", "on its side", "on its head"],
)
def test_no_other_text_layer_tells_it(layer: list[TextLine]) -> None:
    assert not orientation.is_told(layer)
