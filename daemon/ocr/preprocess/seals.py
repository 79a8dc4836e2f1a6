"""Seals: round and oval stamps in red ink are taken off a page before it becomes gray.

In the red channel, red ink is nearly as light as paper and print is dark, so the text beneath a
stamp is read there; the excess of red over the other channels is the stamp without the text. Only
what has the shape of a stamp is taken off: text in red stays.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.preprocess.colour import to_gray
from daemon.ocr.records import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from daemon.core.records import Page, Pixels

    Redness = NDArray[np.int16]
    Ellipse = tuple[tuple[float, float], tuple[float, float], float]

_STRIDE = 8  # pixels: a pixel of so many along each axis is looked at first
_MIN_RED = 28  # levels of red above the larger of green and blue: paper and skin have less
_FAINT_RED = 16  # levels: thin strokes inside a ring of red ink have as little
_MIN_SAMPLES = 12  # red pixels of the sample; a stamp of 60 pixels across has twice as many
_SIDE = 1500  # pixels: stamps are looked for at this size of the page
_MIN_DIAMETER = 64  # pixels at that size: the text of a smaller stamp is not legible
_MAX_SHARE = 0.5  # of the longer side of the page that a stamp takes, at most
_MIN_ASPECT = 0.55  # of the axes of an oval stamp; invoices have 0.75
_CLOSING = 9  # pixels at that size: gaps in the ring of uneven ink
_DARK = 120  # gray level of print: where it crosses a ring, ink of the stamp is on both sides,
_REACH = 31  # and as close as this, in pixels at that size
_RIM = (0.9, 1.04)  # of the radius: where the ring of a stamp is
_MIN_ROUND = 0.62  # share of the directions in which there is ink on the rim
_INNER_SHARE = (0.03, 0.6)  # of the area inside the rim that is ink: a blank circle or a disc
_RADII = np.linspace(0.4, 0.96, 15)  # of the radius: rings of which the ink is counted
_DIRECTIONS = np.linspace(0, 2 * math.pi, 73)
_CLEAR_FROM = 0.72  # of the radius: the band between rim and text is not further inwards
_MAX_CLEAR = 0.6  # of the directions inked on the rim that are inked in that band
_MIN_TEXT = 0.12  # share of the directions that are inked in the text but not in that band
_MAX_SEALS = 12  # of a page
_BRIDGE = 3  # pixels: strokes of print as wide as this are bridged; more fills characters
_MARGIN = 0.04  # of the longer axis, around a stamp


def separate_seals(page: Page) -> tuple[Page, list[Seal]]:
    """Return the page in gray, without the ink of its seals, and the seals.

    A page without colours has none. On a page without red, looking for them takes a thousandth of
    the time of decoding it.
    """
    image = page.image
    if image.ndim == 2 or not image.size:
        return page, []
    gray = to_gray(image)
    if np.count_nonzero(_redness(image[::_STRIDE, ::_STRIDE]) > _MIN_RED) < _MIN_SAMPLES:
        return replace(page, image=gray), []
    seals = [_take_off(image, gray, ellipse) for ellipse in _find(image)]
    return replace(page, image=gray), seals


def _redness(image: Pixels) -> Redness:
    """Return by how much red exceeds the other channels of H,W,3 BGR, H,W."""
    blue, green, red = (image[..., k].astype(np.int16) for k in range(3))
    return np.asarray(red - np.maximum(blue, green), np.int16)


def _find(image: Pixels) -> Iterator[Ellipse]:
    """Yield the outer edges of the seals: centre, semi-axes, angle, in pixels of the page."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    redness = _redness(small)
    mask = np.asarray(redness > _MIN_RED, np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSING, _CLOSING))
    dark = np.asarray(small.max(axis=2) < _DARK, np.uint8)
    near = np.asarray(cv2.dilate(mask, np.ones((_REACH, _REACH), np.uint8)), np.uint8)
    closed = cv2.morphologyEx(mask | (dark & near), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    largest = 1 + np.argsort(-stats[1:count, cv2.CC_STAT_AREA], kind="stable")[:_MAX_SEALS]
    for label in largest:
        left, top, width, height = (int(v) for v in stats[label, :4])
        if not _is_of_size(width, height, max(size)):
            continue
        part = (slice(top, top + height), slice(left, left + width))
        ellipse = _outer_edge(np.asarray(mask[part] * (labels[part] == label), np.uint8))
        if ellipse is not None and _is_ring(redness[part], ellipse):
            (x, y), (first, second), angle = ellipse
            centre = ((x + left + 0.5) / scale, (y + top + 0.5) / scale)
            yield centre, (first / scale, second / scale), angle


def _is_of_size(width: int, height: int, side: int) -> bool:
    shorter, longer = sorted((width, height))
    return shorter >= _MIN_DIAMETER * _MIN_ASPECT and _MIN_DIAMETER <= longer <= _MAX_SHARE * side


def _outer_edge(ink: Pixels) -> Ellipse | None:
    """Return the ellipse around the ink, whose edge may be interrupted; None if it is too flat."""
    points = cv2.findNonZero(ink)
    if points is None or len(points) < _MIN_DIAMETER:
        return None
    filled = cv2.fillConvexPoly(np.zeros_like(ink), cv2.convexHull(points), (1,))
    moments = cv2.moments(filled, binaryImage=True)
    area = moments["m00"]
    spread = np.array(
        [[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]
    ) / max(1.0, area)
    values, vectors = np.linalg.eigh(spread)
    second, first = 2 * np.sqrt(np.maximum(values, 0.0))
    if second < _MIN_ASPECT * first:
        return None
    angle = math.atan2(vectors[1, 1], vectors[0, 1])
    if second > 0.94 * first:  # a circle has no axes
        first = second = (first + second) / 2
        angle = 0.0
    elif abs(angle) > math.pi / 2:
        angle -= math.copysign(math.pi, angle)
    centre = (moments["m10"] / area, moments["m01"] / area)
    return centre, (float(first), float(second)), angle


def _is_ring(redness: Redness, ellipse: Ellipse) -> bool:
    """Tell whether ink goes around the rim, with a clear band and then more ink inside it.

    A letter O has no more ink inside, a disc has no clear band.
    """
    y, x = np.nonzero(redness > _FAINT_RED)
    radius, direction = _polar(x.astype(np.float64), y.astype(np.float64), ellipse)
    on_rim = (radius >= _RIM[0]) & (radius <= _RIM[1]) & (redness[y, x] > _MIN_RED)
    around = np.unique((direction[on_rim] * 90 / math.pi).astype(np.int64)).size / 180
    (first, second), inner = ellipse[1], 0.88
    share = np.count_nonzero(radius < inner) / (math.pi * first * second * inner**2)
    if around < _MIN_ROUND or not _INNER_SHARE[0] <= share <= _INNER_SHARE[1]:
        return False
    counts, _, _ = np.histogram2d(radius, direction, bins=(_RADII, _DIRECTIONS))
    occupied = (counts > 0).mean(axis=1)
    clearest = int(np.argmin(np.where(_RADII[:-1] >= _CLEAR_FROM, occupied, 1.0)))
    return bool(
        occupied[clearest] <= _MAX_CLEAR * around
        and occupied[:clearest].max() >= occupied[clearest] + _MIN_TEXT
    )


def _polar(
    x: NDArray[np.float64], y: NDArray[np.float64], ellipse: Ellipse
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radius, 1 on the ellipse, and the direction, 0..2 pi, of points."""
    (centre_x, centre_y), (first, second), angle = ellipse
    cos, sin = math.cos(angle), math.sin(angle)
    along = ((x - centre_x) * cos + (y - centre_y) * sin) / first
    across = (-(x - centre_x) * sin + (y - centre_y) * cos) / second
    return np.hypot(along, across), np.arctan2(across, along) % (2 * math.pi)


def _take_off(image: Pixels, gray: Pixels, ellipse: Ellipse) -> Seal:
    """Return the seal, and replace it in `gray` by what is beneath it."""
    (x, y), (first, second), angle = ellipse
    reach = (1 + _MARGIN) * max(first, second)
    half_width = min(reach, math.hypot(first * math.cos(angle), second * math.sin(angle)) * 1.08)
    half_height = min(reach, math.hypot(first * math.sin(angle), second * math.cos(angle)) * 1.08)
    left, top = max(0, math.floor(x - half_width)), max(0, math.floor(y - half_height))
    right = min(image.shape[1], math.ceil(x + half_width) + 1)
    bottom = min(image.shape[0], math.ceil(y + half_height) + 1)
    part = image[top:bottom, left:right]
    redness = _redness(part).astype(np.float32)
    inked = redness > _MIN_RED
    typical = float(np.median(redness[inked])) if inked.any() else 255.0
    share = np.clip(redness / typical, 0, 1)
    red = part[..., 2].astype(np.float32)
    paper = float(np.percentile(red, 95))
    loss = max(0.0, paper - float(np.median(red[inked]))) if inked.any() else 0.0
    gray[top:bottom, left:right] = np.clip(red + loss * share, 0, 255).astype(np.uint8)
    ink = np.asarray(255 - 255 * share, np.uint8)
    # where print crosses the stamp, its strokes go on from one side to the other
    bridged = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((_BRIDGE, _BRIDGE), np.uint8))
    printed = cv2.dilate(np.asarray(red < paper / 2, np.uint8), np.ones((3, 3), np.uint8))
    return Seal(
        box=Box(left, top, right, bottom),
        ink=np.where(printed > 0, np.asarray(bridged, np.uint8), ink),
        centre=(x - left, y - top),
        axes=(first, second),
        angle=angle,
    )
