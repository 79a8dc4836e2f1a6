"""Skew: by how much the rows of a page fall to one side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.scale import shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.records import Pixels

    Edges = tuple[NDArray[np.float64], NDArray[np.float64]]

SIDE = 1200  # rows are measured on a page shrunk to this many pixels
_LIMIT = 18.0  # degrees; a larger turn is a matter of orientation, not of skew
_IGNORED = 0.15  # degrees; turning blurs more than such a slope costs
_EVIDENCE = 1.03  # how much sharper than the page as it lies the rows must get
_POINTS = 40_000  # edge pixels that vote


def measure(gray: Pixels) -> float:
    """Return the degrees by which the rows of H,W `gray` fall to the right, 0.0 where none show.

    The lower edges of the ink are projected along slopes; at the right one they pile up in few
    rows, so the sum of squares of the histogram is largest.
    """
    x, y = lower_edges(gray)
    if len(x) < 50:
        return 0.0
    coarse = max(np.arange(-_LIMIT, _LIMIT + 0.1, 0.5), key=lambda a: _pile(x, y, a))
    best = float(max(coarse + np.arange(-0.5, 0.51, 0.05), key=lambda a: _pile(x, y, a)))
    if abs(best) < _IGNORED or _pile(x, y, best) < _EVIDENCE * _pile(x, y, 0.0):
        return 0.0
    return round(best, 3)


def lower_edges(gray: Pixels) -> Edges:
    """Return x and y of the ink pixels with no ink below, at most `_POINTS` of them."""
    small = shrunk(gray, min(1.0, SIDE / max(gray.shape)))
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    y, x = np.nonzero(ink[:-1] > ink[1:])
    step = max(1, math.ceil(len(x) / _POINTS))
    return x[::step].astype(np.float64), y[::step].astype(np.float64)


def _pile(x: NDArray[np.float64], y: NDArray[np.float64], degrees: float) -> float:
    """Return how sharply the points pile up in rows that fall by `degrees` to the right."""
    rows = y - x * math.tan(math.radians(degrees))
    histogram = np.bincount((rows - rows.min()).astype(np.intp))
    return float(np.square(histogram.astype(np.float64)).sum())
