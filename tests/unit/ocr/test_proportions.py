"""Pages of any proportion: banners, strips, and large characters alone, in one row of text."""

import io
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from daemon.core.records import Page
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.segment import TextDetector
from tests.support.running_daemon import DETECTOR, SHIPPED_ONNX
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
