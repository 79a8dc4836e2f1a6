"""Lines by a DB network: where text is, pixel by pixel, whatever its colour, ground and slope.

The network (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI
2020) paints a shrunken core of each line; a core grows back by the area over the perimeter of its
rectangle. The page is looked at in tiles, so that memory does not grow with it: the network holds
about 290 bytes a pixel, and is faster where they fit the core's caches.
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

_SIDE = 1600  # text is looked for on a page scaled to this many pixels
_ENLARGED = 2.0  # but not enlarged by more
_STEP = 32  # pixels; the network halves five times
_TILE = (320, 640)  # rows and columns that are looked at at once, multiples of the step
_LAP = 48  # pixels by which a tile knows what is around it
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet, B, G, R as PaddleOCR has them
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_TEXT = 0.3  # probability from which a pixel is of a core
_SURE = 0.6  # mean probability from which a core is a line
_LEAST = 3.0  # pixels; thinner cores are dust
_GROWTH = 1.5  # times area over perimeter: by so much the network was taught to shrink
_MOST = 3000  # the largest cores that are looked at: a page of noise must end


@dataclass(frozen=True, slots=True)
class TextDetector:
    """A network that is made anew for each page: `cv2.dnn` else keeps the memory of the last one.

    Making it costs a twentieth of what looking at a page does.
    """

    content: bytes

    @classmethod
    def load(cls, file: Path, sha256: str | None = None) -> TextDetector:
        """Load the ONNX network in `file`; Misconfigured if it cannot be, or has another digest."""
        content, _ = checksummed_file.read("detector", file, sha256)
        try:
            _network(content)
        except cv2.error as error:
            remedy = "is no ONNX network that OpenCV can run; name a file of models/"
            raise Misconfigured("detector.file", file, remedy) from error
        return cls(content)

    def quads(self, gray: Pixels) -> Quads:
        """Return the corners of the lines of H,W `gray`, N,4,2: from upper left, clockwise."""
        scale = max(1 / _ENLARGED, max(gray.shape) / _SIDE)
        size = (max(1, round(gray.shape[1] / scale)), max(1, round(gray.shape[0] / scale)))
        how = cv2.INTER_AREA if scale > 1.0 else cv2.INTER_LINEAR
        sized = cv2.resize(gray, size, interpolation=how)
        cores = _cores(_probability(_network(self.content), np.asarray(sized, np.uint8)))
        grown = np.array([_grown(core) for core in cores], np.float64)
        return np.asarray(grown.reshape(-1, 4, 2) * gray.shape[::-1] / size, np.float64)


def _network(content: bytes) -> cv2.dnn.Net:
    return cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))


def _probability(network: cv2.dnn.Net, gray: Pixels) -> NDArray[np.float32]:
    """Return the probability of text of each pixel of `gray`, H,W."""
    painted = np.zeros(gray.shape, np.float32)
    rows, columns = _TILE
    for top, left in product(_starts(gray.shape[0], rows), _starts(gray.shape[1], columns)):
        seen = _forward(network, gray[top : top + rows, left : left + columns])
        above, before = min(top, _LAP), min(left, _LAP)
        painted[top : top + rows, left : left + columns][above:, before:] = seen[above:, before:]
    return painted


def _forward(network: cv2.dnn.Net, tile: Pixels) -> NDArray[np.float32]:
    height, width = tile.shape
    beyond = ((0, _padded(height) - height), (0, _padded(width) - width))
    padded = np.pad(tile, beyond, mode="edge").astype(np.float32)[:, :, None]
    channels = ((padded / 255 - _MEAN) / _DEVIATION).transpose(2, 0, 1)  # 3, H, W
    network.setInput(np.ascontiguousarray(channels[None]))
    return np.asarray(network.forward()[0, 0, :height, :width], np.float32)


def _padded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _starts(length: int, most: int) -> list[int]:
    """Return where pieces of `most` begin that overlap by two laps at least and cover `length`."""
    count = 1 + max(0, math.ceil((length - most) / (most - 2 * _LAP)))
    return [round(k * (length - most) / (count - 1)) if k else 0 for k in range(count)]


def _cores(probability: NDArray[np.float32]) -> Iterator[cv2.typing.RotatedRect]:
    """Yield the rectangle around each core: centre, size, and angle within 45 degrees of level."""
    text = (probability > _TEXT).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(text, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(labels.ravel(), probability.ravel(), count) / area
    sure = np.flatnonzero(mean >= _SURE)
    largest = sure[np.argsort(-area[sure], kind="stable")][:_MOST]
    for label in largest[largest > 0]:
        left, top, width, height = stats[label, :4]
        own = labels[top : top + height, left : left + width] == label
        points = cv2.findNonZero(own.astype(np.uint8)) + np.array([left, top])
        (x, y), (across, down), angle = cv2.minAreaRect(points.astype(np.float32))
        turns = round(angle / 90)  # quarter turns: the angle may come as any of four
        if turns % 2:
            across, down = down, across
        if min(across, down) + 1 >= _LEAST:
            yield (x + 0.5, y + 0.5), (across + 1, down + 1), angle - 90 * turns


def _grown(core: cv2.typing.RotatedRect) -> Quads:
    """Return the corners, 4,2, of the line whose core it is."""
    centre, (across, down), angle = core
    reach = _GROWTH * across * down / (across + down)
    corners = cv2.boxPoints((centre, (across + reach, down + reach), angle))
    return np.asarray(np.roll(corners, -1, axis=0), np.float64)
