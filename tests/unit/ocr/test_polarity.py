"""Polarity: dark pages with light text are inverted, dark pictures are not."""

import numpy as np
import pytest

from daemon.ocr.polarity import page_dark_on_light


def page(background, text, share):
    gray = np.full((200, 300), background, np.uint8)
    gray[: round(200 * share)] = text
    return gray


@pytest.mark.parametrize("background", [0, 40, 100])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.19])
def test_a_dark_even_page_is_inverted(background, share):
    gray = page(background, 255, share)

    assert (page_dark_on_light(gray) == 255 - gray).all()


@pytest.mark.parametrize("background", [110, 180, 255])
def test_a_light_page_stays(background):
    gray = page(background, 0, 0.1)

    assert page_dark_on_light(gray) is gray


@pytest.mark.parametrize(
    "gray",
    [
        np.tile(np.linspace(0, 200, 300).astype(np.uint8), (200, 1)),  # a shaded picture
        page(0, 255, 0.4),  # one in black and white
        np.random.default_rng(1).normal(60, 25, (200, 300)).clip(0, 255).astype(np.uint8),
    ],
)
def test_a_dark_picture_stays(gray):
    assert page_dark_on_light(gray) is gray
