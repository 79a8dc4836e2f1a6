"""Rows that are neither level nor straight: the perspective of a photo, the curl of a page.

A row that stands at height v bends: it is seen at y = v + F(x, v), where F is a polynomial, of the
fourth degree in x and linear in v. Its slope is measured tile by tile, as the skew of the whole
page is: the lower edges of letters are projected along slopes, and at the right one they pile up.
The polynomial is fitted to these slopes, doubtful ones counting less, and twice more to what slope
is left after straightening.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.records import CURVATURE_GRID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.preprocess.edges import Edges
    from daemon.ocr.records import CurvatureMap

    Values = NDArray[np.float64]

_ACROSS, _DOWN = 8, 10  # tiles of a page
_POINTS = 12_000  # edge pixels that vote
_FEW = 50  # points; a tile with fewer says nothing
_PILED = 0.25  # how much sharper than at a middling slope its rows must get at the best one
_STEEP = 0.27  # the steepest slope looked for: 15 degrees
_SLOPES = np.linspace(-_STEEP, _STEEP, 55)  # that are tried
_ROUNDS = (1.0, 0.3, 0.15)  # of the steepest slope, in each round
_POWERS = tuple((i, j) for i in range(4) for j in range(2))  # of x and v in the slope
_DAMPING = 0.05  # of what the polynomial is not sure of
_OUTLIER = 0.02  # slope by which a tile may be off before it counts less
_AGREED = 0.5  # of the tiles must be level once they are straightened
_FOLD = 0.5  # of their distance that two rows keep
_TILES = 8  # that must speak: fewer are a caption, a stamp
_STRIP = 256  # rows that are drawn at once: maps of floats are large
_LEAST = 6.0  # pixels of the measured page; a row bent by less is read as it is


@dataclass(frozen=True, slots=True)
class Bend:
    """F of a page of `width` x `height`.

    `slopes`, 4,2, are the coefficients of its slope, of powers of x and of v, both -1..1 over the
    page.
    """

    slopes: Values
    width: float
    height: float

    def curvature(self, x: Values, v: Values) -> Values:
        """Return F(x, v): by how many pixels a row at height `v` is seen lower at `x`."""
        level, lower = self._across(x)
        return np.asarray(level + lower * (2 * v / self.height - 1), np.float64)

    def straightened(self, x: Values, y: Values) -> Values:
        """Return the heights v of rows that are seen at `x` and `y`; rows must not fold."""
        level, lower = self._across(x)
        return np.asarray((y - level + lower) / (1 + 2 * lower / self.height), np.float64)

    def folds(self) -> bool:
        """Tell whether rows come closer than half as far apart as they are, or cross."""
        _, lower = self._across(np.linspace(0, self.width, 33))
        return bool((1 + 2 * lower / self.height).min() < _FOLD)

    def _across(self, x: Values) -> tuple[Values, Values]:
        """Return the two parts of F at `x`: F is the first and, -1..1 down the page, the second."""
        across = 2 * x / self.width - 1
        terms = self.slopes / np.arange(1, 1 + len(self.slopes))[:, None]
        level, lower = (np.polyval([*term[::-1], 0.0], across) for term in terms.T)
        return self.width / 2 * level, self.width / 2 * lower

    def slope_terms(self, x: Values, v: Values) -> Values:
        """Return what each coefficient counts for in the slope at N places: N,8."""
        across, down = 2 * x / self.width - 1, 2 * v / self.height - 1
        return np.stack([across**i * down**j for i, j in _POWERS], axis=1)


def measure(edges: Edges) -> Bend | None:
    """Return how the rows bend that have these lower edges; None where they are straight."""
    if len(edges.x) < _FEW * _TILES:
        return None
    step = math.ceil(len(edges.x) / _POINTS)
    x, y = edges.x[::step], edges.y[::step]
    bend = Bend(np.zeros((4, 2)), edges.width, edges.height)
    for share in _ROUNDS:
        tiles = _tiles(x, bend.straightened(x, y), _SLOPES * share)
        if len(tiles) < _TILES:
            break
        bend = replace(bend, slopes=bend.slopes + _fitted(bend, tiles))
        if bend.folds():
            return None
        if _deepest(bend) < _LEAST:
            break
    return bend if _deepest(bend) >= _LEAST and _agreed(bend, x, y) else None


def _agreed(bend: Bend, x: Values, y: Values) -> bool:
    """Tell whether most tiles are level once straightened.

    The lines of a drawing pile up too, but not along the slopes of one polynomial.
    """
    slopes = _tiles(x, bend.straightened(x, y), _SLOPES)[:, 2]
    level = np.count_nonzero(np.abs(slopes) <= _OUTLIER)
    return bool(level >= _AGREED * len(slopes))


def _deepest(bend: Bend) -> float:
    """Return by how many pixels the most bent of three rows departs from a level one."""
    x = np.linspace(0, bend.width, 9)
    rows = [np.full(9, share * bend.height) for share in (0.1, 0.5, 0.9)]
    return max(float(np.ptp(bend.curvature(x, v))) for v in rows)


def _tiles(x: Values, v: Values, slopes: Values) -> Values:
    """Return x, v, slope and weight of the tiles of the inked part that have rows, N,4."""
    tile = _part(v, _DOWN) * _ACROSS + _part(x, _ACROSS)
    order = np.argsort(tile, kind="stable")
    groups = np.split(order, np.searchsorted(tile[order], np.arange(1, _ACROSS * _DOWN)))
    told = []
    for group in groups:
        if len(group) < _FEW:
            continue
        middle = x[group].mean()
        slope, sharper = _steepest(x[group] - middle, v[group], slopes)
        if sharper >= _PILED:
            told.append((middle, v[group].mean(), slope, min(1.0, sharper)))
    return np.array(told).reshape(-1, 4)


def _part(values: Values, parts: int) -> NDArray[np.intp]:
    """Return in which of so many equal parts, 0.., of where most of them lie each value is."""
    low, high = np.percentile(values, (2, 98))
    share = (values - low) / max(1.0, high - low)
    return np.asarray(np.clip(share * parts, 0, parts - 1), np.intp)


def _steepest(x: Values, v: Values, slopes: Values) -> tuple[float, float]:
    """Return the slope at which the points pile up, and how much sharper than at a middling one."""
    rows = (v - slopes[:, None] * x).astype(np.int32)
    rows -= rows.min()
    high = int(rows.max()) + 1
    rows += np.arange(len(slopes))[:, None] * high
    histogram = np.bincount(rows.ravel(), minlength=len(slopes) * high).reshape(len(slopes), high)
    pile = np.square(histogram.astype(np.float64)).sum(axis=1)
    best = int(pile.argmax())
    return float(slopes[best]), float(pile[best] / np.median(pile) - 1)


def _fitted(bend: Bend, tiles: Values) -> Values:
    """Return the coefficients that explain the slopes of the tiles, outliers counting less."""
    x, v, slope, weight = tiles.T
    terms = bend.slope_terms(x, v)
    trust = weight.copy()
    for _ in range(6):
        weighted = terms * trust[:, None]
        normal = weighted.T @ terms + _DAMPING * np.diag([i + j for i, j in _POWERS])
        found = np.linalg.solve(normal + 1e-9 * np.eye(len(_POWERS)), weighted.T @ slope)
        off = (terms @ found - slope) / _OUTLIER
        trust = weight / (1 + off**2)
    return np.asarray(found.reshape(4, 2), np.float64)


def straighten(gray: Pixels, bend: Bend) -> tuple[Pixels, CurvatureMap]:
    """Return H,W `gray` with its rows straight, on a sheet that holds it, and the sheet's sag."""
    height, width = gray.shape
    bend = Bend(bend.slopes, width, height)
    edge = np.arange(width, dtype=np.float64)
    top = math.floor(min(0.0, bend.straightened(edge, np.zeros(width)).min()))
    bottom = math.ceil(max(height, bend.straightened(edge, np.full(width, height)).max()))
    sheet = np.empty((bottom - top, width), np.uint8)
    for first in range(0, len(sheet), _STRIP):
        _draw(sheet[first : first + _STRIP], gray, bend, first + top)
    x = np.arange(0, width + CURVATURE_GRID, CURVATURE_GRID, dtype=np.float64)
    v = np.arange(top, bottom + CURVATURE_GRID, CURVATURE_GRID, dtype=np.float64)
    return sheet, (bend.curvature(x, v[:, None]) + top).astype(np.float32)


def _draw(strip: Pixels, gray: Pixels, bend: Bend, first: int) -> None:
    """Fill the strip of a sheet that begins at height `first` with what `gray` has there."""
    rows, columns = (np.arange(size, dtype=np.float64) + 0.5 for size in strip.shape)
    rows += first
    seen = rows[:, None] + bend.curvature(columns, rows[:, None]) - 0.5  # remap counts from centres
    across = np.broadcast_to((columns - 0.5).astype(np.float32), strip.shape)
    cv2.remap(
        gray,
        np.ascontiguousarray(across),
        seen.astype(np.float32),
        cv2.INTER_LINEAR,
        dst=strip,
        borderMode=cv2.BORDER_REPLICATE,
    )
