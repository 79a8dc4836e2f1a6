"""Network inputs and batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ocr.batches import MAX_COLUMNS, make_batches, network_input
from daemon.ocr.model.card import Framing

FRAMING = Framing()


def crop(height: int, width: int, gray: int = 200) -> np.ndarray:
    return np.full((height, width), gray, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "scaled", "padded"),
    [
        (32, 100, 112, 128),  # 112 + 8 = 120
        (32, 107, 120, 128),  # 120 + 8 is a multiple already
        (32, 108, 121, 160),
        (64, 200, 112, 128),
        (16, 50, 112, 128),
        (32, 2, 2, 64),
        (2000, 2, 1, 64),
    ],
)
def test_a_crop_keeps_its_shape_but_for_the_stretch_and_is_padded(height, width, scaled, padded):
    framed = network_input(crop(height, width), FRAMING)

    assert (framed.width, framed.pixels.shape) == (scaled, (32, padded))


@pytest.mark.parametrize(
    ("width", "padded"),
    [
        (100, 128),  # a fifth of 120 is less than a multiple
        (278, 320),  # 319: multiples
        (285, 384),  # 327, a fifth of it 65: twice a multiple
        (600, 768),  # 680, a fifth 136: four times
        (1200, 1536),  # 1352, a fifth 270: eight times
    ],
)
def test_a_grain_gives_long_lines_few_different_widths(width, padded):
    framing = replace(FRAMING, grain=0.2)

    assert network_input(crop(32, width), framing).pixels.shape == (32, padded)


def test_pixels_run_from_minus_one_to_one_and_the_padding_is_mid_gray():
    dark, light = network_input(crop(32, 50, 0), FRAMING), network_input(crop(32, 50, 255), FRAMING)

    assert set(dark.pixels[:, : dark.width].flat) == {-1.0}
    assert set(light.pixels[:, : light.width].flat) == {1.0}
    assert set(light.pixels[:, light.width :].flat) == {0.0}


def test_an_absurdly_long_line_is_squeezed():
    assert network_input(crop(4, 40_000), FRAMING).width == FRAMING.max_width


sizes = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 1500)), max_size=30)


@given(sizes, st.integers(1, 20))
def test_every_legible_crop_is_in_exactly_one_batch(shapes, size):
    crops = [crop(*shape) for shape in shapes]

    places = [place for batch in make_batches(crops, FRAMING, size) for place in batch.indexes]

    assert sorted(places) == [place for place, shape in enumerate(shapes) if min(shape) > 1]


@given(sizes, st.integers(1, 20))
def test_a_batch_is_bounded_in_lines_and_columns(shapes, size):
    for batch in make_batches([crop(*shape) for shape in shapes], FRAMING, size):
        count, _, _, width = batch.pixels.shape

        assert count <= size
        assert count == 1 or count * width <= MAX_COLUMNS


@given(sizes)
def test_an_input_in_a_batch_equals_the_input_alone(shapes):
    crops = [crop(*shape, gray=place) for place, shape in enumerate(shapes)]

    for batch in make_batches(crops, FRAMING, 16):
        for row, place in enumerate(batch.indexes):
            np.testing.assert_array_equal(
                batch.pixels[row, 0], network_input(crops[place], FRAMING).pixels
            )


def test_lines_of_one_width_share_a_batch():
    (batch,) = make_batches([crop(32, 200), crop(32, 201), crop(32, 202)], FRAMING, 16)

    assert batch.pixels.shape == (3, 1, 32, 256)
