"""Light: noise, shadows, contrast, and black and white."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.scale import shrunk

if TYPE_CHECKING:
    from daemon.core.records import Pixels

WHITE = 255
_GROUND_SIDE = 200  # the ground is estimated on a page shrunk to this many pixels
_GROUND_REACH = 11  # and must be seen within this many of them: text is thinner, pictures are not
_GROUND_DARK = 110  # gray level below which a ground is no paper


def denoised(gray: Pixels, how: str) -> Pixels:
    """Return the page less its salt and pepper: median, gaussian or off."""
    if how == "median":
        return np.asarray(cv2.medianBlur(gray, 3), np.uint8)
    if how == "gaussian":
        return np.asarray(cv2.GaussianBlur(gray, (3, 3), 0), np.uint8)
    return gray


def even_ground(gray: Pixels) -> Pixels:
    """Divide by the ground, the brightest around each spot, so that paper is white.

    A ground that is dark on purpose (a bar, a photograph) stays as it is.
    """
    small = shrunk(gray, _GROUND_SIDE / max(gray.shape))
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GROUND_REACH, _GROUND_REACH))
    ground = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, reach), (5, 5))
    ground[cv2.medianBlur(small, 2 * _GROUND_REACH - 1) < _GROUND_DARK] = WHITE
    ground = cv2.resize(ground, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, ground, scale=WHITE), np.uint8)


def stretched(gray: Pixels) -> Pixels:
    """Return the page with its local contrast stretched (CLAHE)."""
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(gray), np.uint8)


def thresholded(gray: Pixels) -> Pixels:
    """Return the page in black and white."""
    block = max(15, max(gray.shape) // 60) | 1
    return np.asarray(
        cv2.adaptiveThreshold(
            gray, WHITE, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 15
        ),
        np.uint8,
    )


def closed(gray: Pixels) -> Pixels:
    """Bridge gaps of a pixel in dark strokes: dark grows by a pixel and shrinks back."""
    square = np.ones((2, 2), np.uint8)
    grown = cv2.erode(gray, square)
    return np.asarray(cv2.dilate(grown, square, anchor=(0, 0)), np.uint8)
