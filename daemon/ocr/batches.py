"""Lines become frames for the network, and frames of one width become batches.

A frame is a function of its crop alone, and only frames of exactly equal width share a batch:
so a reading never depends on what else is on the page.
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

# Columns of a batch. More of them gain nothing once a batch fills the core's caches, and what the
# heap keeps of larger temporaries would take a worker past its memory (bench/recognizer.py).
COLUMNS = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """What the network sees: H,W in -1..1; the first `width` columns are the crop."""

    pixels: NDArray[np.float32]
    width: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames of one width, `pixels` N,1,height,W; `places` tells where each stood in the page."""

    places: tuple[int, ...]
    widths: tuple[int, ...]
    pixels: NDArray[np.float32]


def frame(crop: Pixels, framing: Framing) -> Frame:
    """Scale the H,W gray `crop` to the height of the network and pad it on the right."""
    height, width = crop.shape
    wanted = round(width * framing.height / height * framing.stretch)
    scaled = min(max(wanted, 1), framing.max_width)
    how = cv2.INTER_AREA if height > framing.area_above else cv2.INTER_LINEAR
    resized = cv2.resize(crop, (scaled, framing.height), interpolation=how)
    pixels = np.full((framing.height, _padded(scaled, framing)), framing.fill, np.float32)
    pixels[:, :scaled] = resized.astype(np.float32) / 127.5 - 1
    return Frame(pixels, scaled)


def _padded(width: int, framing: Framing) -> int:
    needed = width + framing.margin
    doublings = log2(max(1, framing.grain * needed / framing.multiple))
    step = framing.multiple << int(doublings)
    return max(framing.min_width, -(-needed // step) * step)


def batches(crops: Sequence[Pixels], framing: Framing, size: int) -> Iterator[Batch]:
    """Yield the crops as batches of at most `size` lines and `COLUMNS` columns, narrow ones first.

    A crop with a side of 0 or 1 pixels holds no text and is in no batch. A line wider than
    `COLUMNS` is a batch of its own.
    """
    legible = {place: crop for place, crop in enumerate(crops) if min(crop.shape) > 1}
    frames = {place: frame(crop, framing) for place, crop in legible.items()}
    waiting = sorted(frames, key=lambda place: frames[place].pixels.shape[1])
    while waiting:
        width = frames[waiting[0]].pixels.shape[1]
        most = min(size, max(1, COLUMNS // width))
        chosen = [place for place in waiting[:most] if frames[place].pixels.shape[1] == width]
        waiting = waiting[len(chosen) :]
        pixels = np.stack([frames[place].pixels for place in chosen])[:, np.newaxis]
        yield Batch(tuple(chosen), tuple(frames[place].width for place in chosen), pixels)
