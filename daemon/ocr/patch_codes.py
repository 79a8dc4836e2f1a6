"""Patch codes: four bars, two of them wide, by which scanners tell separator sheets.

The bars are parallel to an edge of the sheet, and are read from that edge inwards. The other way
round, patch 1 would be patch 6, and patch 3 patch T. Measures: Kodak, "Patch Code Information for
Kodak Scanners", A-61599 (narrow bars and spaces 0.08 inch, wide bars 0.20 inch, bars 2 to 2.5
inches long, 0.25 inch of white around them).
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Points = NDArray[np.float64]

TEXTS: Final = {
    "WWNN": "PATCH1", "WNNW": "PATCH2", "WNWN": "PATCH3", "NWWN": "PATCH4", "NWNW": "PATCHT",
    "NNWW": "PATCH6",
}  # fmt: skip
"""What is published for each order of wide and narrow bars, from the edge inwards."""
_STRIPS: Final = 32  # across the bars: each is read by itself, and most of them must agree
_MIN_STRIPS: Final = 6
_MIN_CONTRAST: Final = 20.0  # gray levels between bars and paper
_UNITS: Final = 10.0  # narrow widths in a code: two wide bars of 2.5, two narrow ones, three spaces
_SPACE_UNITS: Final = (0.25, 1.7)  # copies make bars wider and spaces narrower, or the reverse
_BAR_UNITS: Final = (0.5, 3.5)
_MIN_RATIO: Final = 1.45  # of the narrower wide bar to the wider narrow one; 2.5 as printed
_QUIET_UNITS: Final = 1.5  # of white before and after the bars
_PAGE_SHARES: Final = (0.045, 0.12)  # of the longer side of the page, from A3 to A5
_MIN_SOLID: Final = 0.9  # of the pixels of bars that are dark, and of spaces that are light
_MIN_LENGTH: Final = 0.8  # of the bars, in widths of the code: 2.5 to 3.1 as printed

Found = tuple[str, tuple[float, float, float, float]]


def read(level: Pixels, longer_side: int) -> Found | None:
    """Return which bars of a picture are wide, from left to right, and the box of the code.

    `level` is H,W in gray, with upright bars. The box is left, top, right and bottom in pixels of
    the picture; `longer_side` is that of the page, in the same pixels. None where the picture shows
    no patch code.
    """
    edges = np.linspace(0, level.shape[0], _STRIPS + 1).astype(int)
    strips = [
        (order, start, end, top, bottom)
        for top, bottom in itertools.pairwise(edges)
        if bottom > top
        for order, start, end in _codes_in(level[top:bottom])
        if _PAGE_SHARES[0] <= (end - start) / longer_side <= _PAGE_SHARES[1]
    ]
    if not strips:
        return None
    order, count = Counter(each[0] for each in strips).most_common(1)[0]
    _, starts, ends, tops, bottoms = zip(*(s for s in strips if s[0] == order), strict=True)
    left, right = float(np.median(starts)), float(np.median(ends))
    length = sum(bottoms) - sum(tops)
    if count < _MIN_STRIPS or count <= len(strips) / 2 or length < _MIN_LENGTH * (right - left):
        return None
    return order, (left, float(min(tops)), right, float(max(bottoms)))


def text_of(order: str, start: Points, end: Points, width: int, height: int) -> str:
    """Return the text of bars that begin at `start` and end at `end`, x and y on a page.

    They are read from the edge of the page that is nearer, along their row.
    """
    direction = (end - start) / max(1e-6, float(np.hypot(*(end - start))))
    before = _distance(start, -direction, width, height)
    after = _distance(end, direction, width, height)
    return TEXTS[order if before <= after else order[::-1]]


def _codes_in(strip: Pixels) -> list[tuple[str, int, int]]:
    """Return the orders of bars in a strip H,W across them, with the start and end of each."""
    smooth = cv2.GaussianBlur(strip.astype(np.float32), (0, 0), 1.0)
    row = smooth.mean(axis=0)
    dark, light = np.percentile(row, (2, 90))
    if light - dark < _MIN_CONTRAST:
        return []
    is_dark = row < (dark + light) / 2
    agrees = (smooth < (dark + light) / 2) == is_dark  # not in text, whose rows are partly dark
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], is_dark, [False]]).astype(np.int8)))
    found = []
    for first in range(0, len(bounds) - 7, 2):
        start, end = int(bounds[first]), int(bounds[first + 7])
        order = _order(np.diff(bounds[first : first + 8]))
        before = start - (bounds[first - 1] if first else 0)
        after = (bounds[first + 8] if first + 8 < len(bounds) else row.size) - end
        is_quiet = min(before, after) >= _QUIET_UNITS / _UNITS * (end - start)
        if order is not None and is_quiet and agrees[:, start:end].mean() >= _MIN_SOLID:
            found.append((order, start, end))
    return found


def _order(widths: NDArray[np.int64]) -> str | None:
    """Return which of four bars are wide; None where seven widths are not those of a patch code."""
    units = widths / (widths.sum() / _UNITS)
    bars, spaces = units[::2], units[1::2]
    narrow, wide = np.sort(bars)[1:3]
    if wide < _MIN_RATIO * narrow or not _within(bars, _BAR_UNITS):
        return None
    if not _within(spaces, _SPACE_UNITS):
        return None
    return "".join("W" if bar >= wide else "N" for bar in bars)


def _within(values: NDArray[np.float64], bounds: tuple[float, float]) -> bool:
    return bool(bounds[0] <= values.min() and values.max() <= bounds[1])


def _distance(point: Points, direction: Points, width: int, height: int) -> float:
    """Return how far the border of a page is from a point in one direction, in pixels."""
    ways = [
        (side - place) / step
        for place, step, far in zip(point, direction, (width, height), strict=True)
        for side in (0, far)
        if step * (side - place) > 0
    ]
    return min(ways, default=0.0)
