"""Downscaling of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels

# A page is at most twice as long as wide; what is longer (a receipt, a screenshot, a banner) is
# several pages in a row, whose letters must not shrink with its length.
_MAX_ASPECT = 2.0


def page_side(shape: tuple[int, ...]) -> float:
    """Return the side by which a page of H,W is scaled: the longer one, at most twice the other."""
    return min(max(shape[:2]), _MAX_ASPECT * min(shape[:2]))


def downscaled(image: Pixels, scale: float) -> Pixels:
    """Return H,W or H,W,3 `image` at `scale` of its size by area averaging; never enlarged."""
    if scale >= 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
