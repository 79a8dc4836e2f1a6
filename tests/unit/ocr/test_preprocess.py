"""Preprocessing: deskewing, background, contrast, binarization."""

import dataclasses

import cv2
import numpy as np
import pytest

from daemon.core.options import Preprocessing
from daemon.core.records import Page
from daemon.ocr import preprocess

PLAIN = Preprocessing(deskew=False, flatten_background=False)


def page_of(image):
    height, width = image.shape[:2]
    return Page(number=1, width=width, height=height, image=image)


def drawing():
    """A page of rows of rectangles as words, with one corner mark to find again."""
    image = np.full((900, 700, 3), 255, np.uint8)
    for top in range(150, 760, 40):
        for left in range(100, 600, 90):
            image[top : top + 16, left : left + 70] = 20
    return image


def turned(image, degrees):
    """Turn clockwise about the middle, on white."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderValue=(255, 255, 255))


@pytest.mark.parametrize("degrees", [-8.0, -3.3, -1.0, -0.4, 0.4, 1.0, 2.7, 5.0, 9.0])
def test_the_skew_of_a_drawing_is_measured_to_a_tenth_of_a_degree(degrees):
    clean = preprocess.clean(page_of(turned(drawing(), degrees)), Preprocessing())

    assert clean.skew == pytest.approx(degrees, abs=0.1)


@pytest.mark.parametrize("degrees", [-5.0, 2.0])
def test_a_skewed_drawing_is_upright_after_deskewing(degrees):
    clean = preprocess.clean(page_of(turned(drawing(), degrees)), Preprocessing())

    dark_rows = (clean.gray < 128).mean(axis=1) > 0.3
    edges = np.count_nonzero(dark_rows[1:] != dark_rows[:-1])
    assert edges == 2 * len(range(150, 760, 40))


def test_an_upright_drawing_is_not_rotated():
    clean = preprocess.clean(page_of(drawing()), Preprocessing())

    assert clean.skew == 0.0
    assert clean.gray.shape == (900, 700)


def test_a_point_of_the_clean_page_is_mapped_back_to_where_it_was_drawn():
    image = turned(drawing(), 4.0)
    spot = (300, 90)
    image[spot[1] - 3 : spot[1] + 4, spot[0] - 3 : spot[0] + 4] = (0, 0, 0)
    lonely = np.full_like(image, 255)
    lonely[spot[1] - 3 : spot[1] + 4, spot[0] - 3 : spot[0] + 4] = (0, 0, 0)
    clean = preprocess.clean(page_of(image), Preprocessing())

    top = clean.gray[: int(150 * 0.9)]
    y, x = np.nonzero(top < 128)
    found = clean.to_page @ [x.mean() + 0.5, y.mean() + 0.5, 1.0]
    assert found == pytest.approx([spot[0] + 0.5, spot[1] + 0.5], abs=1.0)


def test_a_page_larger_than_the_limit_is_downscaled_and_its_transform_has_the_scale():
    image = np.full((3000, 1500, 3), 255, np.uint8)

    clean = preprocess.clean(page_of(image), dataclasses.replace(PLAIN, max_side=1500))

    assert clean.gray.shape == (1500, 750)
    assert clean.to_page @ [750, 1500, 1] == pytest.approx([1500, 3000])


def test_the_background_is_flattened_and_ink_stays_dark():
    image = drawing()
    shade = np.linspace(1.0, 0.55, image.shape[1])[None, :, None]
    shaded = (image * shade).astype(np.uint8)

    gray = preprocess.clean(
        page_of(shaded), Preprocessing(deskew=False, flatten_background=True)
    ).gray

    assert gray[100:140, 20:680].min() > 240
    assert gray[150:166, 100:170].max() < 60


def test_a_dark_page_is_not_flattened_to_white():
    image = np.full((600, 600, 3), 40, np.uint8)

    gray = preprocess.clean(
        page_of(image), Preprocessing(deskew=False, flatten_background=True)
    ).gray

    assert gray.max() < 60


def test_the_median_removes_single_specks_and_keeps_strokes():
    image = drawing()
    image[40, 40:600:7] = 0

    gray = preprocess.clean(page_of(image), dataclasses.replace(PLAIN, denoise="median")).gray

    assert gray[35:45].min() == 255
    assert gray[158, 130] < 30


def test_thresholding_leaves_black_and_white():
    gray = preprocess.clean(page_of(drawing()), dataclasses.replace(PLAIN, threshold=True)).gray

    assert set(np.unique(gray)) == {0, 255}


def test_closing_bridges_a_gap_of_one_pixel_in_a_stroke():
    image = np.full((100, 100, 3), 255, np.uint8)
    image[50:54, 20:80] = 0
    image[:, 50] = 255

    gray = preprocess.clean(page_of(image), dataclasses.replace(PLAIN, close_strokes=True)).gray

    assert gray[52, 20:80].max() == 0


def test_contrast_stretches_faint_text():
    image = np.full((400, 400, 3), 200, np.uint8)
    image[100:300:20, 50:350] = 185

    gray = preprocess.clean(page_of(image), dataclasses.replace(PLAIN, contrast=True)).gray

    assert int(gray[90, 200]) - int(gray[100, 200]) > 15


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2), (40, 40)])
@pytest.mark.parametrize("value", [0, 255])
def test_every_switch_works_on_the_smallest_pages(shape, value):
    image = np.full((*shape, 3), value, np.uint8)
    everything = Preprocessing(
        contrast=True, denoise="median", threshold=True, close_strokes=True, deskew=True
    )

    assert preprocess.clean(page_of(image), everything).gray.shape == shape


def test_the_decoded_page_is_not_modified():
    image = turned(drawing(), 2.0)
    before = image.copy()

    preprocess.clean(page_of(image), Preprocessing(contrast=True, denoise="gaussian"))

    assert np.array_equal(image, before)
