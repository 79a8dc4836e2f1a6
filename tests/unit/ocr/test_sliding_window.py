"""The sliding window over long lines: the joined reading is that of the whole line."""

import io
from itertools import pairwise

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from daemon.core.records import Box
from daemon.ocr import sliding_window
from daemon.ocr.model.card import Framing
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop
from tests.support.running_daemon import SHIPPED_ONNX
from tests.unit.ocr.assembling import reading


def test_characters_of_all_windows_lie_in_order_where_they_are_printed():
    recognizer = Recognizer.load(SHIPPED_ONNX)
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font("helv").buffer), 60)
    image = Image.new("L", (20_000, 80), 255)
    ImageDraw.Draw(image).text((60, 6), "word " * 120, 0, face)
    crop = np.asarray(image)

    (found,) = recognizer.read([LineCrop(Box(0, 0, 20_000, 80), crop)])

    assert len(sliding_window.split(crop, recognizer.artifact.card.framing)) > 1
    assert all(a.left <= b.left for a, b in pairwise(found.characters))
    for character in found.characters:
        middle = round((character.left + character.right) / 2 * crop.shape[1])
        assert character.text.isspace() or crop[:, middle - 25 : middle + 25].min() < 128


@pytest.mark.parametrize("width", [1, 100, 2_742, 2_743, 5_000, 8_000, 20_000, 100_000])
def test_windows_cover_the_line_overlap_and_are_equal(width):
    found = sliding_window.split(np.zeros((32, width), np.uint8), Framing())

    assert (found[0][0], found[-1][1]) == (0, width)
    assert max(b - a for a, b in found) <= 3072 / 1.12 + 1
    assert max(b - a for a, b in found) - min(b - a for a, b in found) <= 2
    assert all(a[1] - b[0] >= 384 / 1.12 - 1 for a, b in pairwise(found))  # about 20 letters
    assert (len(found) == 1) == (width <= 2_742)


@pytest.mark.parametrize(("height", "is_one"), [(7, True), (8, False)])
def test_a_rule_is_not_cut(height, is_one):
    found = sliding_window.split(np.zeros((height, 20_000), np.uint8), Framing())

    assert (len(found) == 1) is is_one


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

    joined = sliding_window.join([reading(first, 0.9), reading(second, 0.8)], of_windows)

    assert joined.text == "the quick brown fox jumps over it"
    assert 0.8 < joined.confidence < 0.9


def test_windows_that_share_no_text_are_joined_in_the_middle():
    joined = sliding_window.join(
        [reading("abcdefghij", 0.9), reading("ABCDEFGHIJ", 0.9)], [(0, 100), (60, 160)]
    )

    assert joined.text == "abcdefghCDEFGHIJ"


def test_an_empty_window_adds_nothing():
    joined = sliding_window.join([reading("abc", 0.9), reading("", 0.0)], [(0, 100), (60, 160)])

    assert joined.text == "abc"
