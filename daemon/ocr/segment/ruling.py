"""Rules that may part cells: long straight ink, and shorter ink that ends on a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.records import Box, Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.ocr.segment.spans import Spans
    from daemon.records import Pixels

_SHORT = 24  # pixels; the side of the smallest cell
_BROKEN = 48  # pixels; the shortest piece of a broken rule
_LONG = 100  # pixels; straight ink as long is a rule wherever it ends
_THICK = 12  # pixels; the thickness of a rule, and how far it may lean or sag at least
_LEAN = 0.03  # of its length: how far a rule may lean or sag
_REACH = 4  # pixels between the end of short ink and the rule it ends on
_MOST = 400  # the longest rules each way that are looked at: a page of hatching must end


def find(drawn: Pixels, across: Pixels, down: Pixels, scale: float) -> Rules:
    """Return the rules in the clean frame, given the ink and the long rules of `ink.rules`.

    A rule may come in pieces, and a piece twice. `scale` is clean pixels per pixel of the masks.
    """
    if not across.any():  # nothing is a cell without a rule above or below
        return Rules()
    uprights = np.concatenate([_spans(down), _rules(drawn, across, 1)])
    level = np.concatenate([_spans(across), _rules(drawn, _drawn(uprights, drawn.shape), 0)])
    return Rules(_boxes(level, 0, scale), _boxes(uprights, 1, scale))


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
    """Count for each span how many of its two ends along `axis` lie on one of the rules."""
    total = np.asarray(cv2.integral((rules > 0).astype(np.uint8)), np.int32)
    first, last = spans.copy(), spans.copy()
    first[:, axis + 2] = spans[:, axis]
    last[:, axis] = spans[:, axis + 2]
    return _inked(total, first).astype(int) + _inked(total, last)


def _inked(total: NDArray[np.int32], spans: Spans) -> NDArray[np.bool_]:
    """Say of each span whether there is ink in it or close by; `total` is the ink's integral."""
    height, width = total.shape
    left, right = (np.clip(spans[:, k] + d, 0, width - 1) for k, d in ((0, -_REACH), (2, _REACH)))
    top, bottom = (np.clip(spans[:, k] + d, 0, height - 1) for k, d in ((1, -_REACH), (3, _REACH)))
    inked = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(inked > 0, bool)


def _drawn(spans: Spans, shape: tuple[int, ...]) -> Pixels:
    mask = np.zeros(shape, np.uint8)
    for left, top, right, bottom in spans.tolist():
        mask[top:bottom, left:right] = 255
    return mask


def _boxes(spans: Spans, axis: int, scale: float) -> tuple[Box, ...]:
    """Return the longest of the rules along `axis` (0 x, 1 y)."""
    length = spans[:, axis + 2] - spans[:, axis]
    longest = spans[np.argsort(-length, kind="stable")[:_MOST]]
    return tuple(Box(*(round(side * scale) for side in span)) for span in longest.tolist())
