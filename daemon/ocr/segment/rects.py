"""Rectangles of a page by the thousand, as arrays N,4: left, top, right, bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Rects = NDArray[np.int32]


CHUNK = 256  # rectangles that are compared with others at once: bounds the memory
_REACH = 0.25  # of its own height: what is farther above or below a rectangle than this is no pair


def pairs_where(
    predicate: Callable[[Rects, Rects], NDArray[np.bool_]], rects: Rects, candidates: Rects
) -> NDArray[np.intp]:
    """Return the pairs, P,2, of `rects` and `candidates` for which `predicate` is true, in order.

    It maps n,K and M,K to n,M; the first four columns are a rectangle. It must be false for two
    rectangles that are above each other, with a gap of more than `_REACH` of both heights: each is
    compared with those in its rows only, so that a page of noise with 8 000 words costs a tenth.
    """
    top, bottom = _reach_of(rects)
    candidate_top, candidate_bottom = _reach_of(candidates)
    order = np.argsort(top, kind="stable")
    pairs = [np.empty((0, 2), np.intp)]
    for k in range(0, len(rects), CHUNK):
        chunk = order[k : k + CHUNK]
        near = np.flatnonzero(
            (candidate_bottom >= top[chunk[0]]) & (candidate_top <= bottom[chunk].max())
        )
        first, second = np.nonzero(predicate(rects[chunk], candidates[near]))
        pairs.append(np.column_stack([chunk[first], near[second]]))
    found = np.concatenate(pairs)
    return np.asarray(found[np.lexsort((found[:, 1], found[:, 0]))], np.intp)


def _reach_of(rects: Rects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the top and the bottom of each rectangle with its reach."""
    reach = _REACH * (rects[:, 3] - rects[:, 1])
    return rects[:, 1] - reach, rects[:, 3] + reach


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
