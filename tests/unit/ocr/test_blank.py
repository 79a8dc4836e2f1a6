"""Blank pages: backs with what scanning and the other side leave there, and the same written on."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench import drawn_backs
from daemon.core.records import Page
from daemon.ocr.blank import is_blank


def page_of(image: np.ndarray, dpi: float | None = 200.0) -> Page:
    return Page(1, image.shape[1], image.shape[0], image, dpi=dpi)


def paper(level: int = 245) -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, 2, (2339, 1654))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


# seeds with show-through, punch holes, dust and shadows at the edges among them
@pytest.mark.parametrize("seed", [1, 3, 9, 20])
def test_a_back_with_nothing_of_its_own_is_blank(seed: int) -> None:
    back = drawn_backs.blank(seed)

    assert back.defects
    assert is_blank(page_of(back.image))


@pytest.mark.parametrize("seed", range(len(drawn_backs.WRITTEN)), ids=drawn_backs.WRITTEN)
def test_a_back_with_anything_on_it_is_not_blank(seed: int) -> None:
    assert not is_blank(page_of(drawn_backs.written(seed).image))


def back(**marks: tuple[int, int, int, int, int]) -> np.ndarray:
    """Return paper with rectangles that are darker by so many levels; the other side is blurred."""
    image = paper().astype(np.float32)
    for name, (x, y, width, height, level) in marks.items():
        ink = np.zeros_like(image)
        ink[y : y + height, x : x + width] = level
        image -= cv2.GaussianBlur(ink, (0, 0), 2.4 if name.startswith("other_side") else 0.6)
    return np.clip(image, 0, 255).astype(np.uint8)


PICTURE = (300, 400, 500, 400, 48)  # that shines through


# a character on a picture, light strokes over strong text of the other side
@pytest.mark.parametrize("seed", [3002, 3089, 10427])
def test_what_is_written_over_what_shines_through_is_not_blank(seed: int) -> None:
    assert not is_blank(page_of(drawn_backs.written(seed).image))


def test_dust_on_what_shines_through_is_blank_and_a_stroke_is_not() -> None:
    assert is_blank(page_of(back(other_side=PICTURE, dust=(500, 500, 5, 5, 150))))
    assert not is_blank(page_of(back(other_side=PICTURE, stroke=(500, 500, 4, 30, 40))))
    assert not is_blank(page_of(back(other_side=PICTURE, dash=(500, 500, 26, 4, 120))))


def test_a_streak_down_the_page_is_blank_and_a_stroke_beside_it_is_not() -> None:
    streak = (700, 0, 2, 2339, 60)

    assert is_blank(page_of(back(streak=streak)))
    assert not is_blank(page_of(back(streak=streak, stroke=(900, 800, 120, 5, 60))))


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_two_shadows_that_meet_in_a_corner_are_blank(corner: tuple[int, int]) -> None:
    image = back()
    image[(slice(0, 50), slice(-50, None))[corner[0]]] = 60
    image[:, (slice(0, 40), slice(-40, None))[corner[1]]] = 100

    assert is_blank(page_of(cv2.GaussianBlur(image, (0, 0), 3)))


@pytest.mark.parametrize("dpi", [150, 300])
def test_other_resolutions_are_told_alike(dpi: int) -> None:
    def scaled(image: np.ndarray) -> Page:
        how = cv2.INTER_AREA if dpi < 200 else cv2.INTER_CUBIC
        scale = dpi / 200
        return page_of(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), dpi)

    for seed in (1, 4, 6):
        assert not is_blank(scaled(drawn_backs.written(seed).image))


def test_paper_of_any_even_colour_is_blank() -> None:
    white = np.full((300, 200, 3), 255, np.uint8)
    pink = np.full((300, 200, 3), (200, 190, 240), np.uint8)

    assert is_blank(page_of(white, None))
    assert is_blank(page_of(pink, None))
    assert is_blank(page_of(paper(180)))


def test_a_dark_page_is_not_blank() -> None:
    assert not is_blank(page_of(np.zeros((300, 200), np.uint8)))


@pytest.mark.parametrize("at", [(60, 90), (1150, 800), (2220, 1500)])
def test_a_faint_word_anywhere_is_not_blank(at: tuple[int, int]) -> None:
    image = paper()
    word = np.zeros_like(image)
    cv2.putText(word, "ok 7", (at[1], at[0]), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 3, cv2.LINE_AA)

    assert not is_blank(page_of(cv2.subtract(image, word)))


def test_a_large_picture_is_not_blank() -> None:
    image = paper()
    image[600:1700, 300:1400] = 120

    assert not is_blank(page_of(image))


def test_a_page_in_pixels_that_are_not_square_is_told_alike() -> None:
    written = drawn_backs.written(4).image
    flat = cv2.resize(written, None, fx=1, fy=0.5, interpolation=cv2.INTER_AREA)
    plain = cv2.resize(paper(), None, fx=1, fy=0.5, interpolation=cv2.INTER_AREA)

    assert not is_blank(replace(page_of(flat), pixel_height=2.0))
    assert is_blank(replace(page_of(plain), pixel_height=2.0))
