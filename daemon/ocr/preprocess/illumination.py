"""Illumination: denoising, background flattening, contrast (CLAHE) and binarization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.scale import downscaled

if TYPE_CHECKING:
    from daemon.core.records import Pixels

WHITE = 255
_BACKGROUND_SIDE = 200  # the background is estimated on a page downscaled to this many pixels
_BACKGROUND_KERNEL = 11  # pixels of it; wider than strokes of text, narrower than pictures
_DARK_BACKGROUND = 110  # gray level below which a background is not paper


def denoise(gray: Pixels, method: str) -> Pixels:
    """Return the page without salt-and-pepper noise; `method` is median, gaussian or off."""
    if method == "median":
        return np.asarray(cv2.medianBlur(gray, 3), np.uint8)
    if method == "gaussian":
        return np.asarray(cv2.GaussianBlur(gray, (3, 3), 0), np.uint8)
    return gray


def flatten_background(gray: Pixels) -> Pixels:
    """Divide by the background, estimated by a morphological closing, so that paper becomes white.

    A background that is dark by design (a bar, a photograph) is left as it is.
    """
    small = downscaled(gray, _BACKGROUND_SIDE / max(gray.shape))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BACKGROUND_KERNEL, _BACKGROUND_KERNEL))
    background = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), (5, 5))
    background[cv2.medianBlur(small, 2 * _BACKGROUND_KERNEL - 1) < _DARK_BACKGROUND] = WHITE
    background = cv2.resize(background, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, background, scale=WHITE), np.uint8)


def stretch_contrast(gray: Pixels) -> Pixels:
    """Return the page with its local contrast stretched (CLAHE)."""
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(gray), np.uint8)


def binarize(gray: Pixels) -> Pixels:
    """Return the page in black and white, by an adaptive Gaussian threshold."""
    block = max(15, max(gray.shape) // 60) | 1
    return np.asarray(
        cv2.adaptiveThreshold(
            gray, WHITE, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 15
        ),
        np.uint8,
    )


def close_strokes(gray: Pixels) -> Pixels:
    """Close gaps of one pixel in dark strokes: a morphological closing of the ink."""
    kernel = np.ones((2, 2), np.uint8)
    dilated = cv2.erode(gray, kernel)
    return np.asarray(cv2.dilate(dilated, kernel, anchor=(0, 0)), np.uint8)
