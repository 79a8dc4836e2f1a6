"""Downscaling of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels


def downscaled(image: Pixels, scale: float) -> Pixels:
    """Return H,W or H,W,3 `image` at `scale` of its size by area averaging; never enlarged."""
    if scale >= 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
