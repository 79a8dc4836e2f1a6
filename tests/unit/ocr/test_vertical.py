"""Vertical text: its columns, their cells, the row that is read, and the way back to the page."""

import cv2
import numpy as np
import pytest

from daemon.core.records import Box, Page
from daemon.ocr import directions, orientation
from daemon.ocr.assemble import textline
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import CleanPage, LineCrop, RecognizedCharacter, RecognizedLine
from daemon.ocr.segment import as_column, without_columns
from daemon.ocr.segment.vertical import column_in, crop_column, find_columns
from tests.support.running_daemon import SHIPPED_ONNX
from tests.support.samples.vertical import VerticalPage
from tests.unit.ocr.test_pipeline import RECIPE

SIMPLIFIED = "春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明！江流宛转绕芳甸。"
TRADITIONAL = "話說天下大勢，分久必合，合久必分。周末七國分爭，併入於秦。及秦滅之後，楚、漢分爭"


def page_of(text, size=32, gap=0.6, pitch=1.05, **more):
    page = VerticalPage(round(size * 16), round(size * 12), size, **more)
    page.columns(text, size * 15, size, size * 11, gap, pitch)
    return page


def noisy(image):
    grain = np.random.default_rng(1).normal(0, 6, image.shape)
    return np.clip(image * 0.85 + 20 + grain, 0, 255).astype(np.uint8)


def reading(text, confidence=0.95):
    count = len(text)
    characters = tuple(
        RecognizedCharacter(c, confidence, k / count, (k + 1) / count) for k, c in enumerate(text)
    )
    return RecognizedLine(text, confidence, characters)


@pytest.mark.parametrize("size", [20, 32, 60])
@pytest.mark.parametrize(("gap", "pitch"), [(0.4, 1.02), (0.6, 1.1), (1.0, 1.25)])
@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL])
def test_each_column_is_found_and_cut_into_its_characters(size, gap, pitch, text):
    page = page_of(text, size, gap, pitch)

    columns = sorted(find_columns(noisy(page.image)), key=lambda column: -column.rect[0])

    assert [len(column.cells) for column in columns] == [len(line) for line in page.truth]


def test_each_character_is_in_its_own_cell():
    page = page_of(SIMPLIFIED)

    columns = find_columns(page.image)

    middles = [((b[1] + b[3]) / 2, (b[2] + b[4]) / 2) for b in page.boxes]
    for x, y in middles:
        cells = [
            tuple(cell)
            for column in columns
            if column.rect[0] - 8 <= x <= column.rect[2] + 8
            for cell in column.cells
            if cell[0] <= y < cell[1]
        ]
        assert len(cells) == 1


def test_characters_that_touch_are_cut_at_the_pitch_of_the_column():
    page = VerticalPage(200, 500, 40)
    page.column("国固圆团图圈围困", 80, 40, pitch=0.92)

    column = column_in(page.image, Box(70, 30, 130, 400))

    assert column is not None
    assert len(column.cells) == 8


def test_horizontal_text_has_no_columns():
    page = VerticalPage(900, 700, 28)
    for k in range(12):
        page.row(SIMPLIFIED[k : k + 26], 40, 40 + 48 * k)

    assert find_columns(page.image) == []


def test_an_empty_page_has_no_columns():
    assert find_columns(np.full((300, 200), 255, np.uint8)) == []


def test_light_columns_on_a_dark_ground_are_found():
    page = page_of(SIMPLIFIED)

    columns = find_columns(255 - page.image)

    assert len(columns) == len(page.truth)
    assert np.median(crop_column(255 - page.image, columns[0]).image) > 200


def test_a_full_stop_is_moved_to_the_lower_left_of_its_character():
    page = VerticalPage(200, 300, 40)
    page.column("中。国", 80, 40)

    column = column_in(page.image, Box(70, 30, 130, 180))
    row = crop_column(page.image, column).image

    first, second = (round(row.shape[1] * k / 3) for k in (1, 2))
    y, x = np.nonzero(row[:, first:second] < 100)
    assert y.mean() > 0.6 * row.shape[0]
    assert x.mean() < 0.5 * (second - first)


@pytest.mark.parametrize("mark", ["（", "」", "—"])
def test_turned_punctuation_is_turned_back(mark):
    upright = VerticalPage(200, 300, 40)
    upright.row(mark, 80, 40)
    y, x = np.nonzero(upright.image < 128)
    is_wide = np.ptp(x) > np.ptp(y)
    page = VerticalPage(200, 300, 40)
    page.column(f"中{mark}国", 80, 40)

    row = crop_column(page.image, column_in(page.image, Box(70, 30, 130, 180))).image

    first, second = (round(row.shape[1] * k / 3) for k in (1, 2))
    y, x = np.nonzero(row[:, first:second] < 128)
    assert (np.ptp(x) > np.ptp(y)) == is_wide


def test_a_character_of_the_row_has_its_place_on_the_page():
    page = VerticalPage(200, 600, 40)
    page.column("一二三四五六七八九十", 80, 40, pitch=1.2)
    line = crop_column(page.image, column_in(page.image, Box(70, 30, 130, 520)))
    clean = CleanPage(page.image, np.array([[1.0, 0, 0], [0, 1.0, 0]]), 0.0)
    frame = CoordinateFrame(Page(1, 200, 600, page.image), clean)
    # two words: the space stands for a change of script
    text_line = textline.to_text_line(line, reading("一二三四 六七八九十"), frame)

    first, second = (word.box for word in text_line.words)

    assert text_line.direction == "vertical"
    assert (first.top, first.bottom) == pytest.approx((40, 232), abs=14)
    assert (second.top, second.bottom) == pytest.approx((280, 518), abs=14)


def test_a_tall_line_of_a_detector_becomes_a_column_with_its_place_on_the_page():
    page = VerticalPage(200, 600, 40)
    page.column("春江潮水连海平海上明", 80, 40, pitch=1.2)
    box = Box(70, 20, 130, 540)

    column = as_column(LineCrop(box, page.image[20:540, 70:130]))

    assert column.box == box
    assert column.corners.tolist() == [[130, 20], [130, 540], [70, 540], [70, 20]]
    third = np.interp(2.5 / 10, *column.stops.T)  # the middle of the third character
    assert 20 + 520 * third == pytest.approx(40 + 2.5 * 48 - 4, abs=8)


def test_a_tall_line_without_two_characters_is_no_column():
    assert as_column(LineCrop(Box(0, 0, 20, 60), np.full((60, 20), 255, np.uint8))) is None


def test_rows_that_are_made_of_columns_are_dropped_and_others_stay():
    columns = [
        LineCrop(Box(left, 100, left + 30, 400), np.zeros((2, 2), np.uint8), direction="vertical")
        for left in (100, 148, 196)
    ]
    across = LineCrop(Box(98, 100, 228, 131), np.zeros((2, 2), np.uint8))
    title = LineCrop(Box(90, 40, 240, 80), np.zeros((2, 2), np.uint8))
    beside = LineCrop(Box(260, 100, 400, 130), np.zeros((2, 2), np.uint8))

    assert without_columns([across, title, beside], columns) == [title, beside]


def test_a_column_is_vertical_text_only_if_its_reading_is_chinese_and_certain():
    crops = [
        LineCrop(Box(100 * k, 0, 100 * k + 20, 200), np.zeros((2, 2), np.uint8)) for k in range(4)
    ]
    readings = [
        reading("明月松间照"),
        reading("1.2.3.4"),
        reading("RKRMRM"),
        reading("綿俊啡", 0.77),
    ]

    assert directions.vertical_indexes(crops, readings) == [0]


def test_a_doubtful_column_beside_a_certain_one_is_vertical_text_too():
    boxes = [Box(100, 0, 120, 200), Box(130, 0, 150, 200), Box(400, 0, 420, 200)]
    crops = [LineCrop(box, np.zeros((2, 2), np.uint8)) for box in boxes]
    readings = [reading("明月松间照"), reading("石上", 0.7), reading("石上", 0.7)]

    assert directions.vertical_indexes(crops, readings) == [0, 1]


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load(SHIPPED_ONNX)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "direction", "expected"),
    [
        (lambda page: page.column("明月松间照", 80, 40), "vertical", "明月松间照"),
        (lambda page: page.sideways("Total amount", 80, 40, 90), "rotated_90", "Total amount"),
        (lambda page: page.sideways("Total amount", 80, 40, 270), "rotated_270", "Total amount"),
        (lambda page: page.sideways("明月松间照", 80, 40, 90), "rotated_90", "明月松间照"),
    ],
)
def test_a_tall_box_is_read_in_the_direction_that_it_has(recognizer, draw, direction, expected):
    page = VerticalPage(200, 400, 36)
    draw(page)
    y, x = np.nonzero(page.image < 128)
    box = Box(int(x.min()) - 4, int(y.min()) - 4, int(x.max()) + 5, int(y.max()) + 5)
    line = LineCrop(box, page.image[box.top : box.bottom, box.left : box.right])

    lines, readings = orientation.read_in_directions([line], {}, recognizer.read, as_column)

    assert (lines[0].direction, readings[0].text) == (direction, expected)


@pytest.mark.slow
def test_a_page_of_two_tiers_with_titles_is_read_in_its_order(recognizer):
    page = VerticalPage(1100, 1000, 32)
    page.row("第一章", 480, 40)
    page.columns(SIMPLIFIED, 1040, 150, 480)
    page.columns(TRADITIONAL, 1040, 600, 930)
    page.row("第十二页", 500, 950, 24)
    image = cv2.cvtColor(noisy(page.image), cv2.COLOR_GRAY2BGR)

    text = Pipeline(RECIPE, recognizer).read_page(Page(1, 1100, 1000, image))

    lines = [line for block in text.blocks for line in block.lines]
    assert [line.direction for line in lines] == [
        "horizontal",
        *(["vertical"] * (len(page.truth) - 2)),
        "horizontal",
    ]
    same = sum(
        a == b
        for line, truth in zip(lines, page.truth, strict=True)
        for a, b in zip(line.text, truth, strict=False)
    )
    assert same >= 0.9 * sum(map(len, page.truth))
    assert text.text.count("\n") >= len(page.truth) - 1


@pytest.mark.slow
def test_a_page_of_columns_is_not_turned(recognizer):
    page = page_of(SIMPLIFIED)
    boxes = [
        Box(c.rect[0] - 3, c.rect[1] - 3, c.rect[2] + 3, c.rect[3] + 3)
        for c in find_columns(page.image)
    ]
    lines = [LineCrop(b, page.image[b.top : b.bottom, b.left : b.right]) for b in boxes]

    rotation, _ = orientation.find_rotation(lines, recognizer.read, as_column)

    assert rotation == 0


@pytest.mark.slow
def test_a_page_of_rows_on_its_side_is_turned_although_its_lines_are_tall(recognizer):
    page = VerticalPage(900, 700, 28)
    for k in range(8):
        page.row(SIMPLIFIED[k : k + 26], 40, 40 + 60 * k)
    on_its_side = np.ascontiguousarray(np.rot90(page.image))
    boxes = [Box(38 + 60 * k, 30, 78 + 60 * k, 870) for k in range(8)]
    lines = [LineCrop(b, on_its_side[b.top : b.bottom, b.left : b.right]) for b in boxes]

    rotation, _ = orientation.find_rotation(lines, recognizer.read, as_column)

    assert rotation == 90
