"""The way from the clean frame of one page to its original pixels, and back."""

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

_ALONG = 9  # points along each edge of what was bent


class CoordinateFrame:
    """How the clean page lies in the page as a viewer shows it."""

    def __init__(self, page: Page, clean: CleanPage) -> None:
        self.to_original = clean.to_page / page.scale
        self.curvature = clean.curvature
        self.width, self.height = page.width, page.height

    def around(self, box: Box) -> Box:
        """Return the box in original pixels around one of the clean frame."""
        return self.box(corners_of(box))

    def box(self, corners: Corners) -> Box:
        """Return the smallest upright box around a clean quadrangle, 4,2, clipped to the page."""
        mapped = self._unbent(corners) @ self.to_original[:, :2].T + self.to_original[:, 2]
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        x = min(max(0, math.floor(low[0])), self.width - 1)
        y = min(max(0, math.floor(low[1])), self.height - 1)
        return Box(
            left=x,
            top=y,
            right=max(x + 1, min(self.width, math.ceil(high[0]))),
            bottom=max(y + 1, min(self.height, math.ceil(high[1]))),
        )

    def back(self, box: Box) -> Box:
        """Return the smallest upright box of the clean frame around one in original pixels."""
        corners = corners_of(box) - self.to_original[:, 2]
        seen = np.asarray(np.linalg.solve(self.to_original[:, :2], corners.T).T, np.float64)
        mapped = seen if self.curvature is None else _straightened(seen, self.curvature)
        low, high = np.round(mapped.min(axis=0), 3), np.round(mapped.max(axis=0), 3)
        return Box(*map(math.floor, low), *map(math.ceil, high))

    @property
    def deepest(self) -> float:
        """By about how many original pixels the most bent row was straightened, 0.0 for none."""
        if self.curvature is None:
            return 0.0
        return float(np.ptp(self.curvature, axis=1).max() * np.hypot(*self.to_original[:, 1]))

    def _unbent(self, corners: Corners) -> Corners:
        """Return points along the edges of a quadrangle where they were before straightening."""
        if self.curvature is None:
            return corners
        shares = np.linspace(0, 1, _ALONG)[:, None, None]
        edges = (corners * (1 - shares) + np.roll(corners, -1, axis=0) * shares).reshape(-1, 2)
        return edges + _lower(edges, self.curvature)


def corners_of(box: Box) -> Corners:
    """Return 4,2: x and y of each corner, from the upper left one clockwise."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _straightened(seen: Corners, curvature: CurvatureMap) -> Corners:
    points = seen
    for _ in range(8):  # the sag changes slowly down the page: each step comes closer
        points = seen - _lower(points, curvature)
    return points


def _lower(points: Corners, curvature: CurvatureMap) -> Corners:
    """Return by how much, x and y, each of the points N,2 was seen lower."""
    return np.column_stack([np.zeros(len(points)), _interpolated(curvature, points)])


def _interpolated(curvature: CurvatureMap, points: Corners) -> NDArray[np.float64]:
    """Return the sag at each of the points, N,2, between those of its grid."""
    limit = np.array(curvature.shape[::-1]) - 1.001
    place = np.clip(points / CURVATURE_GRID, 0, np.maximum(limit, 0))
    x, y = place.astype(np.intp).T
    across, down = (place % 1).T
    upper = curvature[y, x] * (1 - across) + curvature[y, x + 1] * across
    lower = curvature[y + 1, x] * (1 - across) + curvature[y + 1, x + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float64)
