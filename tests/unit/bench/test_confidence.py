"""The benchmark of confidence: pages as sources, and what is counted at a threshold."""

import numpy as np
import pytest
from PIL import ImageFont

from bench import confidence, script_lines
from bench.script_lines import LANGUAGES, SIZE, SOURCES, as_source, drawn_page, with_picture
from tests.unit.ocr.assembling import reading

ENGLISH = LANGUAGES[0]


@pytest.fixture(autouse=True)
def _font(monkeypatch):
    monkeypatch.setattr(script_lines, "font_face", lambda _, size: ImageFont.load_default(size))


def test_equal_seeds_draw_equal_pages_and_others_do_not():
    first, again, other = (drawn_page(ENGLISH, seed) for seed in (1, 1, 2))

    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1] != other[1]
    assert len(first[1]) >= 10


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_changes_the_page_and_keeps_its_ink(source):
    page, _ = drawn_page(ENGLISH, 1)

    image = as_source(page, source, 1)

    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert (image < 128).mean() > 0.005
    assert (image.shape[0] < SIZE[1]) == (source == "fax")


def test_a_picture_is_drawn_below_the_page():
    page, _ = drawn_page(ENGLISH, 1)

    image = with_picture(page, 1)

    assert np.array_equal(image[: SIZE[1]], page)
    assert image[SIZE[1] :].std() > 20


@pytest.mark.parametrize(
    ("least", "right", "read"),
    [(0.5, 2, 3), (0.8, 2, 2), (0.95, 1, 1)],
)
def test_a_threshold_decides_which_readings_are_counted(least, right, read):
    readings = [reading("alpha", 0.96), reading("beta", 0.85), reading("xqz", 0.6)]

    totals = confidence._scored(readings, "alpha beta gamma", least)

    assert (totals.tokens_right, totals.tokens_true, totals.tokens_read) == (right, 3, read)
