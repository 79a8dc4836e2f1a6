"""Text detection by DBNet: where text is, pixel by pixel, on any background and at any slope.

The network (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI
2020) predicts the shrunken core of each line; a core is expanded again ("unclipped") by area by
perimeter of its rectangle. The page is processed in tiles, so that memory does not grow with it:
the network needs about 290 bytes a pixel, and is faster where they fit the caches of the core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core import checksummed_file
from daemon.core.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Quads = NDArray[np.float64]

_SIDE = 1600  # the page is scaled to this many pixels
_MAX_ENLARGEMENT = 2.0  # but not enlarged by more
_STEP = 32  # pixels; the network halves the size five times
_TILE = (320, 640)  # rows and columns of a tile, multiples of the step
_LAP = 48  # pixels that tiles share, as context
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet; B, G, R as in PaddleOCR
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_MIN_PIXEL = 0.3  # probability from which a pixel belongs to a core
_MIN_SCORE = 0.6  # mean probability from which a core is a line
_MIN_CORE = 3.0  # pixels; thinner cores are noise
_UNCLIP_RATIO = 1.5  # times area by perimeter: the shrinkage in training
_MAX_CORES = 3000  # the largest cores are used: a page of noise must end


@dataclass(frozen=True, slots=True)
class TextDetector:
    """A text detection network, created anew for each page since `cv2.dnn` keeps its memory.

    Creating it costs a twentieth of the work for a page.
    """

    content: bytes

    @classmethod
    def load(cls, file: Path, sha256: str | None = None) -> TextDetector:
        """Load the ONNX network in `file`; Misconfigured if it is not one or its digest differs."""
        content, _ = checksummed_file.read("detector", file, sha256)
        try:
            _network(content)
        except cv2.error as error:
            remedy = "is no ONNX network that OpenCV can run; name a file of models/"
            raise Misconfigured("detector.file", file, remedy) from error
        return cls(content)

    def quads(self, gray: Pixels) -> Quads:
        """Return the corners of the lines of H,W `gray`, N,4,2: from upper left, clockwise."""
        scale = max(1 / _MAX_ENLARGEMENT, max(gray.shape) / _SIDE)
        size = (max(1, round(gray.shape[1] / scale)), max(1, round(gray.shape[0] / scale)))
        interpolation = cv2.INTER_AREA if scale > 1.0 else cv2.INTER_LINEAR
        resized = cv2.resize(gray, size, interpolation=interpolation)
        cores = _cores(_probability(_network(self.content), np.asarray(resized, np.uint8)))
        quads = np.array([_unclip(core) for core in cores], np.float64)
        return np.asarray(quads.reshape(-1, 4, 2) * gray.shape[::-1] / size, np.float64)


def _network(content: bytes) -> cv2.dnn.Net:
    return cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))


def _probability(network: cv2.dnn.Net, gray: Pixels) -> NDArray[np.float32]:
    """Return the probability of text of each pixel of `gray`, H,W."""
    probability = np.zeros(gray.shape, np.float32)
    rows, columns = _TILE
    for top, left in product(_starts(gray.shape[0], rows), _starts(gray.shape[1], columns)):
        tile = _forward(network, gray[top : top + rows, left : left + columns])
        top_lap, left_lap = min(top, _LAP), min(left, _LAP)
        probability[top : top + rows, left : left + columns][top_lap:, left_lap:] = tile[
            top_lap:, left_lap:
        ]
    return probability


def _forward(network: cv2.dnn.Net, tile: Pixels) -> NDArray[np.float32]:
    height, width = tile.shape
    padding = ((0, _padded(height) - height), (0, _padded(width) - width))
    padded = np.pad(tile, padding, mode="edge").astype(np.float32)[:, :, None]
    channels = ((padded / 255 - _MEAN) / _DEVIATION).transpose(2, 0, 1)  # 3, H, W
    network.setInput(np.ascontiguousarray(channels[None]))
    return np.asarray(network.forward()[0, 0, :height, :width], np.float32)


def _padded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _starts(length: int, tile_length: int) -> list[int]:
    """Return where tiles begin that cover `length` and overlap by two laps or more."""
    count = 1 + max(0, math.ceil((length - tile_length) / (tile_length - 2 * _LAP)))
    return [round(k * (length - tile_length) / (count - 1)) if k else 0 for k in range(count)]


def _cores(probability: NDArray[np.float32]) -> Iterator[cv2.typing.RotatedRect]:
    """Yield the rectangle of each core: centre, size, and angle within 45 degrees of level."""
    text = (probability > _MIN_PIXEL).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(text, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(labels.ravel(), probability.ravel(), count) / area
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
        if min(across, down) + 1 >= _MIN_CORE:
            yield (x + 0.5, y + 0.5), (across + 1, down + 1), angle - 90 * turns


def _unclip(core: cv2.typing.RotatedRect) -> Quads:
    """Return the corners, 4,2, of the line that has this core."""
    centre, (across, down), angle = core
    growth = _UNCLIP_RATIO * across * down / (across + down)
    corners = cv2.boxPoints((centre, (across + growth, down + growth), angle))
    return np.asarray(np.roll(corners, -1, axis=0), np.float64)
