"""Ink masks by adaptive thresholding, on light and dark backgrounds, and their ruling lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.page_scale import page_side
from daemon.ocr.polarity import DARK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_SIDE = 1800  # lines are looked for on a page downscaled to this many pixels
_WINDOW = 41  # pixels; the neighbourhood that ink is compared with
_CONTRAST = 12  # gray levels by which ink differs from its neighbourhood
_BLACK = 50  # gray level below which it is: no shadow makes paper so dark
# pixels; a longer straight run is a ruling line, not a stroke
_MIN_HORIZONTAL, _MIN_VERTICAL = 100, 80
_MAX_RULE_WIDTH = 8  # pixels; a thicker run is not a ruling line


@dataclass(frozen=True, slots=True)
class InkMask:
    """The ink of a page: all of it (`mask`) and its ruling lines, each 0 or 255.

    `scale` is pixels of the clean page per pixel of these masks.
    """

    mask: Pixels
    horizontal: Pixels
    vertical: Pixels
    scale: float

    @classmethod
    def of(cls, gray: Pixels, enlarged: float = 1.0) -> InkMask:
        """Return the ink of a page that is downscaled to `_SIDE` and then perhaps enlarged."""
        height, width = gray.shape
        scale = max(1.0, page_side(gray.shape) / _SIDE) / enlarged
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        interpolation = cv2.INTER_AREA if scale > 1.0 else cv2.INTER_LINEAR
        small = gray if scale == 1.0 else cv2.resize(gray, size, interpolation=interpolation)
        ink = _threshold(_invert_dark_backgrounds(np.asarray(small, np.uint8)))
        return cls(
            ink,
            _straight_runs(ink, (1, _MIN_HORIZONTAL)),
            _straight_runs(ink, (_MIN_VERTICAL, 1)),
            scale,
        )

    @property
    def text(self) -> Pixels:
        """The ink less the ruling lines and their ragged edges."""
        edges = cv2.max(
            cv2.dilate(self.horizontal, np.ones((3, 1), np.uint8)),
            cv2.dilate(self.vertical, np.ones((1, 3), np.uint8)),
        )
        return np.asarray(cv2.subtract(self.mask, edges), np.uint8)


def _threshold(gray: Pixels) -> Pixels:
    """Return what is darker than its neighbourhood (adaptive mean threshold)."""
    method, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    return np.asarray(cv2.adaptiveThreshold(gray, 255, method, kind, _WINDOW, _CONTRAST), np.uint8)


def is_blank(gray: Pixels) -> bool:
    """Tell whether nothing as large as a stroke differs from the rest of `gray` as ink does.

    Paper grain and single specks do not count: most pages without text are the backs of others.
    """
    size = (max(1, gray.shape[1] // 4), max(1, gray.shape[0] // 4))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    darkest, lightest = np.percentile(small, (0.1, 99.9))
    return bool(lightest - darkest <= _CONTRAST)


def _invert_dark_backgrounds(gray: Pixels) -> Pixels:
    """Return the page with its dark backgrounds (a bar, a photograph) inverted."""
    dark = _dark_backgrounds(gray)
    if not dark.any():
        return gray
    inverted = cv2.resize(
        dark.astype(np.uint8), gray.shape[::-1], interpolation=cv2.INTER_NEAREST
    ).astype(bool)
    return np.where(inverted, 255 - gray, gray)


def _dark_backgrounds(gray: Pixels) -> NDArray[np.bool_]:
    """Return where the background is dark, at an eighth of the size; shadow on paper is not.

    Text on a dark background is lighter than it, text in a shadow is darker.
    """
    size = (max(1, gray.shape[1] // 8), max(1, gray.shape[0] // 8))
    background = np.asarray(cv2.medianBlur(cv2.resize(gray, size), 15), np.uint8)
    dark = background < DARK
    if not dark.any():
        return dark
    kernel = np.ones((_WINDOW, _WINDOW), np.uint8)
    lightest, darkest = (
        cv2.resize(extreme(gray, kernel), size, interpolation=cv2.INTER_NEAREST).astype(np.int16)
        for extreme in (cv2.dilate, cv2.erode)
    )
    has_light_text = 2 * background.astype(np.int16) < lightest + darkest
    return np.asarray(dark & (has_light_text | (background < _BLACK)), bool)


def _straight_runs(ink: Pixels, shape: tuple[int, int]) -> Pixels:
    """Return the straight runs of ink of at least `shape` and at most `_MAX_RULE_WIDTH` thick."""
    runs = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
    thick = np.ones((_MAX_RULE_WIDTH + 1, _MAX_RULE_WIDTH + 1), np.uint8)
    return np.asarray(cv2.subtract(runs, cv2.morphologyEx(runs, cv2.MORPH_OPEN, thick)), np.uint8)
