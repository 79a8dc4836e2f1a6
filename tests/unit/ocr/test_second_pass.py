"""Rejected lines are detected again, enlarged: there may be several rows of text in one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rapidfuzz import fuzz

from daemon.core.options import Preprocessing, Recipe
from daemon.core.records import Box, Page
from daemon.ocr import assemble
from daemon.ocr.assemble import ReadLines
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.segment import TextDetector, crops
from tests.support.running_daemon import DETECTOR, SHIPPED
from tests.unit.ocr.assembling import line, reading

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


LEFT_OVER = [
    ([(30, 5, 190, 25), (30, 35, 190, 55)], True),
    ([(30, 5, 190, 25)], False),  # the second row is told as before
    ([], False),
]


@pytest.mark.parametrize("ground", [255, 30])
@pytest.mark.parametrize(("found", "is_explained"), LEFT_OVER)
def test_a_region_is_explained_when_most_of_its_ink_was_found(found, is_explained, ground):
    gray = np.full((60, 200), ground, np.uint8)
    for top in (5, 35):
        gray[top : top + 20, 40:180:4] = 255 - ground  # two rows of strokes
    gray[20:40, 8:28] = 255 - ground
    gray[22:38, 10:26] = ground  # a tick box
    gray[:, 198:] = 255 - ground  # a rule
    lines = [line(*box) for box in found]

    assert crops.is_explained(gray, Box(0, 0, 200, 60), lines) is is_explained


def test_a_row_that_a_second_pass_misses_stays_listed():
    region, row = line(0, 0, 200, 60), line(30, 5, 190, 25)
    read = ReadLines([], [], [(region, reading("Lotter Mail", 0.4))])
    found = {0: [(row, reading("Letter", 0.99))]}

    partly = assemble.with_second_pass(read, found, explained=set())
    wholly = assemble.with_second_pass(read, found, explained={0})

    assert [each.text for each in partly.readings] == ["Letter"]
    assert [each for each, _ in partly.rejected] == [region]
    assert [each.text for each in wholly.readings] == ["Letter"]
    assert wholly.rejected == []


@pytest.mark.parametrize(("text", "confidence"), [("Letter", 0.89), ("7", 0.99), ("-.-", 0.99)])
def test_what_is_not_surely_legible_is_not_published(text, confidence):
    region, row = line(0, 0, 200, 60), line(30, 5, 190, 25)
    read = ReadLines([], [], [(region, reading("Lotter", 0.4))])

    result = assemble.with_second_pass(read, {0: [(row, reading(text, confidence))]}, {0})

    assert (result.lines, [each for each, _ in result.rejected]) == ([], [region])


def test_what_is_published_already_is_not_published_twice():
    region, row = line(0, 0, 200, 60), line(30, 5, 190, 25)
    read = ReadLines([row], [reading("Letter")], [(region, reading("Lotter", 0.4))])

    result = assemble.with_second_pass(read, {0: [(row, reading("Letter", 0.99))]}, {0})

    assert [each.text for each in result.readings] == ["Letter"]
