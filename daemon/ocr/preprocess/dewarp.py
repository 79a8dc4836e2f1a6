"""Dewarping: rows that are neither level nor straight, from perspective or from a curled page.

A row that belongs at height v is seen at y = v + F(x, v), where F is a polynomial of the fourth
degree in x and linear in v. Its slope is measured tile by tile in the way in which the skew of the
page is: edge points are projected along candidate slopes, and along the right one the profile is
sharpest. The polynomial is fitted to these slopes by robust (iteratively reweighted) least squares,
and refined twice by the slopes that remain after dewarping.
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
    from daemon.ocr.preprocess.edges import EdgePoints
    from daemon.ocr.records import CurvatureMap

    Values = NDArray[np.float64]

_TILE_COLUMNS, _TILE_ROWS = 8, 10  # tiles of a page
_MAX_POINTS = 12_000  # edge points that are used
_MIN_POINTS = 50  # points; a tile with fewer is ignored
_MIN_SHARPNESS = 0.25  # required gain of the profile energy over the median slope
_MAX_SLOPE = 0.27  # the steepest slope that is tried: 15 degrees
_SLOPES = np.linspace(-_MAX_SLOPE, _MAX_SLOPE, 55)  # candidate slopes
_ROUNDS = (1.0, 0.3, 0.15)  # of the steepest slope, in each round of fitting
_POWERS = tuple((i, j) for i in range(4) for j in range(2))  # exponents of x and v in the slope
_DAMPING = 0.05  # ridge regularization of the higher powers
_TOLERANCE = 0.02  # slope error from which a tile counts less
_MIN_LEVEL_SHARE = 0.5  # share of the tiles that must be level after dewarping
_MIN_SPACING = 0.5  # share of their distance that two rows must keep
_MIN_TILES = 8  # tiles that are needed: fewer are a caption or a stamp
_STRIP_ROWS = 256  # rows that are remapped at once: float maps are large
_MIN_CURVATURE = 6.0  # pixels of the measured page; below, a page is left as it is


@dataclass(frozen=True, slots=True)
class WarpModel:
    """The displacement F of the rows of a page of `width` x `height`.

    `slopes`, 4,2, are the coefficients of its slope, for powers of x and of v, both -1..1 over the
    page.
    """

    slopes: Values
    width: float
    height: float

    def curvature(self, x: Values, v: Values) -> Values:
        """Return F(x, v): by how many pixels a row at height `v` is seen lower at `x`."""
        level, change = self._terms(x)
        return np.asarray(level + change * (2 * v / self.height - 1), np.float64)

    def to_flat(self, x: Values, y: Values) -> Values:
        """Return the heights v of rows seen at `x` and `y`; the rows must not fold."""
        level, change = self._terms(x)
        return np.asarray((y - level + change) / (1 + 2 * change / self.height), np.float64)

    def folds(self) -> bool:
        """Tell whether rows come closer than `_MIN_SPACING` of their distance, or cross."""
        _, change = self._terms(np.linspace(0, self.width, 33))
        return bool((1 + 2 * change / self.height).min() < _MIN_SPACING)

    def _terms(self, x: Values) -> tuple[Values, Values]:
        """Return F at `x` as two terms: a constant, and the change by v, -1..1 down the page."""
        across = 2 * x / self.width - 1
        terms = self.slopes / np.arange(1, 1 + len(self.slopes))[:, None]
        level, change = (np.polyval([*term[::-1], 0.0], across) for term in terms.T)
        return self.width / 2 * level, self.width / 2 * change

    def slope_terms(self, x: Values, v: Values) -> Values:
        """Return the regressors of the slope at N places: N,8."""
        across, down = 2 * x / self.width - 1, 2 * v / self.height - 1
        return np.stack([across**i * down**j for i, j in _POWERS], axis=1)


def estimate(edges: EdgePoints) -> WarpModel | None:
    """Return the warp of the rows that have these lower edges; None where they are straight."""
    if len(edges.x) < _MIN_POINTS * _MIN_TILES:
        return None
    step = math.ceil(len(edges.x) / _MAX_POINTS)
    x, y = edges.x[::step], edges.y[::step]
    model = WarpModel(np.zeros((4, 2)), edges.width, edges.height)
    for share in _ROUNDS:
        tiles = _tiles(x, model.to_flat(x, y), _SLOPES * share)
        if len(tiles) < _MIN_TILES:
            break
        model = replace(model, slopes=model.slopes + _fit(model, tiles))
        if model.folds():
            return None
        if _max_curvature(model) < _MIN_CURVATURE:
            break
    return (
        model if _max_curvature(model) >= _MIN_CURVATURE and _is_consistent(model, x, y) else None
    )


def _is_consistent(model: WarpModel, x: Values, y: Values) -> bool:
    """Tell whether most tiles are level after dewarping.

    The lines of a drawing have sharp profiles too, but not along the slopes of one polynomial.
    """
    slopes = _tiles(x, model.to_flat(x, y), _SLOPES)[:, 2]
    level = np.count_nonzero(np.abs(slopes) <= _TOLERANCE)
    return bool(level >= _MIN_LEVEL_SHARE * len(slopes))


def _max_curvature(model: WarpModel) -> float:
    """Return by how many pixels the most curved of three rows departs from a level one."""
    x = np.linspace(0, model.width, 9)
    rows = [np.full(9, share * model.height) for share in (0.1, 0.5, 0.9)]
    return max(float(np.ptp(model.curvature(x, v))) for v in rows)


def _tiles(x: Values, v: Values, slopes: Values) -> Values:
    """Return x, v, slope and weight of the tiles of the inked part that have rows, N,4."""
    tile = _bin(v, _TILE_ROWS) * _TILE_COLUMNS + _bin(x, _TILE_COLUMNS)
    order = np.argsort(tile, kind="stable")
    groups = np.split(order, np.searchsorted(tile[order], np.arange(1, _TILE_COLUMNS * _TILE_ROWS)))
    measured = []
    for group in groups:
        if len(group) < _MIN_POINTS:
            continue
        middle = x[group].mean()
        slope, sharpness = _dominant_slope(x[group] - middle, v[group], slopes)
        if sharpness >= _MIN_SHARPNESS:
            measured.append((middle, v[group].mean(), slope, min(1.0, sharpness)))
    return np.array(measured).reshape(-1, 4)


def _bin(values: Values, bins: int) -> NDArray[np.intp]:
    """Return the bin, 0.., of each value, in equal bins over the range of most values."""
    low, high = np.percentile(values, (2, 98))
    share = (values - low) / max(1.0, high - low)
    return np.asarray(np.clip(share * bins, 0, bins - 1), np.intp)


def _dominant_slope(x: Values, v: Values, slopes: Values) -> tuple[float, float]:
    """Return the slope of the sharpest profile, and its energy relative to the median, less 1."""
    rows = (v - slopes[:, None] * x).astype(np.int32)
    rows -= rows.min()
    high = int(rows.max()) + 1
    rows += np.arange(len(slopes))[:, None] * high
    histogram = np.bincount(rows.ravel(), minlength=len(slopes) * high).reshape(len(slopes), high)
    energy = np.square(histogram.astype(np.float64)).sum(axis=1)
    best = int(energy.argmax())
    return float(slopes[best]), float(energy[best] / np.median(energy) - 1)


def _fit(model: WarpModel, tiles: Values) -> Values:
    """Return the coefficients that explain the slopes of the tiles, by robust least squares."""
    x, v, slope, weight = tiles.T
    terms = model.slope_terms(x, v)
    weights = weight.copy()
    for _ in range(6):
        weighted = terms * weights[:, None]
        normal = weighted.T @ terms + _DAMPING * np.diag([i + j for i, j in _POWERS])
        coefficients = np.linalg.solve(normal + 1e-9 * np.eye(len(_POWERS)), weighted.T @ slope)
        residual = (terms @ coefficients - slope) / _TOLERANCE
        weights = weight / (1 + residual**2)
    return np.asarray(coefficients.reshape(4, 2), np.float64)


def apply(gray: Pixels, model: WarpModel) -> tuple[Pixels, CurvatureMap]:
    """Return H,W `gray` dewarped, on a canvas that holds all of it, and the canvas's curvature."""
    height, width = gray.shape
    model = WarpModel(model.slopes, width, height)
    edge = np.arange(width, dtype=np.float64)
    top = math.floor(min(0.0, model.to_flat(edge, np.zeros(width)).min()))
    bottom = math.ceil(max(height, model.to_flat(edge, np.full(width, height)).max()))
    canvas = np.empty((bottom - top, width), np.uint8)
    for first in range(0, len(canvas), _STRIP_ROWS):
        _remap_strip(canvas[first : first + _STRIP_ROWS], gray, model, first + top)
    x = np.arange(0, width + CURVATURE_GRID, CURVATURE_GRID, dtype=np.float64)
    v = np.arange(top, bottom + CURVATURE_GRID, CURVATURE_GRID, dtype=np.float64)
    return canvas, (model.curvature(x, v[:, None]) + top).astype(np.float32)


def _remap_strip(strip: Pixels, gray: Pixels, model: WarpModel, first: int) -> None:
    """Fill the strip of the canvas that begins at height `first` from `gray`."""
    rows, columns = (np.arange(size, dtype=np.float64) + 0.5 for size in strip.shape)
    rows += first
    # remap counts from pixel centres
    source_y = rows[:, None] + model.curvature(columns, rows[:, None]) - 0.5
    across = np.broadcast_to((columns - 0.5).astype(np.float32), strip.shape)
    cv2.remap(
        gray,
        np.ascontiguousarray(across),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        dst=strip,
        borderMode=cv2.BORDER_REPLICATE,
    )
