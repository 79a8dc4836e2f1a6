"""Ruling lines that may separate cells: long straight runs of ink, and shorter ones between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.records import RulingLines
from daemon.ocr.segment.rects import draw_rects, ink_density

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.ink import InkMask
    from daemon.ocr.segment.rects import Rects

_MIN_LENGTH = 24  # pixels; the side of the smallest cell
_MIN_FRAGMENT = 48  # pixels; the shortest fragment of a broken rule
_MIN_FREE_LENGTH = 100  # pixels; a straight run this long is a rule wherever it ends
_MAX_WIDTH = 12  # pixels; the width of a rule, and the least deviation that is allowed
_MAX_LEAN = 0.03  # of the length: how far a rule may deviate from a straight one
_MAX_GAP = 4  # pixels between the end of a short run and the rule it ends on
_MAX_RULES = 400  # the longest rules in each direction are used: hatching must end


def find(ink: InkMask) -> RulingLines:
    """Return the ruling lines in the clean frame. Some come in fragments, or twice."""
    if not ink.horizontal.any():  # without a rule above or below there is no cell
        return RulingLines()
    vertical = np.concatenate(
        [_component_rects(ink.vertical), _rule_rects(ink.mask, ink.horizontal, 1)]
    )
    vertical_mask = draw_rects(np.zeros_like(ink.mask), vertical)
    horizontal = np.concatenate(
        [_component_rects(ink.horizontal), _rule_rects(ink.mask, vertical_mask, 0)]
    )
    return RulingLines(_boxes(horizontal, 0, ink.scale), _boxes(vertical, 1, ink.scale))


def _rule_rects(ink: Pixels, crossing: Pixels, axis: int) -> Rects:
    """Return narrow straight runs along `axis` (0 x, 1 y) that are long or end on the `crossing`.

    A short run must end on them on both sides; a longer one, a fragment of a broken rule, on one.
    """
    bar = np.ones((1, _MIN_LENGTH) if axis == 0 else (_MIN_LENGTH, 1), np.uint8)
    rects = _component_rects(cv2.morphologyEx(ink, cv2.MORPH_OPEN, bar))
    length = rects[:, axis + 2] - rects[:, axis]
    width = rects[:, 3 - axis] - rects[:, 1 - axis]
    narrow = width <= np.maximum(_MAX_WIDTH, _MAX_LEAN * length)
    supported_ends = _supported_ends(rects, crossing, axis)
    selected = narrow & (
        (length >= _MIN_FREE_LENGTH)
        | (supported_ends == 2)
        | ((supported_ends == 1) & (length >= _MIN_FRAGMENT))
    )
    return np.asarray(rects[selected], np.int32)


def _component_rects(mask: cv2.typing.MatLike) -> Rects:
    """Return the bounding boxes of the components, N,4; contours are faster than labels."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    sides = np.array([cv2.boundingRect(outline) for outline in outlines], np.int32).reshape(-1, 4)
    sides[:, 2:] += sides[:, :2]
    return sides


def _supported_ends(rects: Rects, rules: Pixels, axis: int) -> NDArray[np.int_]:
    """Count for each run how many of its two ends along `axis` lie on or near a rule."""
    total = np.asarray(cv2.integral((rules > 0).astype(np.uint8)), np.int32)
    around = rects + np.array([-_MAX_GAP, -_MAX_GAP, _MAX_GAP, _MAX_GAP])
    first, last = around.copy(), around.copy()
    first[:, axis + 2] = rects[:, axis] + _MAX_GAP
    last[:, axis] = rects[:, axis + 2] - _MAX_GAP
    return (ink_density(total, *first.T) > 0).astype(int) + (ink_density(total, *last.T) > 0)


def _boxes(rects: Rects, axis: int, scale: float) -> tuple[Box, ...]:
    """Return the longest rules along `axis` (0 x, 1 y) as boxes."""
    length = rects[:, axis + 2] - rects[:, axis]
    longest = rects[np.argsort(-length, kind="stable")[:_MAX_RULES]]
    return tuple(Box(*(round(side * scale) for side in rect)) for rect in longest.tolist())
