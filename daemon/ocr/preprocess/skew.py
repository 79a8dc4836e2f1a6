"""Skew estimation by projection profiles (Baird 1987, "The skew angle of printed documents")."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from daemon.ocr.preprocess.edges import EdgePoints

_MAX_DEGREES = 18.0  # degrees; a larger angle is a matter of orientation, not of skew
_LARGE_DEGREES = 10.0  # degrees; hatching has such slopes too, so the words alone must confirm it
_MIN_DEGREES = 0.15  # degrees; below, rotation blurs the page more than the skew costs
_MIN_GAIN = 1.03  # gain in sharpness over the page without rotation that is required


def estimate(edges: EdgePoints) -> float:
    """Return the degrees by which text rows fall to the right; 0.0 without evidence.

    The edge points are projected along candidate slopes. Along the right slope they concentrate in
    few rows, so the sum of squares of the profile is largest.
    """
    if len(edges.x) < 50:
        return 0.0
    coarse = max(
        np.arange(-_MAX_DEGREES, _MAX_DEGREES + 0.1, 0.5), key=lambda a: _sharpness(edges, a)
    )
    best = float(max(coarse + np.arange(-0.5, 0.51, 0.05), key=lambda a: _sharpness(edges, a)))
    if abs(best) < _MIN_DEGREES or not _is_evident(edges, best):
        return 0.0
    if abs(best) > _LARGE_DEGREES and not _is_evident(edges.words, best):
        return 0.0
    return round(best, 3)


def _is_evident(edges: EdgePoints, degrees: float) -> bool:
    """Tell whether the profile along `degrees` is clearly sharper than the horizontal one."""
    return _sharpness(edges, degrees) >= _MIN_GAIN * _sharpness(edges, 0.0)


def _sharpness(edges: EdgePoints, degrees: float) -> float:
    """Return the sharpness of the projection profile along rows that fall by `degrees`."""
    rows = edges.y - edges.x * math.tan(math.radians(degrees))
    histogram = np.bincount((rows - rows.min()).astype(np.intp))
    return float(np.square(histogram.astype(np.float64)).sum())
