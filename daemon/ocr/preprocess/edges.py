"""Edge points at the lower edges of ink, which lie on the base lines of text in any script."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.page_scale import page_side
from daemon.ocr.preprocess.scale import downscaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_SIDE = 1200  # text rows are measured on a page downscaled to this many pixels
_MAX_POINTS = 40_000  # edge points that are used
_MAX_WORD = 180  # pixels; a larger connected component is not a word
_MIN_WORD_SHARE = 0.05  # share of the points that words need to be used alone


@dataclass(frozen=True, slots=True)
class EdgePoints:
    """Edge points of a page downscaled to `width` x `height`: `x` and `y`, N, and `is_word`, N.

    Components larger than words (ruling lines, charts, hatching) have other directions than text.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    is_word: NDArray[np.bool_]
    width: int
    height: int

    @property
    def words(self) -> EdgePoints:
        """The points that belong to words; all points where hardly any do."""
        if self.is_word.sum() < _MIN_WORD_SHARE * len(self.x):
            return self
        selected = self.is_word
        return replace(self, x=self.x[selected], y=self.y[selected], is_word=selected[selected])


def lower_edges(gray: Pixels) -> EdgePoints:
    """Return the points where ink has no ink below, at most `_MAX_POINTS` of them."""
    small = downscaled(gray, min(1.0, _SIDE / page_side(gray.shape)))
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    size = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    y, x = np.nonzero(ink[:-1] > ink[1:])
    step = max(1, math.ceil(len(x) / _MAX_POINTS))
    y, x = y[::step], x[::step]
    height, width = small.shape
    is_word = size[labels[y, x]] <= _MAX_WORD
    return EdgePoints(x.astype(np.float64), y.astype(np.float64), is_word, width, height)
