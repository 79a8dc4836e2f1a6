"""The lower edges of letters: where rows lie, whatever is written in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.scale import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.records import Pixels

_SIDE = 1200  # rows are measured on a page shrunk to this many pixels
_POINTS = 40_000  # places that vote
_LETTER = 180  # pixels; larger ink is no word
_SHARE = 0.02  # of the ink must be letters for them alone to tell


@dataclass(frozen=True, slots=True)
class Edges:
    """Places on a page shrunk to `width` x `height`: `x` and `y` of each, N."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    width: int
    height: int


def lower(gray: Pixels) -> Edges:
    """Return where ink of letters has no ink below, at most `_POINTS` places.

    What is larger than letters (rules, charts, hatching) tells of itself, not of rows.
    """
    small = shrunk(gray, min(1.0, _SIDE / max(gray.shape)))
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    letters = _letters(np.asarray(ink, np.uint8))
    y, x = np.nonzero(letters[:-1] > letters[1:])
    step = max(1, math.ceil(len(x) / _POINTS))
    height, width = small.shape
    return Edges(x[::step].astype(np.float64), y[::step].astype(np.float64), width, height)


def _letters(ink: Pixels) -> Pixels:
    """Return the ink less its large pieces; all of it where hardly anything is left."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    large = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) > _LETTER
    kept = np.where(large[labels], 0, ink).astype(np.uint8)
    return kept if np.count_nonzero(kept) >= _SHARE * np.count_nonzero(ink) else ink
