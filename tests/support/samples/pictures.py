"""Pages as pictures, H,W gray or H,W,n: what every good sample shows."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

LINES = ("Invoice 2041", "Date 23 November", "Total 17.50")


def text_page(
    lines: Sequence[str] = LINES, *, width: int = 1000, height: int = 400, size: float = 1.5
) -> Image:
    """Return H,W gray: black lines of ASCII text on white, 60 pixels apart from top left."""
    page = np.full((height, width), 255, np.uint8)
    for number, line in enumerate(lines):
        at = (40, 80 + 60 * number)
        cv2.putText(page, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, 0, 3, cv2.LINE_AA)
    return page


def in_colour(image: Image) -> Image:
    """Return H,W,3 BGR: the text in dark blue, a red block top right to tell the sides apart."""
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    colour[..., 0] = np.maximum(colour[..., 0], 96)
    colour[:20, -60:] = (0, 0, 255)
    return colour


def with_alpha(image: Image) -> Image:
    """Return H,W,4 BGRA: black everywhere, opaque where the gray image is dark."""
    layers = np.zeros((*image.shape, 4), np.uint8)
    layers[..., 3] = 255 - image
    return layers
