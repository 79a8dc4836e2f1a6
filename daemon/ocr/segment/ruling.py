"""Rules that may part cells: long straight ink, and shorter ink that ends on a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.records import Rules
from daemon.ocr.segment.rects import painted, share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.ink import Ink
    from daemon.ocr.segment.rects import Spans

_SHORT = 24  # pixels; the side of the smallest cell
_BROKEN = 48  # pixels; the shortest piece of a broken rule
_LONG = 100  # pixels; straight ink as long is a rule wherever it ends
_THICK = 12  # pixels; the thickness of a rule, and how far it may lean or sag at least
_LEAN = 0.03  # of its length: how far a rule may lean or sag
_REACH = 4  # pixels between the end of short ink and the rule it ends on
_MOST = 400  # the longest rules each way that are looked at: a page of hatching must end


def find(ink: Ink) -> Rules:
    """Return the rules of a page in the clean frame. One may come in pieces, and a piece twice."""
    if not ink.across.any():  # nothing is a cell without a rule above or below
        return Rules()
    uprights = np.concatenate([_spans(ink.down), _rules(ink.all, ink.across, 1)])
    level_ends = painted(np.zeros_like(ink.all), uprights)
    level = np.concatenate([_spans(ink.across), _rules(ink.all, level_ends, 0)])
    return Rules(_boxes(level, 0, ink.scale), _boxes(uprights, 1, ink.scale))


def _rules(drawn: Pixels, others: Pixels, axis: int) -> Spans:
    """Return slim straight ink along `axis` (0 x, 1 y): long, or ending on the `others`.

    Short ink must end on them on both sides; of a broken rule, one is enough for more than that.
    """
    bar = np.ones((1, _SHORT) if axis == 0 else (_SHORT, 1), np.uint8)
    spans = _spans(cv2.morphologyEx(drawn, cv2.MORPH_OPEN, bar))
    length = spans[:, axis + 2] - spans[:, axis]
    width = spans[:, 3 - axis] - spans[:, 1 - axis]
    slim = width <= np.maximum(_THICK, _LEAN * length)
    held = _ends_on(spans, others, axis)
    kept = slim & ((length >= _LONG) | (held == 2) | ((held == 1) & (length >= _BROKEN)))
    return np.asarray(spans[kept], np.int32)


def _spans(mask: cv2.typing.MatLike) -> Spans:
    """Return the connected pieces of a mask, N,4; outlines cost a fraction of labels here."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    sides = np.array([cv2.boundingRect(outline) for outline in outlines], np.int32).reshape(-1, 4)
    sides[:, 2:] += sides[:, :2]
    return sides


def _ends_on(spans: Spans, rules: Pixels, axis: int) -> NDArray[np.int_]:
    """Count for each span how many of its two ends along `axis` lie on a rule, or close by."""
    total = np.asarray(cv2.integral((rules > 0).astype(np.uint8)), np.int32)
    around = spans + np.array([-_REACH, -_REACH, _REACH, _REACH])
    first, last = around.copy(), around.copy()
    first[:, axis + 2] = spans[:, axis] + _REACH
    last[:, axis] = spans[:, axis + 2] - _REACH
    return (share(total, *first.T) > 0).astype(int) + (share(total, *last.T) > 0)


def _boxes(spans: Spans, axis: int, scale: float) -> tuple[Box, ...]:
    """Return the longest of the rules along `axis` (0 x, 1 y)."""
    length = spans[:, axis + 2] - spans[:, axis]
    longest = spans[np.argsort(-length, kind="stable")[:_MOST]]
    return tuple(Box(*(round(side * scale) for side in span)) for span in longest.tolist())
