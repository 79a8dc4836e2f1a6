"""Skew: by how much the rows of a page fall to one side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from daemon.ocr.preprocess.edges import Edges

_LIMIT = 18.0  # degrees; a larger turn is a matter of orientation, not of skew
_LARGE = 10.0  # degrees; hatching slopes so too, so words must tell of a larger turn
_IGNORED = 0.15  # degrees; turning blurs more than such a slope costs
_EVIDENCE = 1.03  # how much sharper than the page as it lies the rows must get


def measure(edges: Edges) -> float:
    """Return the degrees by which rows with these lower edges fall to the right, 0.0 without rows.

    The edges are projected along slopes; at the right one they pile up in few rows, so the sum of
    squares of the histogram is largest.
    """
    if len(edges.x) < 50:
        return 0.0
    coarse = max(np.arange(-_LIMIT, _LIMIT + 0.1, 0.5), key=lambda a: _pile(edges, a))
    best = float(max(coarse + np.arange(-0.5, 0.51, 0.05), key=lambda a: _pile(edges, a)))
    if abs(best) < _IGNORED or not _is_told(edges, best):
        return 0.0
    if abs(best) > _LARGE and not _is_told(edges.words, best):
        return 0.0
    return round(best, 3)


def _is_told(edges: Edges, degrees: float) -> bool:
    return _pile(edges, degrees) >= _EVIDENCE * _pile(edges, 0.0)


def _pile(edges: Edges, degrees: float) -> float:
    """Return how sharply the edges pile up in rows that fall by `degrees` to the right."""
    rows = edges.y - edges.x * math.tan(math.radians(degrees))
    histogram = np.bincount((rows - rows.min()).astype(np.intp))
    return float(np.square(histogram.astype(np.float64)).sum())
