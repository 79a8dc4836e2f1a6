"""Page orientation: a page is read upright, and its boxes refer to the page as shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
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
from daemon.ocr.segment import TextDetector
from tests.support.running_daemon import DETECTOR, SHIPPED
from tests.support.samples import Image, in_colour, text_page

LINES = ["Invoice number 20417", "Total amount due 1,250.00", "Please retain this receipt"]
STANDING = in_colour(text_page(LINES))


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(SHIPPED)


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    return TextDetector.load(Path(DETECTOR["file"]))


def rotated_page(degrees: int, standing: Image = STANDING) -> Page:
    """The upright page rotated counter-clockwise by `degrees`."""
    image = np.ascontiguousarray(np.rot90(standing, degrees // 90))
    return Page(number=1, width=image.shape[1], height=image.shape[0], image=image)


def read(
    page: Page, recognizer: Recognizer, detector: TextDetector | None, *, orient: bool = True
) -> PageText:
    recipe = Recipe(weights=recognizer.weights, preprocessing=Preprocessing(auto_rotate=orient))
    return Pipeline(recipe, recognizer, detector).read_page(page)


def lines_of(page: PageText) -> list[TextLine]:
    return [line for block in page.blocks for line in block.lines]


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_on_its_side_or_upside_down_is_rotated_and_read(
    recognizer: Recognizer, detector: TextDetector, degrees: int
) -> None:
    page = read(rotated_page(degrees), recognizer, detector)

    assert page.orientation == degrees
    assert page.text.split("\n") == LINES
    assert {line.direction for line in lines_of(page)} == {"horizontal"}


@pytest.mark.slow
def test_a_page_upside_down_is_rotated_without_a_detector(recognizer: Recognizer) -> None:
    page = read(rotated_page(180), recognizer, None)

    assert (page.orientation, page.text.split("\n")) == (180, LINES)


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_boxes_are_those_of_the_page_before_rotation(
    recognizer: Recognizer, detector: TextDetector, degrees: int
) -> None:
    page = rotated_page(degrees)
    for found in lines_of(read(page, recognizer, detector)):
        box = found.box
        dark = page.image[box.top : box.bottom, box.left : box.right].min(axis=2) < 128

        assert 0.05 < dark.mean() < 0.6
        assert (box.bottom - box.top > box.right - box.left) is (degrees % 180 == 90)


@pytest.mark.slow
def test_auto_rotation_can_be_switched_off_and_lines_are_read_as_they_lie(
    recognizer: Recognizer, detector: TextDetector
) -> None:
    page = read(rotated_page(180), recognizer, detector, orient=False)

    assert page.orientation == 0
    assert {line.text: line.direction for line in lines_of(page)} == dict.fromkeys(
        LINES, "rotated_180"
    )


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("text", ["No 7", "68", "A4"])
def test_few_characters_never_turn_a_page(
    recognizer: Recognizer, detector: TextDetector, text: str, degrees: int
) -> None:
    page = rotated_page(degrees, in_colour(text_page([text], width=600)))

    assert read(page, recognizer, detector).orientation == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("degrees", "direction"), [(90, "rotated_270"), (180, "rotated_180"), (270, "rotated_90")]
)
def test_a_line_that_lies_otherwise_than_the_page_is_read_and_has_its_direction(
    recognizer: Recognizer, detector: TextDetector, degrees: int, direction: str
) -> None:
    other = "Received 14 March 2024"
    image = text_page(LINES * 2, width=1400, height=900)
    strip = np.rot90(text_page([other], width=700, height=110), degrees // 90)
    top = 780 if degrees == 180 else 100
    image[top : top + strip.shape[0], 1250 - strip.shape[1] : 1250] = strip
    page = Page(number=1, width=1400, height=900, image=cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))

    text = read(page, recognizer, detector)

    directions = {line.text: line.direction for line in lines_of(text)}
    assert text.orientation == 0
    assert directions == {**dict.fromkeys(LINES, "horizontal"), other: direction}


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


# --- which way a page is turned, by lines whose readings are known ------------------------------


SURE, UNSURE = 0.97, 0.5


def line(width: int, height: int = 20) -> LineCrop:
    return LineCrop(Box(0, 0, width, height), np.zeros((height, width), np.uint8))


def page_lying(degrees: int, count: int = 6, length: int = 200) -> list[LineCrop]:
    """Lines of a page that has to be turned clockwise by `degrees` to be upright."""
    upright = np.tile(np.array([[10], [200]], np.uint8).repeat(10, axis=0), (1, length))
    image = np.rot90(upright, degrees // 90)
    height, width = image.shape
    return [LineCrop(Box(0, 50 * k, width, 50 * k + height), image.copy()) for k in range(count)]


class Reader:
    """Reads lines of `page_lying`: with certainty where they stand upright."""

    def __init__(self, text: str = "twelve signs", sure: float = SURE, unsure: float = UNSURE):
        self.text, self.sure, self.unsure = text, sure, unsure
        self.calls: list[int] = []

    def __call__(self, lines: Sequence[LineCrop]) -> list[RecognizedLine]:
        self.calls.append(len(lines))
        return [self.reading(line.image) for line in lines]

    def reading(self, image: Image) -> RecognizedLine:
        is_wide = image.shape[1] > image.shape[0]
        is_upright = is_wide and image[0, 0] < image[-1, 0]
        return RecognizedLine(self.text, self.sure if is_upright else self.unsure, ())


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_rotation_is_the_one_that_makes_lines_upright(degrees: int) -> None:
    lines = page_lying(degrees)

    rotation, readings = orientation.find_rotation(lines, Reader())

    assert rotation == degrees
    assert set(readings) == (set(range(6)) if degrees % 180 == 0 else set())


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize(
    ("text", "count", "turns"),
    [("12345", 1, 0), ("123456", 1, 1), ("ab", 3, 1), ("ab", 2, 0), ("-.,:;/()", 9, 0)],
)
def test_a_page_is_turned_only_by_six_letters_or_digits(
    degrees: int, text: str, count: int, turns: int
) -> None:
    rotation, _ = orientation.find_rotation(page_lying(degrees, count), Reader(text))

    assert rotation == turns * degrees


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize(("sure", "turns"), [(0.84, 0), (0.86, 1)])
def test_a_page_is_turned_only_where_it_reads_surely(degrees: int, sure: float, turns: int) -> None:
    rotation, _ = orientation.find_rotation(page_lying(degrees), Reader(sure=sure))

    assert rotation == turns * degrees


@pytest.mark.parametrize(("unsure", "rotation"), [(0.8, 180), (0.86, 0), (0.87, 0)])
def test_a_page_is_not_turned_for_little_more_evidence(unsure: float, rotation: int) -> None:
    reader = Reader(sure=0.9, unsure=unsure)  # a quarter more is 0.9 against 0.851

    assert orientation.find_rotation(page_lying(180), reader)[0] == rotation


def test_a_blank_page_is_not_turned() -> None:
    assert orientation.find_rotation([], Reader()) == (0, {})


def test_an_upright_page_costs_one_sample() -> None:
    reader = Reader()

    orientation.find_rotation(page_lying(0, 40), reader)

    assert reader.calls == [12]


@pytest.mark.parametrize(("tall", "rotation"), [(5, 0), (7, 0), (8, 90)])  # a quarter more
def test_a_page_is_turned_as_most_of_its_text(tall: int, rotation: int) -> None:
    lines = [*page_lying(0, 6), *page_lying(90, tall)]

    assert orientation.find_rotation(lines, Reader())[0] == rotation


def test_columns_of_vertical_text_do_not_turn_a_page() -> None:
    lines = page_lying(270)

    def read(crops: Sequence[LineCrop]) -> list[RecognizedLine]:
        is_column = [crop.direction == "vertical" for crop in crops]
        return [RecognizedLine("竖排的文字在这里", SURE if v else UNSURE, ()) for v in is_column]

    def as_column(crop: LineCrop) -> LineCrop:
        return replace(crop, direction="vertical")

    assert orientation.find_rotation(lines, read, as_column)[0] == 0
    assert orientation.find_rotation(lines, Reader(), as_column)[0] == 270  # no Chinese


def test_the_sample_is_the_longest_lines_spread_over_the_page() -> None:
    lines = [line(30), *(line(100 + k) for k in range(36)), line(40)]

    chosen = sampled(lines)

    assert len(chosen) == 12
    assert not {0, 37} & chosen
    assert min(chosen) < 6
    assert max(chosen) > 30


def test_short_lines_are_sampled_where_there_are_no_long_ones() -> None:
    assert sampled([line(20), line(30)]) == {0, 1}


def test_one_long_line_among_short_ones_is_not_sampled_alone() -> None:
    assert sampled([*(line(30) for _ in range(9)), line(200)]) == set(range(10))


def sampled(lines: list[LineCrop]) -> set[int]:
    _, readings = orientation.find_rotation(lines, Reader(sure=SURE, unsure=SURE))
    return set(readings)


def test_an_empty_sample_is_no_reason_to_rotate() -> None:
    assert orientation.is_confident([])


def test_many_characters_of_low_confidence_weigh_less_than_some_of_high_confidence() -> None:
    low, high = RecognizedLine("x" * 10, 0.6, ()), RecognizedLine("x" * 6, 0.97, ())

    assert orientation.evidence([high]) > orientation.evidence([low])
    assert not orientation.is_confident([low, replace(high, text="x")])


# --- single lines in other directions -----------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "direction"),
    [(0, "horizontal"), (90, "rotated_270"), (180, "rotated_180"), (270, "rotated_90")],
)
def test_a_line_is_read_in_the_direction_in_which_it_reads_best(
    degrees: int, direction: str
) -> None:
    lines = [*page_lying(0, 3), *page_lying(degrees, 1)]

    found, readings = orientation.read_in_directions(lines, {}, Reader())

    assert [line.direction for line in found] == ["horizontal"] * 3 + [direction]
    assert [reading.confidence for reading in readings] == [SURE] * 4


def test_what_is_known_is_not_read_again() -> None:
    lines, reader = page_lying(0, 4), Reader()
    known = {1: RecognizedLine("known", SURE, ()), 2: RecognizedLine("known", SURE, ())}

    _, readings = orientation.read_in_directions(lines, known, reader)

    assert [reading.text for reading in readings] == [reader.text, "known", "known", reader.text]
    assert sum(reader.calls) == 2


@pytest.mark.parametrize(
    ("text", "sure", "unsure", "direction"),
    [
        ("twelve signs", 0.97, 0.5, "rotated_180"),
        ("12345", 0.97, 0.5, "horizontal"),  # too few characters
        ("twelve signs", 0.84, 0.5, "horizontal"),  # not sure enough
        ("twelve signs", 0.97, 0.84, "horizontal"),  # too little is gained
        ("twelve signs", 0.97, 0.8, "rotated_180"),
    ],
)
def test_a_line_is_upside_down_only_on_sure_evidence(
    text: str, sure: float, unsure: float, direction: str
) -> None:
    reader = Reader(text, sure, unsure)

    [found], [reading] = orientation.read_in_directions(page_lying(180, 1), {}, reader)

    assert found.direction == direction
    assert reading.confidence == (unsure if direction == "horizontal" else sure)


def test_a_short_line_is_not_tried_upside_down() -> None:
    [found], _ = orientation.read_in_directions(page_lying(180, 1, length=38), {}, Reader())

    assert found.direction == "horizontal"


def test_a_tall_line_is_a_column_only_where_that_reads_best_and_is_chinese() -> None:
    def read_as(text: str, confidence: float) -> str:
        def read(crops: Sequence[LineCrop]) -> list[RecognizedLine]:
            return [
                RecognizedLine(text, confidence, ())
                if crop.direction == "vertical"
                else RecognizedLine("sideways", 0.7, ())
                for crop in crops
            ]

        [found], _ = orientation.read_in_directions(
            page_lying(90, 1), {}, read, lambda crop: replace(crop, direction="vertical")
        )
        return found.direction

    assert read_as("竖排文字", 0.95) == "vertical"
    assert read_as("竖排文字", 0.6) == "rotated_270"
    assert read_as("ll1l1", 0.95) == "rotated_270"


@pytest.mark.parametrize(
    ("height", "direction"), [(17, "horizontal"), (34, "horizontal"), (36, "rotated_270")]
)
def test_a_tall_line_may_be_a_single_upright_character(height: int, direction: str) -> None:
    def read(crops: Sequence[LineCrop]) -> list[RecognizedLine]:
        return [
            RecognizedLine("1", SURE, ())
            if crop.image.shape[0] > crop.image.shape[1]
            else RecognizedLine("-", 0.7, ())
            for crop in crops
        ]

    line = LineCrop(Box(0, 0, 10, height), np.full((height, 10), 255, np.uint8))
    [found], [reading] = orientation.read_in_directions([line], {}, read)

    assert found.direction == direction
    assert reading.text == ("1" if direction == "horizontal" else "-")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_line_shows_what_its_corners_show(degrees: int) -> None:
    shown = np.arange(6, dtype=np.uint8).reshape(2, 3)  # 3 wide, 2 high, at 10, 20
    crop = LineCrop(Box(10, 20, 13, 22), shown)

    turned = orientation.turned(crop, degrees)

    assert np.array_equal(turned.image, np.rot90(shown, -degrees // 90))
    for corner, (row, column) in zip(
        turned.quad, [(0, 0), (0, -1), (-1, -1), (-1, 0)], strict=True
    ):
        x, y = np.clip(corner - [10, 20], 0, [2, 1]).astype(int)
        assert turned.image[row, column] == shown[y, x]
    assert turned.box == crop.box


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
