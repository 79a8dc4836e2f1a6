"""The side by which a page is scaled: that of a long page does not grow with its length."""

import numpy as np
import pytest

from daemon.core.options import Preprocessing
from daemon.core.records import Page
from daemon.ocr import preprocess
from daemon.ocr.page_scale import page_side


@pytest.mark.parametrize(
    ("shape", "side"),
    [
        ((3508, 2480), 3508),  # A4, upright and on its side
        ((2480, 3508), 3508),
        ((500, 500), 500),
        ((2000, 1000), 2000),
        ((20_000, 720), 1440),
        ((200, 20_000), 400),
        ((200, 20_000, 3), 400),
        ((1, 20_000), 2),
    ],
)
def test_a_page_is_scaled_by_its_longer_side_and_a_long_one_by_twice_the_shorter(shape, side):
    assert page_side(shape) == side


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3000, 2000), (1500, 1000)), ((6000, 1000), (4500, 750)), ((700, 9000), (700, 9000))],
)
def test_max_side_does_not_shrink_a_page_for_its_length(shape, expected):
    page = Page(
        number=1, width=shape[1], height=shape[0], image=np.full((*shape, 3), 255, np.uint8)
    )
    plain = Preprocessing(deskew=False, dewarp=False, max_side=1500)

    clean = preprocess.clean(page, plain)

    assert clean.gray.shape == expected
    assert clean.to_page @ [expected[1], expected[0], 1] == pytest.approx([shape[1], shape[0]])
