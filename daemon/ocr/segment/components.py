"""Marks: connected pieces of ink, told apart by their size and their company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.rects import Spans

_MOST = 40_000  # the largest marks that are looked at: a page of noise must end
_MOST_SMALL = 8_000  # likewise: dust comes by the thousand
_MOST_TALL = 400  # likewise
_SPECK = 3  # pixels of ink below which a mark is dust
_SMALL = 0.4  # of the typical height: below are dots, commas and dashes
_TALL = 1.6  # of the typical height: above, a mark may be letters of two rows grown together
_LARGE = 2.5  # of the typical height: above, a mark without its like beside it is a picture
_PICTURE = 6.0  # of the typical height: above, a mark is a picture
_WIDE = 1.2  # of the typical height: a slash is narrower, a full-width one too
_THIN = 0.3  # share of ink in its box below which a mark may be a single stroke
_STRAIGHT = 0.9  # correlation of its ink's columns and rows from which it is one, aslant
_SLIM = 0.2  # of its height is the width of a scrap of a vertical rule


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a page by kind, each N,4; what is no text (pictures) is left out.

    `small` are dots, commas and dashes, `tall` reach across rows, `posts` are scraps of vertical
    rules, `frames` are empty boxes to be ticked. `typical` is the height of a middling letter.
    """

    letters: Spans
    small: Spans
    tall: Spans
    posts: Spans
    frames: Spans
    typical: float


def find(drawn: Pixels) -> Marks:
    """Return the connected pieces of ink by kind, dust left out, the largest only if too many."""
    _, _, known, _ = cv2.connectedComponentsWithStats(drawn, connectivity=8, ltype=cv2.CV_32S)
    stats = np.asarray(known[1:], np.int32)
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= _SPECK]
    if len(stats) > _MOST:
        stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")[:_MOST]]
    left, top, width, height = (stats[:, k] for k in range(4))
    spans = np.column_stack([left, top, left + width, top + height])
    typical = _typical(height, width)
    strokes = _strokes(spans, stats[:, cv2.CC_STAT_AREA], drawn, typical)
    return _sorted(spans[~strokes], drawn, typical)


def _sorted(spans: Spans, drawn: Pixels, typical: float) -> Marks:
    width, height = spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1]
    small = height < max(4, _SMALL * typical)
    picture = (height > max(_PICTURE * typical, 60)) | (width > 20 * height)
    boxes = (np.minimum(height, width) > 1.3 * typical) & (height < _LARGE * typical)
    frames = _frames(spans, drawn, boxes & ~picture)
    letters = ~small & ~picture & ~frames
    slim = letters & (height > _TALL * typical) & (width <= np.maximum(3, _SLIM * height))
    posts = slim & (_company(spans, slim, letters & ~slim) == 0)
    large = letters & (height > _LARGE * typical)
    letters &= ~posts & ~(large & (_company(spans, large, letters) < 2))
    across = _across_rows(spans, letters & (height > _TALL * typical), letters)
    return Marks(
        letters=spans[letters & ~across],
        small=spans[small & (width < 3 * typical)][:_MOST_SMALL],
        tall=spans[across],
        posts=spans[posts],
        frames=spans[frames],
        typical=typical,
    )


def _typical(height: NDArray[np.int32], width: NDArray[np.int32]) -> float:
    """Return the height in the middle of all marks that may be letters, each weighing its width."""
    letters = (height >= 5) & (height <= 100) & (width <= 4 * height)
    if not letters.any():
        return 10.0
    height, weight = height[letters], width[letters]
    order = np.argsort(height)
    total = np.cumsum(weight[order])
    return float(height[order][np.searchsorted(total, total[-1] / 2)])


def _strokes(
    spans: Spans, ink: NDArray[np.int32], drawn: Pixels, typical: float
) -> NDArray[np.bool_]:
    """Say of each mark, with so much `ink`, whether it is a pen's stroke aslant: it ticks a line.

    It is wider than a character, and thin, and where its ink is farther right it is higher, or
    lower.
    """
    width, height = spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1]
    wide = (width > _WIDE * typical) & (width > 0.8 * height) & (ink < _THIN * width * height)
    high = (height > 0.9 * typical) & (height < _PICTURE * typical)
    strokes = np.zeros(len(spans), bool)
    for k in np.flatnonzero(wide & high)[:_MOST_TALL]:
        left, top, right, bottom = spans[k]
        y, x = np.nonzero(drawn[top:bottom, left:right])
        strokes[k] = abs(np.corrcoef(x, y)[0, 1]) > _STRAIGHT
    return strokes


def _frames(spans: Spans, drawn: Pixels, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say of each mark in question whether it is an empty box: ink on all sides, none within."""
    frames = np.zeros(len(spans), bool)
    for k in np.flatnonzero(which)[:_MOST_TALL]:
        left, top, right, bottom = spans[k]
        box = drawn[top:bottom, left:right] > 0
        edge = max(3, min(box.shape) // 5)
        sides = (box[:edge].any(0), box[-edge:].any(0), box[:, :edge].any(1), box[:, -edge:].any(1))
        within = box[edge:-edge, edge:-edge]
        frames[k] = min(side.mean() for side in sides) > 0.9 and within.mean() < 0.1
    return frames


def _company(
    spans: Spans, which: NDArray[np.bool_], letters: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Count for each mark in question the letters of about its height and foot close beside it.

    A letter among `letters` is in its own company.
    """
    company = np.zeros(len(spans), np.int32)
    others = spans[letters]
    for k in np.flatnonzero(which)[:_MOST_TALL]:
        left, top, right, bottom = spans[k]
        height = bottom - top
        close = (others[:, 2] > left - height) & (others[:, 0] < right + height)
        close &= np.abs(others[:, 3] - bottom) < 0.25 * height
        close &= others[:, 3] - others[:, 1] > 0.6 * height
        company[k] = close.sum()
    return company


def _across_rows(
    spans: Spans, which: NDArray[np.bool_], letters: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say of each mark in question whether its neighbours stand in two rows rather than in one."""
    across = np.zeros(len(spans), bool)
    company = _company(spans, which, letters)
    others = spans[letters]
    for k in np.flatnonzero(which)[:_MOST_TALL]:
        left, top, right, bottom = spans[k]
        height = bottom - top
        beside = (others[:, 2] > left - height) & (others[:, 0] < right + height)
        beside &= (others[:, 3] > top) & (others[:, 1] < bottom)
        size = others[beside, 3] - others[beside, 1]
        rows = others[beside][(size >= 0.33 * height) & (size <= 0.7 * height)]
        across[k] = len(rows) > company[k] and rows[:, 3].min() < rows[:, 1].max()
    return across
