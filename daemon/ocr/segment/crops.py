"""Crops: what is cut out of a clean page to be read as a line, dark on light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.records import Line
from daemon.ocr.segment.ink import DARK

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import Corners

_SLANTED = 0.15  # of its height: a line that falls or rises by less is cut upright


def upright(gray: Pixels, left: float, top: float, right: float, bottom: float) -> Line:
    """Return the line between the edges, as far as they lie on the page."""
    box = _on_page(gray, round(left), round(top), round(right), round(bottom))
    return Line(box, _dark_on_light(gray[box.top : box.bottom, box.left : box.right]))


def _on_page(gray: Pixels, left: int, top: int, right: int, bottom: int) -> Box:
    """Return what of a box is on the page: a pixel at least."""
    height, width = gray.shape
    left, top = min(max(0, left), width - 1), min(max(0, top), height - 1)
    return Box(left, top, max(left + 1, min(width, right)), max(top + 1, min(height, bottom)))


def slanted(gray: Pixels, corners: Corners) -> Line:
    """Return the line within the four corners (from the upper left one, clockwise), laid level."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    length, height = float(np.hypot(*across)), float(np.hypot(*down))
    if abs(across[1]) <= _SLANTED * height:
        middle = (corners[0, 1] + corners[2, 1]) / 2
        return upright(gray, low[0], middle - height / 2, high[0], middle + height / 2)
    size = (max(1, round(length)), max(1, round(height)))
    edges = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    halves = np.float32(0.5)  # edges lie between pixels, warpPerspective counts from their centres
    way = cv2.getPerspectiveTransform(
        np.asarray(corners - halves, np.float32), np.asarray(edges - halves, np.float32)
    )
    image = cv2.warpPerspective(
        gray, way, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sides = (*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist())
    box = _on_page(gray, *sides)
    return Line(box, _dark_on_light(np.asarray(image, np.uint8)), corners)


def _dark_on_light(image: Pixels) -> Pixels:
    """Return the crop, turned over where it is light text on a dark ground and not in shadow."""
    ground = np.median(image)
    if ground >= DARK:
        return image
    darkest, lightest = np.percentile(image, (2, 98))
    return 255 - image if 2 * ground < darkest + lightest else image
