"""Spans: upright rectangles of a page by the thousand, as arrays N,4: left, top, right, bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Spans = NDArray[np.int32]


def union(spans: Spans, group: NDArray[np.intp], count: int) -> Spans:
    """Return for each of `count` groups the smallest span around its members."""
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    joined = np.tile(np.array([most, most, least, least], np.int32), (count, 1))
    for k, reduce in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        reduce.at(joined[:, k], group, spans[:, k])
    return joined


def grown(spans: Spans, others: Spans, which: NDArray[np.bool_]) -> Spans:
    """Return each span grown around the `others` that `which` (N,M) gives to it."""
    one, other = np.nonzero(which)
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
