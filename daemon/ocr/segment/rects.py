"""Spans: upright rectangles of a page by the thousand, as arrays N,4: left, top, right, bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Spans = NDArray[np.int32]


CHUNK = 256  # spans that are compared with all others at once: bounds the memory


def pairs_of(
    say: Callable[[Spans, Spans], NDArray[np.bool_]], spans: Spans, others: Spans
) -> NDArray[np.intp]:
    """Return the pairs, P,2, of `spans` and `others` of which `say` (n,4 and M,4: n,M) is true."""
    first = range(0, len(spans), CHUNK)
    some = [np.argwhere(say(spans[k : k + CHUNK], others)) + np.array([k, 0]) for k in first]
    return np.concatenate([np.empty((0, 2), np.intp), *some])


def union(spans: Spans, group: NDArray[np.intp], count: int) -> Spans:
    """Return for each of `count` groups the smallest span around its members."""
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    joined = np.tile(np.array([most, most, least, least], np.int32), (count, 1))
    for k, reduce in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        reduce.at(joined[:, k], group, spans[:, k])
    return joined


def grown(spans: Spans, others: Spans, pairs: NDArray[np.intp]) -> Spans:
    """Return each span grown around the `others` that `pairs`, P,2, give to it."""
    one, other = pairs.T
    larger = spans.copy()
    for k, reduce in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        reduce.at(larger[:, k], one, others[other, k])
    return larger


def medians(values: NDArray[np.int32], group: NDArray[np.intp], count: int) -> NDArray[np.int32]:
    """Return the median of each group's values; no group may be empty."""
    ordered = values[np.lexsort((values, group))]
    size = np.bincount(group, minlength=count)
    return np.asarray(ordered[np.cumsum(size) - size + size // 2], np.int32)


def weighted_median(values: NDArray[np.int32], weight: NDArray[np.int32]) -> int:
    """Return the weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return int(values[order][np.searchsorted(total, total[-1] / 2)])


def share(total: NDArray[np.int32], *sides: NDArray[Any]) -> NDArray[np.float64]:
    """Return which share of each rectangle (left, top, right, bottom) is ink.

    `total` is the integral of the ink.
    """
    left, right = (np.clip(side, 0, total.shape[1] - 1) for side in sides[::2])
    top, bottom = (np.clip(side, 0, total.shape[0] - 1) for side in sides[1::2])
    inked = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(inked / np.maximum(1, (right - left) * (bottom - top)), np.float64)


def painted(mask: Pixels, spans: Spans) -> Pixels:
    """Return the mask, H,W, with the spans drawn in."""
    drawn = mask.copy()
    for left, top, right, bottom in spans.tolist():
        drawn[top:bottom, left:right] = 255
    return drawn
