"""Coordinate transform between the clean frame of a page and its original pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.records import CURVATURE_GRID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Page
    from daemon.ocr.records import CleanPage, Corners, CurvatureMap

_EDGE_POINTS = 9  # points along each edge of a quadrangle that is mapped


class CoordinateFrame:
    """Maps the clean page to the page as a viewer shows it."""

    def __init__(self, page: Page, clean: CleanPage) -> None:
        self.matrix = clean.to_page / page.scale
        self.curvature = clean.curvature
        self.width, self.height = page.width, page.height

    def to_original(self, box: Box) -> Box:
        """Return the box in original pixels around a box of the clean frame."""
        return self.original_box(corners_of(box))

    def original_box(self, corners: Corners) -> Box:
        """Return the smallest upright box around a clean quadrangle, 4,2, clipped to the page."""
        mapped = self._undo_dewarping(corners) @ self.matrix[:, :2].T + self.matrix[:, 2]
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        x = min(max(0, math.floor(low[0])), self.width - 1)
        y = min(max(0, math.floor(low[1])), self.height - 1)
        return Box(
            left=x,
            top=y,
            right=max(x + 1, min(self.width, math.ceil(high[0]))),
            bottom=max(y + 1, min(self.height, math.ceil(high[1]))),
        )

    def to_clean(self, box: Box) -> Box:
        """Return the smallest upright box of the clean frame around one in original pixels."""
        corners = corners_of(box) - self.matrix[:, 2]
        warped = np.asarray(np.linalg.solve(self.matrix[:, :2], corners.T).T, np.float64)
        mapped = warped if self.curvature is None else _dewarped(warped, self.curvature)
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        return Box(*map(math.floor, low), *map(math.ceil, high))

    @property
    def max_curvature(self) -> float:
        """About how many original pixels the most curved row was straightened by; 0.0 for none."""
        if self.curvature is None:
            return 0.0
        return float(np.ptp(self.curvature, axis=1).max() * np.hypot(*self.matrix[:, 1]))

    def _undo_dewarping(self, corners: Corners) -> Corners:
        """Return points along the edges of a quadrangle where they were before dewarping."""
        if self.curvature is None:
            return corners
        shares = np.linspace(0, 1, _EDGE_POINTS)[:, None, None]
        edges = (corners * (1 - shares) + np.roll(corners, -1, axis=0) * shares).reshape(-1, 2)
        return edges + _displacement(edges, self.curvature)


def corners_of(box: Box) -> Corners:
    """Return 4,2: x and y of each corner, from the upper left one clockwise."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _dewarped(warped: Corners, curvature: CurvatureMap) -> Corners:
    points = warped
    for _ in range(8):  # fixed-point iteration: curvature changes slowly down the page
        points = warped - _displacement(points, curvature)
    return points


def _displacement(points: Corners, curvature: CurvatureMap) -> Corners:
    """Return the displacement, x and y, of each of the points N,2."""
    return np.column_stack([np.zeros(len(points)), _interpolated(curvature, points)])


def _interpolated(curvature: CurvatureMap, points: Corners) -> NDArray[np.float64]:
    """Return the curvature at each of the points, N,2, by bilinear interpolation of its grid."""
    limit = np.array(curvature.shape[::-1]) - 1.001
    position = np.clip(points / CURVATURE_GRID, 0, np.maximum(limit, 0))
    x, y = position.astype(np.intp).T
    across, down = (position % 1).T
    upper = curvature[y, x] * (1 - across) + curvature[y, x + 1] * across
    lower = curvature[y + 1, x] * (1 - across) + curvature[y + 1, x + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float64)
