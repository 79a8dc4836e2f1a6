"""Long lines: they are read in windows, and the joined reading is that of the whole line."""

import io
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from daemon.core.records import Box, Page
from daemon.ocr import windows
from daemon.ocr.model.card import Framing
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop
from daemon.ocr.segment import TextDetector
from tests.support.running_daemon import DETECTOR, SHIPPED_ONNX
from tests.unit.ocr.assembling import reading
from tests.unit.ocr.test_pipeline import RECIPE

ENGLISH = (
    "Invoice 20417 of 12 May 2024: the goods were checked on arrival and found to be complete, "
    "and further copies may be ordered from the address below at no cost. "
)
CHINESE = "以上货物已经验收完毕，数量与质量均符合合同要求。如需更多资料，请与下列地址的负责人联系。"


@pytest.fixture(scope="module")
def reader():
    return Pipeline(
        RECIPE, Recognizer.load(SHIPPED_ONNX), TextDetector.load(Path(DETECTOR["file"]))
    )


def banner(text, size, font="helv", width=20_000, height=200):
    """An image of `text`, repeated with numbers and cut at the width, and the text on it."""
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font(font).buffer), size)
    whole = "".join(f"{text}{k} " for k in range(1, 61))  # no two parts are equal
    while face.getlength(whole) > width - 120:
        whole = whole[: int(len(whole) * (width - 120) / face.getlength(whole))]
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).text((60, (height - size) // 2), whole, 0, face)
    return np.asarray(image), whole.rstrip()


def page_of(image):
    return Page(number=1, width=image.shape[1], height=image.shape[0], image=image)


def compact(text):
    return "".join(text.split())


@pytest.mark.slow
@pytest.mark.parametrize("size", [14, 20, 30, 60, 120])
@pytest.mark.parametrize(("text", "font"), [(ENGLISH, "helv"), (CHINESE, "cjk")])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_banner_is_read_whatever_the_size_of_its_letters(reader, size, text, font, is_inverted):
    image, expected = banner(text, size, font)

    found = reader.read_page(page_of(255 - image if is_inverted else image))

    read = SequenceMatcher(None, compact(found.text), compact(expected), autojunk=False)
    assert read.ratio() >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("width", [1000, 3000, 6000])
@pytest.mark.parametrize("size", [20, 40, 60, 90, 120])
@pytest.mark.parametrize(("text", "font"), [(ENGLISH, "tiro"), (CHINESE, "cjk")])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_strip_is_read_whatever_the_size_of_its_letters(
    reader, width, size, text, font, is_inverted
):
    image, expected = banner(text, size, font, width)

    found = reader.read_page(page_of(255 - image if is_inverted else image))

    read = SequenceMatcher(None, compact(found.text), compact(expected), autojunk=False)
    assert sum(block.size for block in read.get_matching_blocks()) >= 0.9 * len(compact(expected))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["人", "责", "合计", "GO"])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_large_characters_alone_on_a_page_are_read(reader, text, is_inverted):
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font("cjk").buffer), 200)
    image = Image.new("L", (600, 823), 255)
    ImageDraw.Draw(image).text((90, 280), text, 0, face)
    pixels = np.asarray(image)

    found = reader.read_page(page_of(255 - pixels if is_inverted else pixels))

    assert (found.status, compact(found.text)) == ("done", text)


@pytest.mark.slow
@pytest.mark.parametrize("quarters", [1, 3])
def test_a_banner_on_its_side_is_read(reader, quarters):
    image, expected = banner(ENGLISH, 40, width=12_000)

    found = reader.read_page(page_of(np.rot90(image, quarters)))

    assert compact(found.text) == compact(expected)


def test_characters_of_all_windows_lie_in_order_where_they_are_printed(reader):
    image, _ = banner("word " * 20, 60)
    crop = image[60:140]

    (found,) = reader.recognizer.read([LineCrop(Box(0, 0, 20_000, 80), crop)])

    assert len(windows.split(crop, reader.recognizer.artifact.card.framing)) > 1
    assert all(a.left <= b.left for a, b in pairwise(found.characters))
    for character in found.characters:
        middle = round((character.left + character.right) / 2 * crop.shape[1])
        assert character.text.isspace() or crop[:, middle - 25 : middle + 25].min() < 128


@pytest.mark.parametrize("width", [1, 100, 2_742, 2_743, 5_000, 8_000, 20_000, 100_000])
def test_windows_cover_the_line_overlap_and_are_equal(width):
    found = windows.split(np.zeros((32, width), np.uint8), Framing())

    assert (found[0][0], found[-1][1]) == (0, width)
    assert max(b - a for a, b in found) <= 3072 / 1.12 + 1
    assert max(b - a for a, b in found) - min(b - a for a, b in found) <= 2
    assert all(b[0] < a[1] for a, b in pairwise(found))
    assert (len(found) == 1) == (width <= 2_742)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the quick brown fox", "brown fox jumps over it"),
        ("the quick brown fo", "rown fox jumps over it"),  # cut letters are not read
        ("the quick brown fc", "]rown fox jumps over it"),  # or misread
    ],
)
def test_the_characters_that_two_windows_share_are_joined_once(first, second):
    of_windows = [(0, 190), (100, 330)]

    joined = windows.join([reading(first, 0.9), reading(second, 0.8)], of_windows)

    assert joined.text == "the quick brown fox jumps over it"
    assert 0.8 < joined.confidence < 0.9


def test_windows_that_share_no_text_are_joined_in_the_middle():
    joined = windows.join(
        [reading("abcdefghij", 0.9), reading("ABCDEFGHIJ", 0.9)], [(0, 100), (60, 160)]
    )

    assert joined.text == "abcdefghCDEFGHIJ"


def test_an_empty_window_adds_nothing():
    joined = windows.join([reading("abc", 0.9), reading("", 0.0)], [(0, 100), (60, 160)])

    assert joined.text == "abc"
