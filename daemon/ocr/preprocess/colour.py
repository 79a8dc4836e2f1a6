"""From colour to gray, so that letters stay visible that differ from their ground in hue alone.

Red letters on green, or orange ones on blue, may have the luminance of their ground: in gray they
are gone. Where a colour channel has contrast that the luminance lacks, gray is that channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.page_scale import page_side
from daemon.ocr.preprocess.scale import downscaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_SIDE = 1200  # pixels: contrast is compared on a page downscaled to this
_WINDOW = (
    9  # pixels of it: the neighbourhood in which contrast is measured, a stroke and its ground
)
_MIN_SATURATION = 40  # difference of the channels of a pixel in colour
_MIN_COLOURED = 0.002  # share of such pixels below which a page is gray
_MIN_CONTRAST = 50  # gray levels by which a channel varies within the window where it shows letters
_MAX_LUMINANCE = 0.4  # of it: what the luminance varies by where it hides them
_GAP = 41  # pixels: letters as close as this are of one region
_MIN_AREA = 150  # pixels of hidden strokes; a smaller region is a fringe of colour at an edge
_MAX_SEEN = 0.1  # of the hidden strokes: with more that is seen, hidden ones are its fringes
_MIN_SHARE = 0.08  # of its box that hidden strokes fill; fringes at the edge of a picture fill less


def to_gray(image: Pixels) -> Pixels:
    """Return H,W,3 BGR or H,W `image` in gray: the luminance, or a channel where that shows more.

    Regions of another channel are shifted to the luminance of their ground.
    """
    if image.ndim == 2:
        return image
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    for (top, bottom, left, right), channel in _hidden_regions(image):
        part, plain = image[top:bottom, left:right, channel], gray[top:bottom, left:right]
        shift = float(np.median(plain)) - float(np.median(part))
        # where the shift would clip letters, they are kept and the ground differs from the page's
        low, high = np.percentile(part, (1, 99))
        shift = min(max(shift, -float(low)), 255.0 - float(high))
        gray[top:bottom, left:right] = np.clip(part + shift, 0, 255).astype(np.uint8)
    return gray


def _hidden_regions(image: Pixels) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    """Yield top, bottom, left and right of each region of hidden letters, and the channel."""
    small = downscaled(image, min(1.0, _SIDE / page_side(image.shape)))
    saturation = small.max(axis=2) - small.min(axis=2)
    if (saturation >= _MIN_SATURATION).mean() < _MIN_COLOURED:
        return
    contrast = [_contrast(small[..., channel]) for channel in range(3)]
    highest = cv2.max(cv2.max(contrast[0], contrast[1]), contrast[2])
    luminance = _contrast(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
    hidden = (highest >= _MIN_CONTRAST) & (luminance < _MAX_LUMINANCE * highest)
    near = cv2.dilate(hidden.astype(np.uint8), np.ones((_GAP // 2, _GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    strokes = np.bincount(labels[hidden], minlength=count)
    seen = np.bincount(labels[luminance >= _MIN_CONTRAST], minlength=count)
    scale = image.shape[0] / small.shape[0]
    for label in range(1, count):
        left, top, width, height = stats[label, :4]
        if strokes[label] < max(_MIN_AREA, _MIN_SHARE * width * height):
            continue
        if seen[label] > _MAX_SEEN * strokes[label]:
            continue
        rows, columns = slice(top, top + height), slice(left, left + width)
        inside = hidden[rows, columns] & (labels[rows, columns] == label)
        best = max(range(3), key=lambda channel: _sum(contrast[channel][rows, columns], inside))
        yield _scaled((top, top + height, left, left + width), scale, image.shape), best


def _contrast(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return by how much each pixel's neighbourhood varies."""
    kernel = np.ones((_WINDOW, _WINDOW), np.uint8)
    return np.asarray(cv2.morphologyEx(channel, cv2.MORPH_GRADIENT, kernel), np.uint8)


def _sum(contrast: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
    return float(contrast[inside].sum(dtype=np.float64))


def _scaled(
    sides: tuple[int, int, int, int], scale: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    top, bottom, left, right = (round(side * scale) for side in sides)
    return max(0, top), min(shape[0], bottom), max(0, left), min(shape[1], right)
