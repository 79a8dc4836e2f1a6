"""Line crops, cut out of a clean page, dark on light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.records import LineCrop
from daemon.ocr.segment.ink import DARK

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import Corners

_MAX_SLANT = 0.15  # of the height: a line that rises or falls by less is cropped upright


def crop_upright(gray: Pixels, left: float, top: float, right: float, bottom: float) -> LineCrop:
    """Return the line within the given edges, clipped to the page."""
    box = _clip(gray, round(left), round(top), round(right), round(bottom))
    return LineCrop(box, dark_on_light(gray[box.top : box.bottom, box.left : box.right]))


def _clip(gray: Pixels, left: int, top: int, right: int, bottom: int) -> Box:
    """Return the box clipped to the page, at least one pixel large."""
    height, width = gray.shape
    left, top = min(max(0, left), width - 1), min(max(0, top), height - 1)
    return Box(left, top, max(left + 1, min(width, right)), max(top + 1, min(height, bottom)))


def crop_quad(gray: Pixels, corners: Corners) -> LineCrop:
    """Return the line within four corners (from the upper left one, clockwise), rectified."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    length, height = float(np.hypot(*across)), float(np.hypot(*down))
    if abs(across[1]) <= _MAX_SLANT * height:
        middle = (corners[0, 1] + corners[2, 1]) / 2
        return crop_upright(gray, low[0], middle - height / 2, high[0], middle + height / 2)
    size = (max(1, round(length)), max(1, round(height)))
    edges = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    half = np.float32(0.5)  # edges are between pixels, warpPerspective counts from centres
    transform = cv2.getPerspectiveTransform(
        np.asarray(corners - half, np.float32), np.asarray(edges - half, np.float32)
    )
    image = cv2.warpPerspective(
        gray, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sides = (*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist())
    box = _clip(gray, *sides)
    return LineCrop(box, dark_on_light(np.asarray(image, np.uint8)), corners)


def dark_on_light(image: Pixels) -> Pixels:
    """Return the crop, inverted where it is light text on a dark background, not in shadow."""
    background = np.median(image)
    if background >= DARK:
        return image
    darkest, lightest = np.percentile(image, (2, 98))
    return 255 - image if 2 * background < darkest + lightest else image
