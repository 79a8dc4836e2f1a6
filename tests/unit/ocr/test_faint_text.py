"""Faint text is read or told, and neither clean pages nor pictures have any."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rapidfuzz import fuzz

from daemon.core.options import Preprocessing, Recipe
from daemon.core.records import Box, Page
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.segment import TextDetector, faint_text
from tests.support.running_daemon import DETECTOR, SHIPPED

PLAIN = "The goods were checked on arrival."
FAINT = "Received with thanks on 12 May"
AT = Box(150, 560, 1250, 640)


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    return TextDetector.load(Path(DETECTOR["file"]))


@pytest.fixture(scope="module")
def reader(detector) -> Pipeline:
    recognizer = Recognizer.load(SHIPPED)
    recipe = Recipe(weights=recognizer.weights, preprocessing=Preprocessing(auto_rotate=False))
    return Pipeline(recipe, recognizer, detector)


def sheet(ground=255, noise=0.0):
    """A page with a line that reads well, and the level of its paper."""
    gray = np.full((1750, 1400), ground, np.float32)
    write(gray, PLAIN, 200, -200)
    return gray + noise * np.random.default_rng(0).normal(0, 1, gray.shape)


def write(gray, text, base, levels):
    """Write `text` at `base`, darker than the paper by -`levels` or lighter."""
    coverage = np.zeros(gray.shape, np.uint8)
    cv2.putText(coverage, text, (150, base), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 255, 3, cv2.LINE_AA)
    gray += levels * (coverage / np.float32(255))


def as_page(gray):
    image = np.clip(gray, 0, 255).round().astype(np.uint8)
    return Page(
        number=1,
        width=image.shape[1],
        height=image.shape[0],
        image=cv2.cvtColor(image, cv2.COLOR_GRAY2BGR),
    )


@pytest.mark.slow
@pytest.mark.parametrize("ground", [252, 215])
@pytest.mark.parametrize(("levels", "noise"), [(-3, 0), (-5, 0), (-8, 1.0), (-20, 3.0)])
def test_text_of_few_gray_levels_is_read(reader, levels, noise, ground):
    gray = sheet(ground, noise)
    write(gray, FAINT, 620, levels)

    page = reader.read_page(as_page(gray))

    lines = [line.text for block in page.blocks for line in block.lines]
    assert fuzz.ratio(lines[0], PLAIN) > 90
    assert max(fuzz.ratio(line, FAINT) for line in lines) > 80


@pytest.mark.slow
@pytest.mark.parametrize("length", [41, 61])
def test_smeared_text_is_told(reader, length):
    gray = sheet()
    write(gray, FAINT, 620, -200)
    part = gray[AT.top : AT.bottom + 40]
    part[:] = cv2.blur(part, (length, 9))

    page = reader.read_page(as_page(gray))

    assert any(
        min(each.box.bottom, AT.bottom + 40) > max(each.box.top, AT.top) for each in page.unread
    )


@pytest.mark.parametrize("noise", [0.0, 2.0, 6.0])
@pytest.mark.parametrize("ground", [255, 200, 40])
def test_paper_alone_has_no_text(detector, ground, noise):
    gray = np.full((1750, 1400), ground, np.float32)
    gray += noise * np.random.default_rng(0).normal(0, 1, gray.shape).astype(np.float32)

    assert faint_text.find(np.clip(gray, 0, 255).astype(np.uint8), [], detector) == []


def test_what_is_known_is_not_found_again(detector):
    gray = sheet().astype(np.uint8)

    assert faint_text.find(gray, [Box(140, 150, 1300, 220)], detector) == []


def test_a_picture_is_no_faint_text(detector):
    rng = np.random.default_rng(1)
    gray = sheet()
    gray[700:1300, 200:1200] = cv2.resize(
        rng.uniform(0, 255, (6, 10)).astype(np.float32), (1000, 600), interpolation=cv2.INTER_CUBIC
    )

    found = faint_text.find(
        np.clip(gray, 0, 255).astype(np.uint8), [Box(140, 150, 1300, 220)], detector
    )

    assert found == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (40, 40)])
def test_pages_of_any_shape_end(detector, shape):
    assert faint_text.find(np.full(shape, 255, np.uint8), [], detector) == []


def test_a_page_that_is_known_everywhere_has_nothing_else(detector):
    assert faint_text.find(sheet().astype(np.uint8), [Box(0, 0, 1400, 1750)], detector) == []
