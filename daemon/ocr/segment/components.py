"""Connected components of the ink, classified by their size and their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.rects import Rects

_MAX_COMPONENTS = 40_000  # the largest ones are used: a page of noise must end
_MAX_SMALL = 8_000  # likewise: there may be thousands of specks
_MAX_TALL = 400  # likewise
_MIN_AREA = 3  # pixels of ink; a smaller component is noise
_SMALL = 0.4  # of the typical height: lower ones are dots, commas and dashes
_TALL = 1.6  # of the typical height: a higher one may be merged letters of two rows
_LARGE = 2.5  # of the typical height: a higher one without similar neighbours is a picture
_PICTURE = 6.0  # of the typical height: a higher one is a picture
_WIDE = 1.2  # of the typical height: a slash is narrower, a full-width one too
_MAX_STROKE_DENSITY = 0.3  # share of ink in its box below which it may be a single stroke
_MIN_CORRELATION = 0.9  # correlation of x and y of its ink from which it is a slanted stroke
_MAX_FRAGMENT_ASPECT = 0.2  # width by height of a fragment of a vertical rule


@dataclass(frozen=True, slots=True)
class Components:
    """The components of a page by class, each N,4; pictures are left out.

    `small` are dots, commas and dashes, `tall` reach across rows, `rule_fragments` belong to broken
    vertical rules, `checkboxes` are empty boxes. `typical_height` is that of a typical letter.
    """

    letters: Rects
    small: Rects
    tall: Rects
    rule_fragments: Rects
    checkboxes: Rects
    typical_height: float


def find(ink: Pixels) -> Components:
    """Return the connected components by class, without noise; only the largest if too many."""
    _, _, all_stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_32S)
    stats = np.asarray(all_stats[1:], np.int32)
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= _MIN_AREA]
    if len(stats) > _MAX_COMPONENTS:
        stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")[:_MAX_COMPONENTS]]
    left, top, width, height = (stats[:, k] for k in range(4))
    rects = np.column_stack([left, top, left + width, top + height])
    typical_height = _typical_letter_height(height, width)
    slanted_strokes = _slanted_strokes(rects, stats[:, cv2.CC_STAT_AREA], ink, typical_height)
    return _classify(rects[~slanted_strokes], ink, typical_height)


def _classify(rects: Rects, ink: Pixels, typical_height: float) -> Components:
    """Return the components by class."""
    width, height = rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]
    small = height < max(4, _SMALL * typical_height)
    picture = (height > max(_PICTURE * typical_height, 60)) | (width > 20 * height)
    boxes = (np.minimum(height, width) > 1.3 * typical_height) & (height < _LARGE * typical_height)
    checkboxes = _checkboxes(rects, ink, boxes & ~picture)
    letters = ~small & ~picture & ~checkboxes
    narrow = (
        letters
        & (height > _TALL * typical_height)
        & (width <= np.maximum(3, _MAX_FRAGMENT_ASPECT * height))
    )
    rule_fragments = narrow & (_count_similar_neighbours(rects, narrow, letters & ~narrow) == 0)
    large = letters & (height > _LARGE * typical_height)
    letters &= ~rule_fragments & ~(large & (_count_similar_neighbours(rects, large, letters) < 2))
    across_rows = _is_across_rows(rects, letters & (height > _TALL * typical_height), letters)
    return Components(
        letters=rects[letters & ~across_rows],
        small=rects[small & (width < 3 * typical_height)][:_MAX_SMALL],
        tall=rects[across_rows],
        rule_fragments=rects[rule_fragments],
        checkboxes=rects[checkboxes],
        typical_height=typical_height,
    )


def _typical_letter_height(height: NDArray[np.int32], width: NDArray[np.int32]) -> float:
    """Return the median height of all components that may be letters, weighted by their width."""
    letters = (height >= 5) & (height <= 100) & (width <= 4 * height)
    if not letters.any():
        return 10.0
    height, weight = height[letters], width[letters]
    order = np.argsort(height)
    total = np.cumsum(weight[order])
    return float(height[order][np.searchsorted(total, total[-1] / 2)])


def _slanted_strokes(
    rects: Rects, area: NDArray[np.int32], ink: Pixels, typical_height: float
) -> NDArray[np.bool_]:
    """Tell of each component, `area` its pixels, whether it is a slanted pen stroke (a tick mark).

    It is wider than a character and thin, and the y of its ink is correlated with the x.
    """
    width, height = rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]
    wide = (
        (width > _WIDE * typical_height)
        & (width > 0.8 * height)
        & (area < _MAX_STROKE_DENSITY * width * height)
    )
    high = (height > 0.9 * typical_height) & (height < _PICTURE * typical_height)
    slanted_strokes = np.zeros(len(rects), bool)
    for k in np.flatnonzero(wide & high)[:_MAX_TALL]:
        left, top, right, bottom = rects[k]
        y, x = np.nonzero(ink[top:bottom, left:right])
        slanted_strokes[k] = abs(np.corrcoef(x, y)[0, 1]) > _MIN_CORRELATION
    return slanted_strokes


def _checkboxes(rects: Rects, ink: Pixels, queried: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of each queried component whether it is an empty box: ink on all sides, none inside."""
    checkboxes = np.zeros(len(rects), bool)
    for k in np.flatnonzero(queried)[:_MAX_TALL]:
        left, top, right, bottom = rects[k]
        box = ink[top:bottom, left:right] > 0
        edge = max(3, min(box.shape) // 5)
        sides = (box[:edge].any(0), box[-edge:].any(0), box[:, :edge].any(1), box[:, -edge:].any(1))
        within = box[edge:-edge, edge:-edge]
        checkboxes[k] = min(side.mean() for side in sides) > 0.9 and within.mean() < 0.1
    return checkboxes


def _count_similar_neighbours(
    rects: Rects, queried: NDArray[np.bool_], letters: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Count for each queried component the adjacent letters of about its height and base line.

    A queried component among `letters` counts itself.
    """
    count = np.zeros(len(rects), np.int32)
    neighbours = rects[letters]
    for k in np.flatnonzero(queried)[:_MAX_TALL]:
        left, top, right, bottom = rects[k]
        height = bottom - top
        close = (neighbours[:, 2] > left - height) & (neighbours[:, 0] < right + height)
        close &= np.abs(neighbours[:, 3] - bottom) < 0.25 * height
        close &= neighbours[:, 3] - neighbours[:, 1] > 0.6 * height
        count[k] = close.sum()
    return count


def _is_across_rows(
    rects: Rects, queried: NDArray[np.bool_], letters: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell of each queried component whether its neighbours are in two rows rather than in one."""
    across_rows = np.zeros(len(rects), bool)
    count = _count_similar_neighbours(rects, queried, letters)
    neighbours = rects[letters]
    for k in np.flatnonzero(queried)[:_MAX_TALL]:
        left, top, right, bottom = rects[k]
        height = bottom - top
        beside = (neighbours[:, 2] > left - height) & (neighbours[:, 0] < right + height)
        beside &= (neighbours[:, 3] > top) & (neighbours[:, 1] < bottom)
        size = neighbours[beside, 3] - neighbours[beside, 1]
        rows = neighbours[beside][(size >= 0.33 * height) & (size <= 0.7 * height)]
        across_rows[k] = len(rows) > count[k] and rows[:, 3].min() < rows[:, 1].max()
    return across_rows
