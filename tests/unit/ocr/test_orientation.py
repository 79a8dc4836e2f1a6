"""Page orientation: a page is read upright, and its boxes refer to the page as shown."""

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
from daemon.ocr.records import LineCrop, RecognizedLine
from tests.support.running_daemon import SHIPPED
from tests.support.samples import in_colour, text_page

LINES = ["Invoice number 20417", "Total amount due 1,250.00", "Please retain this receipt"]
STANDING = in_colour(text_page(LINES))


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(SHIPPED)


def rotated_page(degrees: int) -> Page:
    """The upright page rotated counter-clockwise by `degrees`."""
    image = np.ascontiguousarray(np.rot90(STANDING, degrees // 90))
    return Page(number=1, width=image.shape[1], height=image.shape[0], image=image)


def read(page: Page, recognizer: Recognizer, *, orient: bool = True) -> PageText:
    recipe = Recipe(weights=recognizer.weights, preprocessing=Preprocessing(auto_rotate=orient))
    return Pipeline(recipe, recognizer).read_page(page)


def line(width: int, height: int = 20) -> LineCrop:
    return LineCrop(Box(0, 0, width, height), np.zeros((height, width), np.uint8))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_on_its_side_or_upside_down_is_rotated_and_read(
    recognizer: Recognizer, degrees: int
) -> None:
    page = read(rotated_page(degrees), recognizer)

    assert page.orientation == degrees
    assert page.text.split("\n") == LINES


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_boxes_are_those_of_the_page_before_rotation(recognizer: Recognizer, degrees: int) -> None:
    page = rotated_page(degrees)
    for block in read(page, recognizer).blocks:
        for found in block.lines:
            box = found.box
            dark = page.image[box.top : box.bottom, box.left : box.right].min(axis=2) < 128

            assert 0.05 < dark.mean() < 0.6
            assert (box.bottom - box.top > box.right - box.left) is (degrees % 180 == 90)


def test_auto_rotation_can_be_switched_off(recognizer: Recognizer) -> None:
    page = read(rotated_page(180), recognizer, orient=False)

    assert page.orientation == 0
    assert page.text.split("\n") != LINES


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@given(x=st.integers(0, 299), y=st.integers(0, 199))
def test_a_point_of_the_rotated_page_is_mapped_back_to_where_it_was(
    degrees: int, x: int, y: int
) -> None:
    image = np.full((200, 300, 3), 255, np.uint8)
    image[y, x] = 0
    page = Page(number=1, width=300, height=200, image=image)

    clean = preprocess.clean(page, Preprocessing(deskew=False), degrees)

    (row,), (column,) = np.nonzero(clean.gray < 128)
    middle = clean.to_page @ [column + 0.5, row + 0.5, 1]
    assert middle.tolist() == [x + 0.5, y + 0.5]


def test_the_sample_is_the_longest_lines_spread_over_the_page() -> None:
    lines = [line(30), *(line(100 + k) for k in range(36)), line(40)]

    chosen = orientation.sample_lines(lines)

    assert len(chosen) == 12
    assert not {0, 37} & set(chosen)
    assert chosen[0] < 6
    assert chosen[-1] > 30


def test_short_lines_are_sampled_where_there_are_no_long_ones() -> None:
    assert orientation.sample_lines([line(20), line(30)]) == [0, 1]


def test_one_long_line_among_short_ones_is_not_sampled_alone() -> None:
    lines = [*(line(30) for _ in range(9)), line(200)]

    assert orientation.sample_lines(lines) == list(range(10))


def test_a_blank_page_is_not_rotated() -> None:
    assert orientation.is_confident([])


def test_a_page_is_not_rotated_for_little_more_evidence() -> None:
    rotated_page, other = RecognizedLine("x" * 10, 0.8, ()), RecognizedLine("x" * 12, 0.8, ())

    assert orientation.best_sample([[rotated_page], [other]]) == 0
    assert orientation.best_sample([[rotated_page], [other, other]]) == 1


def test_many_characters_of_low_confidence_weigh_less_than_some_of_high_confidence() -> None:
    low, high = RecognizedLine("x" * 10, 0.6, ()), RecognizedLine("x" * 6, 0.97, ())

    assert orientation.evidence([high]) > orientation.evidence([low])
    assert not orientation.is_confident([low, replace(high, text="x")])


# --- a text layer decides -----------------------------------------------------------------------


def typed(*places: tuple[int, int]) -> TextLine:
    """A line of words of thirty letters, with their upper left corners at `places`."""
    boxes = [Box(left, top, left + 90, top + 12) for left, top in places]
    words = tuple(Word("l" * 30, None, box) for box in boxes)
    return TextLine(" ".join(word.text for word in words), None, boxes[0], words)


def test_an_upright_text_layer_that_is_long_enough_determines_the_orientation() -> None:
    assert orientation.is_upright_text_layer([typed((0, 0), (100, 0))] * 2)


@pytest.mark.parametrize(
    "layer",
    [[], [typed((0, 0), (100, 0))], [typed((0, 0), (0, 100))] * 9, [typed((100, 0), (0, 0))] * 9],
    ids=["none", "a stamp", "on its side", "on its head"],
)
def test_no_other_text_layer_determines_the_orientation(layer: list[TextLine]) -> None:
    assert not orientation.is_upright_text_layer(layer)
