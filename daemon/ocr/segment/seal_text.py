"""The text of a seal: the ring, unrolled into a row, and the rows inside it.

The characters of the ring stand upright on its inner side and run clockwise over the top. They
leave a gap at the bottom, from which the ring is unrolled and by which it is known how a stamp
that was pressed at an angle is turned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from daemon.ocr.records import LineCrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import Seal

    Profile = NDArray[np.float64]

_MAX_DEPTH = 0.62  # of the shorter axis: how far inwards the text of the ring may reach
_MIN_DEPTH = 0.12  # of the shorter axis: how high its characters are at least
_RIM_DENSITY = 0.5  # of the directions that are inked: a ring
_CLEAR_DENSITY = 0.02  # of the directions that are inked: between the ring and its text
_MIN_GAP = 0.08  # of the circumference: the gap between the end of the text and its start
_MIDDLE = 0.22  # of the shorter axis: the depth of the middle of the text
_NEAR_RIM = 0.2  # of the height of the text: the row at the bottom does not reach as far out
_ROW_HEIGHT = 48  # pixels of an unrolled ring; smaller stamps are enlarged
_INK = 0.4  # share of the ink of a stamp from which a pixel belongs to it


@dataclass(frozen=True, slots=True)
class _Outline:
    """The outer edge of a seal as a curve: its parameter and the length along it, clockwise.

    A point at parameter t, turned by the angle of the seal, is (first cos t, second sin t). The
    length is that of a curve in the middle of the text; `start` is that of the lowest point.
    """

    t: Profile
    length: Profile
    start: float

    @classmethod
    def of(cls, seal: Seal) -> _Outline:
        first, second = seal.axes
        t = np.linspace(0, 2 * math.pi, 2049)
        inner = _MIDDLE * second
        speed = np.hypot((first - inner) * np.sin(t), (second - inner) * np.cos(t))
        steps = (speed[1:] + speed[:-1]) / 2 * np.diff(t)
        length = np.concatenate([[0.0], np.cumsum(steps)])
        lowest = math.atan2(second * math.cos(seal.angle), first * math.sin(seal.angle))
        return cls(t, length, float(np.interp(lowest % (2 * math.pi), t, length)))

    def parameters(self, shares: Profile) -> Profile:
        """Return the parameters at shares, 0..1, of the way around from the lowest point."""
        total = self.length[-1]
        lengths = (self.start + shares * total) % total
        return np.asarray(np.interp(lengths, self.length, self.t), np.float64)

    def shares(self, parameters: Profile) -> Profile:
        """Return the shares of the way around from the lowest point, 0..1, at parameters."""
        total = self.length[-1]
        length = np.interp(parameters % (2 * math.pi), self.t, self.length)
        return np.asarray(((length - self.start) % total) / total, np.float64)


def seal_lines(seal: Seal) -> list[LineCrop]:
    """Return the lines of a seal, the ring first; their box is that of the seal."""
    outline = _Outline.of(seal)
    ring, depths = _unrolled(seal, outline)
    band = _text_band(ring, depths)
    if band is None:
        return []
    start, stop = band
    row, (begin, end) = _from_gap(ring[start:stop])
    sector = _Sector(begin, end, float(depths[start]), float(depths[stop - 1]))
    return [LineCrop(seal.box, _framed(row)), *_inner_lines(seal, outline, sector)]


class _Sector(NamedTuple):
    """Where the text of the ring is: between two shares of the way around, and two depths."""

    begin: float
    end: float
    outer: float
    inner: float


def _unrolled(seal: Seal, outline: _Outline) -> tuple[Pixels, Profile]:
    """Return the ring as a row from the lowest point of the seal clockwise, the rim at the top.

    Its columns are of equal length along the middle of the text. The second result is the depth
    inwards from the outer edge of each of its rows, in pixels of the seal.
    """
    first, second = seal.axes
    scale = max(1.0, _ROW_HEIGHT / (0.3 * second))
    outside = 0.06 * second  # the edge is known to within this
    depths = np.arange(-outside, _MAX_DEPTH * second, 1 / scale)
    count = max(2, round(float(outline.length[-1]) * scale))
    angles = outline.parameters(np.arange(count) / count)[None, :]
    normal = np.stack([second * np.cos(angles), first * np.sin(angles)])
    normal /= np.hypot(normal[0], normal[1])
    x = first * np.cos(angles) - depths[:, None] * normal[0]
    y = second * np.sin(angles) - depths[:, None] * normal[1]
    cos, sin = math.cos(seal.angle), math.sin(seal.angle)
    map_x = np.asarray(seal.centre[0] + x * cos - y * sin - 0.5, np.float32)
    map_y = np.asarray(seal.centre[1] + x * sin + y * cos - 0.5, np.float32)
    ring = cv2.remap(
        seal.ink, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return np.asarray(ring, np.uint8), depths


def _text_band(ring: Pixels, depths: Profile) -> tuple[int, int] | None:
    """Return the first and the last row (exclusive) of the text within the ring; None without."""
    density = (ring < 255 * (1 - _INK)).mean(axis=1)
    radius = float(depths[-1]) / _MAX_DEPTH
    rim = np.flatnonzero((density >= _RIM_DENSITY) & (depths < 0.2 * radius))
    start = int(rim[-1]) + 1 if len(rim) else int(np.searchsorted(depths, 0.08 * radius))
    low = max(_CLEAR_DENSITY, 0.15 * float(np.percentile(density[start:], 80)))
    inked = np.flatnonzero(density[start:] > low) + start
    # the flank of the rim is not text
    clear = np.flatnonzero(density[start:] <= low) + start
    if len(clear) and len(inked) and inked[0] < clear[0] < start + 0.08 * len(ring):
        inked = inked[inked > clear[0]]
    if not len(inked):
        return None
    first = int(inked[0])
    gap = max(2, round(0.025 * len(ring)))
    breaks = np.flatnonzero(np.diff(inked) > gap)
    last = int(inked[breaks[0]]) if len(breaks) else int(inked[-1])
    if depths[last] - depths[first] < _MIN_DEPTH * radius:
        return None
    margin = max(1, round(0.1 * (last - first)))
    return max(start, first - margin), min(len(ring), last + 1 + margin)


def _from_gap(ring: Pixels) -> tuple[Pixels, tuple[float, float]]:
    """Return the text of the ring from its start to its end, and the shares at which they are.

    The gap between end and start is the widest one near the rim: further inwards, the row at the
    bottom of the seal may reach into the gap.
    """
    height, count = ring.shape
    inked = (ring < 255 * (1 - _INK)).astype(np.uint8)
    near_rim = np.flatnonzero(inked[: max(2, round(_NEAR_RIM * height))].any(axis=0))
    if not len(near_rim):
        return ring, (0.0, 1.0)
    gaps = np.diff(np.concatenate([near_rim, [near_rim[0] + count]]))
    widest = int(np.argmax(gaps))
    if gaps[widest] < _MIN_GAP * count:
        return ring, (0.0, 1.0)
    middle = int(near_rim[widest] + gaps[widest] / 2) % count
    rolled, inked = np.roll(ring, -middle, axis=1), np.roll(inked, -middle, axis=1)
    first, last = (
        int(near_rim[(widest + 1) % len(near_rim)] - middle) % count,
        int(near_rim[widest] - middle) % count,
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    left, right = (
        stats[:, cv2.CC_STAT_LEFT],
        stats[:, cv2.CC_STAT_LEFT] + stats[:, cv2.CC_STAT_WIDTH],
    )
    belongs = (right > first) & (left <= last) & (right - left < count / 3)
    belongs[0] = False
    start, stop = int(left[belongs].min()), int(right[belongs].max())
    kept = cv2.dilate(belongs[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    cleaned = np.where((kept > 0) | (inked == 0), rolled, 255)
    cleaned[:, :start] = cleaned[:, stop:] = 255
    margin = height // 4
    row = cleaned[:, max(0, start - margin) : stop + margin]
    return row, ((start + middle) / count, (stop + middle) / count)


def _framed(row: Pixels) -> Pixels:
    """Return a row with a margin above and below, as the crops of lines have it."""
    margin = max(2, row.shape[0] // 8)
    return np.pad(row, ((margin, margin), (0, 0)), constant_values=255)


def _inner_lines(seal: Seal, outline: _Outline, sector: _Sector) -> list[LineCrop]:
    """Return the rows within the ring of text, which may end in the gap of its text."""
    first, second = (axis - max(0.0, sector.outer) for axis in seal.axes)
    scale = max(1.0, 5 * _ROW_HEIGHT / (2 * second))
    width, height = round(2 * first * scale), round(2 * second * scale)
    # the middle of the gap is the lowest point of a stamp that is not turned
    middle = outline.parameters(np.array([(sector.begin + sector.end + 1) / 2 % 1.0]))
    lowest = outline.parameters(np.array([0.0]))
    turn = float(middle[0] - lowest[0]) if sector.end - sector.begin < 1 else 0.0
    turn = (turn + math.pi) % (2 * math.pi) - math.pi
    # an oval is turned by its axes
    angle = seal.angle if first > 1.06 * second else turn
    x, y = np.meshgrid(np.arange(width) - width / 2 + 0.5, np.arange(height) - height / 2 + 0.5)
    cos, sin = math.cos(angle), math.sin(angle)
    page_x, page_y = (x * cos - y * sin) / scale, (x * sin + y * cos) / scale
    inner = cv2.remap(
        seal.ink,
        np.asarray(seal.centre[0] + page_x - 0.5, np.float32),
        np.asarray(seal.centre[1] + page_y - 0.5, np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    own_cos, own_sin = math.cos(seal.angle), math.sin(seal.angle)
    along = (page_x * own_cos + page_y * own_sin) / seal.axes[0]
    across = (-page_x * own_sin + page_y * own_cos) / seal.axes[1]
    depth = (1 - np.hypot(along, across)) * seal.axes[1]
    shares = outline.shares(np.arctan2(across, along).ravel()).reshape(depth.shape)
    beyond = (shares - sector.begin) % 1.0 < sector.end - sector.begin
    erased = (depth < sector.outer) | (beyond & (depth < sector.inner))
    visible = np.where(erased, 255, inner).astype(np.uint8)
    return [LineCrop(seal.box, row) for row in _rows(visible)]


def _rows(inner: Pixels) -> list[Pixels]:
    """Return the rows of text, which are wide, and not the star or emblem in the middle."""
    inked = inner < 255 * (1 - _INK)
    profile = np.concatenate([[False], inked.mean(axis=1) > 0.01, [False]])
    edges = np.flatnonzero(np.diff(profile.astype(np.int8)))
    rows: list[Pixels] = []
    for top, bottom in edges.reshape(-1, 2).tolist():
        x = np.flatnonzero(inked[top:bottom].any(axis=0))
        height, width = bottom - top, int(x[-1]) + 1 - int(x[0])
        if height >= 10 and width >= 2 * height:
            margin = max(2, height // 6)
            row = inner[max(0, top - margin) : bottom + margin]
            rows.append(row[:, max(0, int(x[0]) - margin) : int(x[-1]) + margin])
    return rows
