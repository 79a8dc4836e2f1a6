"""Regions that were not legible are looked at again, enlarged: there may be several rows in one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rapidfuzz import fuzz

from daemon.core.options import Preprocessing, Recipe
from daemon.core.records import Page
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.segment import TextDetector
from tests.support.running_daemon import DETECTOR, SHIPPED

SIMILAR = 50  # percent: a letter or two of thin print this small may be misread
CHOICES = [("Letter", "Mail"), ("Telex", "Wire"), ("Others", "None")]


@pytest.fixture(scope="module")
def reader() -> Pipeline:
    recognizer = Recognizer.load(SHIPPED)
    recipe = Recipe(weights=recognizer.weights, preprocessing=Preprocessing(auto_rotate=False))
    return Pipeline(recipe, recognizer, TextDetector.load(Path(DETECTOR["file"])))


def form(row: int, ground: int, ink: int) -> Page:
    """Tick boxes, each with two tight rows of letters `row` pixels apart, between two rules."""
    gray = np.full((3500, 2480), ground, np.uint8)
    size = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, round(0.55 * row), 2)
    for number, rows in enumerate(CHOICES):
        left, top = 200 + 18 * row * number, 600
        box = (left, top + row // 2), (left + row, top + row // 2 + row)
        cv2.rectangle(gray, *box, (ink,), 2)
        for k, text in enumerate(rows):
            at = (left + row + row // 3, top + row - 6 + row * k)
            cv2.putText(gray, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (ink,), 2, cv2.LINE_AA)
    for y in (600 - row // 2, 600 + 2 * row + row // 2):
        cv2.line(gray, (100, y), (2380, y), (ink,), 3)
    image = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    return Page(number=1, width=2480, height=3500, image=image)


@pytest.mark.slow
@pytest.mark.parametrize(("ground", "ink"), [(255, 0), (225, 60), (30, 250)])
@pytest.mark.parametrize("row", [30, 36, 44, 56])
def test_two_tight_rows_beside_a_tick_box_are_both_read(reader, row, ground, ink):
    page = reader.read_page(form(row, ground, ink))

    words = page.text.split()
    for text in (text for rows in CHOICES for text in rows):
        assert any(fuzz.ratio(text, word) >= SIMILAR for word in words), page.text
    assert page.status == "done"
