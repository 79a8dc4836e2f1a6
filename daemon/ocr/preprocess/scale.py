"""Scaling of images: downscaling, and stretching where pixels are not square."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.page_scale import page_side

if TYPE_CHECKING:
    from daemon.core.records import Pixels


def downscaled(image: Pixels, scale: float) -> Pixels:
    """Return H,W or H,W,3 `image` at `scale` of its size by area averaging; never enlarged."""
    return image if scale >= 1.0 else rescaled(image, scale, scale)


def square_scales(image: Pixels, pixel_height: float, max_side: int) -> tuple[float, float]:
    """Return the scales across and down that make pixels square.

    A page whose side (`page_side`) is longer than `max_side` is scaled down to it.

    The side on which there are fewer pixels per length is enlarged: nothing that was seen is lost.
    """
    height, width = image.shape[:2]
    across, down = max(1.0, 1 / pixel_height), max(1.0, pixel_height)
    scale = min(1.0, max_side / page_side((round(height * down), round(width * across))))
    return scale * across, scale * down


def rescaled(image: Pixels, across: float, down: float) -> Pixels:
    """Return H,W or H,W,3 `image` at its size times the two scales."""
    if across == down == 1.0:
        return image
    # averaging is right along a side that shrinks; along one that grows, it would repeat pixels
    height, width = image.shape[:2]
    size = (max(1, round(width * across)), max(1, round(height * down)))
    smaller = (min(width, size[0]), min(height, size[1]))
    shrunk = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, size, interpolation=cv2.INTER_CUBIC), np.uint8)
