"""Text detection by DBNet: where text is, pixel by pixel, on any background and at any angle.

The network (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI
2020) predicts the shrunken core of each line; a core is expanded again ("unclipped") by area by
perimeter of its rectangle. The page is processed in tiles, so that memory does not grow with it:
the network needs about 220 bytes a pixel, and is faster where they fit the caches of the core.

A second pass at a quarter of the size finds letters that are too large for the first one: the
network knows lines of about 8 to 120 pixels. Where there are any, a pass at half of the size
follows, and one at a sixteenth for letters that are too large for the second one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from daemon.core import checksummed_file
from daemon.core.errors import Misconfigured
from daemon.ocr.onnx_session import open_session
from daemon.ocr.page_scale import page_side
from daemon.ocr.segment.quads import is_level, share_within, sides

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from daemon.core.records import Box, Pixels
    from daemon.ocr.segment.quads import Quads

_SIDE = 1056  # pixels that the side of a page (`page_side`) is scaled to
_MAX_ENLARGEMENT = 2.0  # a small page is not enlarged by more
_MAX_ENLARGED = 2_000_000  # pixels that a page may have after it was enlarged
_COARSE = 4  # times smaller: the scale of the pass for large letters
_STEP = 32  # pixels; the network halves the size five times
_TILE = 704  # rows and columns of a tile at most, a multiple of the step: 110 MB at its peak
_MIN_CONTRAST = 12  # gray levels: an even tile has no text
_LAP = 48  # pixels that tiles share, as context
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet; B, G, R as in PaddleOCR
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_MIN_PIXEL = 0.3  # probability from which a pixel belongs to a core
_MIN_SCORE = 0.5  # mean probability from which a core is a line
_MIN_CORE = 3.0  # pixels; thinner cores are noise
# Times the smallest rectangle of a core: where its upright one is hardly larger, the angle of the
# smallest comes from single pixels at its ends.
_MAX_UPRIGHT_AREA = 1.25
# pixels at most of a part that is detected again: two rows of about 40 and their margins; two tiles
_PART_HEIGHT, _PART_WIDTH = 128, 1408
_PART_SCALE = 3.0  # times such a part is enlarged at most
_PART_MARGIN = 0.15  # of its height, added around it
_UNCLIP_RATIO = 1.5  # times area by perimeter: the shrinkage in training
_MAX_CORES = 3000  # the largest cores are used: a page of noise must end
_SAME_HEIGHT = 0.6  # of the height of a large line: what is as high within it is that line
_PARAGRAPH = 0.5  # of the length of a large line: what is as long within it is a line of its own
_STACK = 0.4  # of the width of a large line that is higher than wide: the same, of a stack of rows
_MIN_ROW_RATIO = 1.5  # times as long as high: a row of a paragraph or of a stack
_MIN_INSIDE = 0.5  # share of a fine line within a large one, for it to be a part of that
_TOO_LARGE = 110  # pixels at the scale of a pass: it breaks higher lines into pieces
_MIN_LARGE = 64  # pixels at the scale of a pass: lower lines are left to it


@dataclass(frozen=True, slots=True)
class Detection:
    """What the network sees on a page: the corners of its lines, and how likely text is.

    `quads` are N,4,2 in pixels of the page, from the upper left corner clockwise; `scores` N, the
    mean probability of their cores. `probability` is H,W in 0..1, `scale` pixels of it per pixel
    of the page.
    """

    quads: Quads
    scores: NDArray[np.float64]
    probability: NDArray[np.float32]
    scale: float


@dataclass(frozen=True, slots=True)
class TextDetector:
    """A text detection network, loaded into ONNX Runtime."""

    session: Any

    @classmethod
    def load(cls, file: Path, sha256: str | None = None) -> TextDetector:
        """Load the ONNX network in `file`; Misconfigured if it is not one or its digest differs."""
        content, _ = checksummed_file.read("detector", file, sha256)
        try:  # an arena would keep the memory of the largest tile
            session = open_session(content, has_arena=False)
        except Exception as error:  # its errors have no common base class
            remedy = "is no ONNX network that ONNX Runtime can run; name a file of models/"
            raise Misconfigured("detector.file", file, remedy) from error
        return cls(session)

    def detect(self, gray: Pixels) -> Detection:
        """Return what the network sees in H,W `gray`."""
        scale = _scale(gray.shape)
        probability = self.probability(_resized(gray, scale))
        found = lines_of(probability)
        size = np.array(probability.shape[::-1])
        coarse = self._lines_at(gray, scale, _COARSE, size)
        highest = sides(coarse[0])[:, 0].max(initial=0.0)
        if highest >= _MIN_LARGE:
            found = _with_large(*found, *self._lines_at(gray, scale, 2, size), 2)
            found = _with_large(*found, *coarse, _COARSE)
        if highest >= _MIN_LARGE * _COARSE:
            found = _with_large(
                *found, *self._lines_at(gray, scale, 4 * _COARSE, size), 4 * _COARSE
            )
        factor = np.array(gray.shape[::-1]) / size
        quads, scores = found
        return Detection(quads * factor, scores, probability, probability.shape[0] / gray.shape[0])

    def detect_enlarged(self, gray: Pixels, box: Box) -> Quads:
        """Return the lines, N,4,2 in pixels of the page, in a part of H,W `gray`.

        The part is enlarged so that two rows of text in it are as high as the network knows best.
        """
        margin = round(_PART_MARGIN * (box.bottom - box.top))
        left, top = max(0, box.left - margin), max(0, box.top - margin)
        part = gray[top : box.bottom + margin, left : box.right + margin]
        scale = min(_PART_SCALE, _PART_HEIGHT / part.shape[0], _PART_WIDTH / part.shape[1])
        enlarged = _resized(part, scale)
        quads, _ = lines_of(self.probability(enlarged))
        factor = np.array(part.shape[::-1]) / enlarged.shape[::-1]
        return np.asarray(quads * factor + np.array([left, top]), np.float64)

    def _lines_at(
        self, gray: Pixels, scale: float, reduction: int, size: NDArray[np.int_]
    ) -> tuple[Quads, NDArray[np.float64]]:
        """Return the lines of a pass at a reduced scale, in pixels of the fine pass, and scores."""
        probability = self.probability(_resized(gray, scale / reduction))
        quads, scores = lines_of(probability)
        return quads * (size / probability.shape[::-1]), scores

    def probability(self, gray: Pixels) -> NDArray[np.float32]:
        """Return how likely each pixel of `gray`, H,W, is text: 0..1, at this very scale."""
        probability = np.zeros(gray.shape, np.float32)
        for (top, rows), (left, columns) in product(_tiles(gray.shape[0]), _tiles(gray.shape[1])):
            tile = gray[top : top + rows, left : left + columns]
            if int(tile.max()) - int(tile.min()) < _MIN_CONTRAST:
                continue
            top_lap, left_lap = min(top, _LAP), min(left, _LAP)
            probability[top + top_lap : top + rows, left + left_lap : left + columns] = (
                self._forward(tile)[top_lap:, left_lap:]
            )
        return probability

    def _forward(self, tile: Pixels) -> NDArray[np.float32]:
        height, width = tile.shape
        padding = ((0, _padded(height) - height), (0, _padded(width) - width))
        padded = np.pad(tile, padding, mode="edge").astype(np.float32)[None]
        channels = (padded / 255 - _MEAN[:, None, None]) / _DEVIATION[:, None, None]  # 3, H, W
        [output] = self.session.run(None, {"x": channels[None]})
        return np.asarray(output[0, 0, :height, :width], np.float32)


def _scale(shape: tuple[int, ...]) -> float:
    """Return the scale at which a page of H,W is processed."""
    scale = min(_MAX_ENLARGEMENT, _SIDE / page_side(shape))
    return min(scale, max(1.0, math.sqrt(_MAX_ENLARGED / (shape[0] * shape[1]))))


def _resized(gray: Pixels, scale: float) -> Pixels:
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=interpolation), np.uint8)


def _padded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _tiles(length: int) -> list[tuple[int, int]]:
    """Return start and size of tiles that cover `length` and overlap by two laps or more."""
    count = max(1, math.ceil((length - 2 * _LAP) / (_TILE - 2 * _LAP)))
    size = min(length, _padded(math.ceil((length + 2 * _LAP * (count - 1)) / count)))
    return [(round(k * (length - size) / (count - 1)) if k else 0, size) for k in range(count)]


def lines_of(probability: NDArray[np.float32]) -> tuple[Quads, NDArray[np.float64]]:
    """Return the corners, N,4,2, and the scores, N, of the lines."""
    found = list(_cores(probability))
    quads = np.array([_unclip(core) for core, _ in found], np.float64).reshape(-1, 4, 2)
    return quads, np.array([score for _, score in found], np.float64)


def _cores(
    probability: NDArray[np.float32],
) -> Iterator[tuple[cv2.typing.RotatedRect, float]]:
    """Yield each core: centre, size, and angle within 45 degrees of level; and its score."""
    text = (probability > _MIN_PIXEL).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(text, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    is_text = text.view(bool)  # of a long page, all pixels as 64-bit numbers take 200 MB
    mean = np.bincount(labels[is_text], probability[is_text], count) / area
    confident = np.flatnonzero(mean >= _MIN_SCORE)
    largest = confident[np.argsort(-area[confident], kind="stable")][:_MAX_CORES]
    for label in largest[largest > 0]:
        left, top, width, height = stats[label, :4]
        core = labels[top : top + height, left : left + width] == label
        points = cv2.findNonZero(core.astype(np.uint8)) + np.array([left, top])
        (x, y), (across, down), angle = cv2.minAreaRect(points.astype(np.float32))
        turns = round(angle / 90)  # quarter turns: the angle is ambiguous
        if turns % 2:
            across, down = down, across
        if min(across, down) + 1 < _MIN_CORE:
            continue
        rect = (x + 0.5, y + 0.5), (across + 1, down + 1), angle - 90 * turns
        if width * height <= _MAX_UPRIGHT_AREA * (across + 1) * (down + 1):
            rect = (left + width / 2, top + height / 2), (float(width), float(height)), 0.0
        yield rect, float(mean[label])


def _unclip(core: cv2.typing.RotatedRect) -> Quads:
    """Return the corners, 4,2, of the line that has this core."""
    centre, (across, down), angle = core
    growth = _UNCLIP_RATIO * across * down / (across + down)
    corners = cv2.boxPoints((centre, (across + growth, down + growth), angle))
    return np.asarray(np.roll(corners, -1, axis=0), np.float64)


def _with_large(
    quads: Quads,
    scores: NDArray[np.float64],
    large: Quads,
    large_scores: NDArray[np.float64],
    reduction: int,
) -> tuple[Quads, NDArray[np.float64]]:
    """Return the lines with those large ones of a pass at a reduced scale that they lack.

    A large line replaces the fragments of its letters within it, unless these are lines: as high as
    it, where the finer pass sees such heights whole, or the long and low lines of a paragraph.
    """
    heights, lengths = (sides(quads)[:, k] for k in (0, 1))
    is_wide = np.hypot(*(quads[:, 1] - quads[:, 0]).T) >= lengths
    is_long = lengths >= _MIN_ROW_RATIO * heights  # fragments of a character are about square
    kept = np.ones(len(quads), bool)
    added = []
    for k, (quad, (height, length)) in enumerate(zip(large, sides(large), strict=True)):
        if 2 * height < _MIN_LARGE * reduction:
            continue
        inside = share_within(quads, quad) > _MIN_INSIDE
        width = np.hypot(*(quad[1] - quad[0]))
        is_stack = is_wide & bool(width < length and is_level(quad))
        shortest = np.where(is_stack, _STACK * width, _PARAGRAPH * length)
        is_row = (lengths >= shortest) & (heights < _SAME_HEIGHT * height) & is_long
        is_same = (heights >= _SAME_HEIGHT * height) & (2 * height < _TOO_LARGE * reduction)
        if not (inside & (is_row | is_same)).any():
            added.append(k)
            kept &= ~inside
    return np.concatenate([quads[kept], large[added]]), np.concatenate(
        [scores[kept], large_scores[added]]
    )
