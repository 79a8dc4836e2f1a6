"""Line crops are scaled to inputs of the network, and inputs of equal width are batched.

An input depends on its crop alone, and only inputs of exactly equal width share a batch, so the
text of a line never depends on what else is on the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.model.card import Framing

# Columns of a batch. More gain nothing once a batch fills the caches of the core, and the heap
# keeps so much of larger temporaries that a worker would exceed its memory (bench/recognizer.py).
MAX_COLUMNS = 1024


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The network input of one line: H,W in -1..1; the first `width` columns are the crop."""

    pixels: NDArray[np.float32]
    width: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of one width: `pixels` is N,1,height,W, `indexes` are those of the crops."""

    indexes: tuple[int, ...]
    widths: tuple[int, ...]
    pixels: NDArray[np.float32]


def network_input(crop: Pixels, framing: Framing) -> NetworkInput:
    """Scale the H,W gray `crop` to the height of the network and pad it on the right."""
    height, width = crop.shape
    desired = round(width * framing.height / height * framing.stretch)
    scaled = min(max(desired, 1), framing.max_width)
    if height > framing.area_above:
        interpolation = cv2.INTER_AREA
    else:  # cubic keeps small letters sharper: F1 of 14 English pages 0.968 -> 0.970
        interpolation = cv2.INTER_LINEAR if height >= framing.height else cv2.INTER_CUBIC
    resized = cv2.resize(crop, (scaled, framing.height), interpolation=interpolation)
    pixels = np.full((framing.height, _padded(scaled, framing)), framing.fill, np.float32)
    pixels[:, :scaled] = resized.astype(np.float32) / 127.5 - 1
    return NetworkInput(pixels, scaled)


def _padded(width: int, framing: Framing) -> int:
    needed = width + framing.margin
    doublings = log2(max(1, framing.grain * needed / framing.multiple))
    step = framing.multiple << int(doublings)
    return max(framing.min_width, -(-needed // step) * step)


def make_batches(crops: Sequence[Pixels], framing: Framing, max_size: int) -> Iterator[Batch]:
    """Yield batches of at most `max_size` crops and `MAX_COLUMNS` columns, narrow ones first.

    A crop with a side of 0 or 1 pixels holds no text and is in no batch. A line wider than
    `MAX_COLUMNS` is a batch of its own.
    """
    non_empty = {index: crop for index, crop in enumerate(crops) if min(crop.shape) > 1}
    inputs = {index: network_input(crop, framing) for index, crop in non_empty.items()}
    pending = sorted(inputs, key=lambda index: inputs[index].pixels.shape[1])
    while pending:
        width = inputs[pending[0]].pixels.shape[1]
        max_lines = min(max_size, max(1, MAX_COLUMNS // width))
        chosen = [index for index in pending[:max_lines] if inputs[index].pixels.shape[1] == width]
        pending = pending[len(chosen) :]
        pixels = np.stack([inputs[index].pixels for index in chosen])[:, np.newaxis]
        yield Batch(tuple(chosen), tuple(inputs[index].width for index in chosen), pixels)
