"""Dewarping: rows curved by perspective or a curled page become straight, and boxes map back."""

import cv2
import numpy as np
import pytest

from daemon.core.options import Preprocessing
from daemon.core.records import Page
from daemon.ocr import preprocess
from daemon.ocr.records import CURVATURE_GRID

ROWS = range(150, 1260, 40)


def page_of(image):
    height, width = image.shape[:2]
    return Page(number=1, width=width, height=height, image=image)


def drawing():
    """A page of rows of rectangles as words."""
    image = np.full((1400, 1000, 3), 255, np.uint8)
    for top in ROWS:
        for left in range(100, 880, 90):
            image[top : top + 16, left : left + 70] = 20
    return image


def bent(image, shift):
    """Move each pixel down by `shift` of its x and y, both -1..1."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    move = shift(2 * x / width - 1, 2 * y / height - 1).astype(np.float32)
    return cv2.remap(image, x, y - move, cv2.INTER_LINEAR, borderValue=(255, 255, 255))


def curled(x, y):
    return 40 * x**2 * (1 + 0.3 * y)


def leaning(x, y):
    return 35 * x * y


def waved(x, y):
    return 25 * x**3 + 20 * x**2 + 0 * y


def level(gray):
    """Return the share of the drawn rows of pixels that are level: ink along their full length."""
    inked = (gray < 128).sum(axis=1) > 0.95 * 9 * 70
    return np.count_nonzero(inked) / (16 * len(ROWS))


@pytest.mark.parametrize("shift", [curled, leaning, waved])
def test_warped_rows_are_level_after_dewarping(shift):
    image = bent(drawing(), shift)

    clean = preprocess.clean(page_of(image), Preprocessing())

    assert level(image[..., 0]) < 0.3
    assert level(clean.gray) > 0.8


def test_straight_rows_are_left_alone():
    clean = preprocess.clean(page_of(drawing()), Preprocessing())

    assert clean.curvature is None
    assert clean.gray.shape == (1400, 1000)


def test_dewarping_can_be_switched_off():
    clean = preprocess.clean(page_of(bent(drawing(), curled)), Preprocessing(dewarp=False))

    assert clean.curvature is None


@pytest.mark.parametrize("shift", [curled, leaning])
def test_the_curvature_maps_a_point_back_to_where_it_was_seen(shift):
    image = bent(drawing(), shift)
    image[948:956, 936:944] = (0, 0, 0)  # right of the rows, where they are curved most

    clean = preprocess.clean(page_of(image), Preprocessing())

    y, x = (where.mean() + 0.5 for where in np.nonzero(clean.gray[:, 910:980] < 100))
    curvature = clean.curvature[round(y / CURVATURE_GRID), round((x + 910) / CURVATURE_GRID)]
    seen = clean.to_page @ [x + 910, y + curvature, 1.0]
    assert seen == pytest.approx([940.0, 952.0], abs=3.0)


@pytest.mark.parametrize("shape", [(1, 1), (40, 3000), (3000, 40), (300, 300)])
def test_noise_of_any_shape_is_no_error(shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)

    clean = preprocess.clean(page_of(noise), Preprocessing())

    assert clean.gray.dtype == np.uint8


def written(image, rows):
    for k, top in enumerate(rows):
        text = f"Row {k} of words that lie as level as can be"
        cv2.putText(image, text, (100, top), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    return image


def rising(image):
    x = np.arange(100, 900)
    for base in range(1300, 900, -20):
        y = base - (x - 100) ** 2 // 5000
        cv2.polylines(image, [np.stack([x, y], 1).astype(np.int32)], False, (0, 0, 0), 2)


def hatched(image):
    for base in range(900, 1400, 24):
        cv2.line(image, (100, base), (900, base - 160), (0, 0, 0), 2)


@pytest.mark.parametrize("draw", [rising, hatched])
def test_text_above_a_drawing_of_slanted_lines_is_left_alone(draw):
    image = np.full((1400, 1000, 3), 255, np.uint8)
    draw(image)
    image[:720] = 255
    written(image, range(100, 700, 40))

    clean = preprocess.clean(page_of(image), Preprocessing())

    assert clean.skew == 0.0
    assert clean.curvature is None


@pytest.mark.parametrize("shift", [curled, leaning, waved])
def test_the_canvas_holds_all_of_a_warped_page(shift):
    image = bent(drawing(), shift)
    image[:2], image[-2:] = 0, 0

    gray = preprocess.clean(page_of(image), Preprocessing(deskew=False)).gray

    dark = gray < 128
    assert (dark[: len(dark) // 4].any(axis=0) & dark[-len(dark) // 4 :].any(axis=0)).mean() > 0.99


@pytest.mark.timeout(20)
def test_a_low_wide_strip_of_slanted_strokes_is_measured_in_bounded_memory():
    image = np.full((60, 1200, 3), 255, np.uint8)
    for k, left in enumerate(range(10, 1180, 9)):
        top = (k * 37) % 50
        cv2.line(image, (left, top), (left + 8, top + (left - 600) // 150), (0, 0, 0), 1)

    clean = preprocess.clean(page_of(image), Preprocessing(deskew=False))

    assert clean.gray.shape[0] < 4 * 60
