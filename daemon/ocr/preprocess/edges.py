"""The lower edges of ink: where rows lie, whatever is written in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.scale import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_SIDE = 1200  # rows are measured on a page shrunk to this many pixels
_POINTS = 40_000  # places that vote
_WORD = 180  # pixels; larger ink is no word
_SHARE = 0.05  # of the places must be of words for them alone to tell


@dataclass(frozen=True, slots=True)
class Edges:
    """Places on a page shrunk to `width` x `height`: `x` and `y` of each, N, and whether of a word.

    What is larger than words (rules, charts, hatching) tells of itself as well as of rows.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    is_word: NDArray[np.bool_]
    width: int
    height: int

    @property
    def words(self) -> Edges:
        """The places of words; all where hardly any are."""
        if self.is_word.sum() < _SHARE * len(self.x):
            return self
        kept = self.is_word
        return replace(self, x=self.x[kept], y=self.y[kept], is_word=kept[kept])


def lower(gray: Pixels) -> Edges:
    """Return where ink has no ink below, at most `_POINTS` places."""
    small = shrunk(gray, min(1.0, _SIDE / max(gray.shape)))
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    size = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    y, x = np.nonzero(ink[:-1] > ink[1:])
    step = max(1, math.ceil(len(x) / _POINTS))
    y, x = y[::step], x[::step]
    height, width = small.shape
    is_word = size[labels[y, x]] <= _WORD
    return Edges(x.astype(np.float64), y.astype(np.float64), is_word, width, height)
