"""Quadrangles of a page, as arrays N,4,2: x and y of the corners, clockwise from the upper left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.records import TALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Quads = NDArray[np.float64]

_MAX_SLANT = 0.15  # of its height: a quad that rises or falls by less is level
_POINTS = (np.arange(7) + 0.5) / 7  # where a quad is sampled, in shares of its sides


def sides(quads: Quads) -> NDArray[np.float64]:
    """Return the lengths of the shorter and of the longer side of each quad, N,2."""
    across = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    down = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    return np.asarray(np.sort(np.column_stack([across, down]), axis=1), np.float64)


def bounds(quads: Quads) -> NDArray[np.float64]:
    """Return the upright bounds of each quad, N,4: left, top, right, bottom."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)


def of_rects(rects: NDArray[np.float64]) -> Quads:
    """Return the corners of upright rectangles, N,4."""
    left, top, right, bottom = rects.T
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return np.asarray(np.array(corners, np.float64).transpose(2, 0, 1), np.float64)


def share_within(quads: Quads, quad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each quad, N, that lies within another one, 4,2, both convex."""
    across, down = _POINTS[None, :, None, None], _POINTS[None, None, :, None]
    upper = quads[:, None, None, 0] * (1 - across) + quads[:, None, None, 1] * across
    lower = quads[:, None, None, 3] * (1 - across) + quads[:, None, None, 2] * across
    points = upper * (1 - down) + lower * down  # N, 7, 7, 2
    inside = np.ones(points.shape[:3], bool)
    for start, stop in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        edge, offset = stop - start, points - start
        inside &= edge[0] * offset[..., 1] - edge[1] * offset[..., 0] >= 0
    return np.asarray(inside.mean(axis=(1, 2)), np.float64)


def is_tall(quad: NDArray[np.float64]) -> bool:
    """Tell whether a quad, 4,2, is clearly higher than wide."""
    return bool(np.hypot(*(quad[3] - quad[0])) >= TALL * np.hypot(*(quad[1] - quad[0])))


def is_level(quad: NDArray[np.float64]) -> bool:
    """Tell whether a quad, 4,2, hardly rises or falls along its longer side."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    if is_tall(quad):
        return bool(abs(down[0]) <= _MAX_SLANT * np.hypot(*across))
    return bool(abs(across[1]) <= _MAX_SLANT * np.hypot(*down))
