"""Rectangles of a page by the thousand, as arrays N,4: left, top, right, bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Rects = NDArray[np.int32]


CHUNK = 256  # rectangles that are compared with all others at once: bounds the memory


def pairs_where(
    predicate: Callable[[Rects, Rects], NDArray[np.bool_]], rects: Rects, candidates: Rects
) -> NDArray[np.intp]:
    """Return the pairs, P,2, of `rects` and `candidates` for which `predicate` is true.

    It maps n,4 and M,4 to n,M.
    """
    first = range(0, len(rects), CHUNK)
    chunks = [
        np.argwhere(predicate(rects[k : k + CHUNK], candidates)) + np.array([k, 0]) for k in first
    ]
    return np.concatenate([np.empty((0, 2), np.intp), *chunks])


def group_bounds(rects: Rects, group: NDArray[np.intp], count: int) -> Rects:
    """Return the bounding rectangle of each of `count` groups."""
    int_min, int_max = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    bounds = np.tile(np.array([int_max, int_max, int_min, int_min], np.int32), (count, 1))
    for k, reduce in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        reduce.at(bounds[:, k], group, rects[:, k])
    return bounds


def expanded(rects: Rects, candidates: Rects, pairs: NDArray[np.intp]) -> Rects:
    """Return each rectangle expanded by the `candidates` that `pairs`, P,2, assign to it."""
    rect, candidate = pairs.T
    result = rects.copy()
    for k, reduce in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        reduce.at(result[:, k], rect, candidates[candidate, k])
    return result


def group_medians(
    values: NDArray[np.int32], group: NDArray[np.intp], count: int
) -> NDArray[np.int32]:
    """Return the median of the values of each group; no group may be empty."""
    ordered = values[np.lexsort((values, group))]
    size = np.bincount(group, minlength=count)
    return np.asarray(ordered[np.cumsum(size) - size + size // 2], np.int32)


def weighted_median(values: NDArray[np.int32], weight: NDArray[np.int32]) -> int:
    """Return the weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return int(values[order][np.searchsorted(total, total[-1] / 2)])


def ink_density(total: NDArray[np.int32], *sides: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of ink in each rectangle (left, top, right, bottom).

    `total` is the integral image of the ink.
    """
    left, right = (np.clip(side, 0, total.shape[1] - 1) for side in sides[::2])
    top, bottom = (np.clip(side, 0, total.shape[0] - 1) for side in sides[1::2])
    ink = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(ink / np.maximum(1, (right - left) * (bottom - top)), np.float64)


def draw_rects(mask: Pixels, rects: Rects) -> Pixels:
    """Return the mask, H,W, with the rectangles filled."""
    result = mask.copy()
    for left, top, right, bottom in rects.tolist():
        result[top:bottom, left:right] = 255
    return result
