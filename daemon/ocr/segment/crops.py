"""Line crops, cut out of a clean page, dark on light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.polarity import dark_on_light
from daemon.ocr.records import LineCrop
from daemon.ocr.segment.quads import is_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Pixels
    from daemon.ocr.records import Corners

_MIN_INNER = 0.4  # share of the ink of a quad within it: else its letters reach its edges
_MIN_INK = 0.01  # of a row or column of pixels that a line touches
_MIN_ROWS = 0.3  # of the height of a quad: dots and dashes are lower, and need what is above them
_MAX_UNEXPLAINED = 0.5  # share of the ink of a region that is no text: a tick box has up to 0.39
_MARGIN = 0.12  # of the height of a line, added around its ink


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
    if is_level(corners):
        middle = (corners[0, 1] + corners[2, 1]) / 2
        top, bottom = middle - height / 2, middle + height / 2
        if length >= height:
            return crop_upright(gray, *_tightened(gray, low[0], top, high[0], bottom))
        return crop_upright(gray, low[0], top, high[0], bottom)
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


def _tightened(
    gray: Pixels, left: float, top: float, right: float, bottom: float
) -> tuple[float, float, float, float]:
    """Return the sides of a line moved inwards to its ink, with a margin; its quad is too rough.

    What reaches the edge of the quad is no letter: a ruling line, or a neighbour.
    """
    box = _clip(gray, round(left), round(top), round(right), round(bottom))
    image = gray[box.top : box.bottom, box.left : box.right]
    level, dark = cv2.threshold(image, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    if level <= 0 or min(image.shape) < 3:
        return left, top, right, bottom
    mask = np.asarray(1 - dark if dark.mean() > 0.5 else dark, np.uint8)
    inner = _without_edges(mask)
    if inner.sum() < _MIN_INNER * mask.sum():
        inner = mask
    rows, columns = (np.flatnonzero(inner.mean(axis=axis) > _MIN_INK) for axis in (1, 0))
    if len(columns) < 2 or len(rows) < _MIN_ROWS * image.shape[0]:
        return left, top, right, bottom
    margin = _MARGIN * (rows[-1] - rows[0])
    return (
        max(left, box.left + columns[0] - margin),
        max(top, box.top + rows[0] - margin),
        min(right, box.left + columns[-1] + 1 + margin),
        min(bottom, box.top + rows[-1] + 1 + margin),
    )


def is_explained(gray: Pixels, region: Box, lines: Sequence[LineCrop]) -> bool:
    """Tell whether most of the ink of a region of H,W `gray` lies within lines found in it."""
    image = dark_on_light(gray[region.top : region.bottom, region.left : region.right])
    _, dark = cv2.threshold(image, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = _without_edges(np.asarray(dark, np.uint8))
    total = int(ink.sum())
    for line in lines:
        left, top = max(0, line.box.left - region.left), max(0, line.box.top - region.top)
        right, bottom = line.box.right - region.left, line.box.bottom - region.top
        ink[top : max(0, bottom), left : max(0, right)] = 0
    return bool(ink.sum() <= _MAX_UNEXPLAINED * total)


def _without_edges(mask: Pixels) -> Pixels:
    """Return the ink, 0 or 1, that does not reach an edge."""
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    inner = np.ones(count, np.uint8)
    inner[np.concatenate(edges)] = 0
    return np.asarray(inner[labels] * mask, np.uint8)
