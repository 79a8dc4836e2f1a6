"""Samples become batches for training: framed as the daemon frames them, of one width each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.batches import network_input
from training.train.loss import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from daemon.ocr.model.card import Framing
    from daemon.ocr.model.charset import Charset
    from training.synth.sample import Sample

WIDEST = 1600  # columns; a longer line holds nothing that two shorter ones do not
STEP = 4  # columns of pixels to a step of the network


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Frames N,1,H,W of one width, the classes each should be read as, and where it comes from."""

    pixels: NDArray[np.float32]
    labels: tuple[tuple[int, ...], ...]
    languages: tuple[str, ...]


def training_batches(
    samples: Iterable[Sample], charset: Charset, framing: Framing, columns: int
) -> Iterator[TrainingBatch]:
    """Yield the samples in batches of about `columns` columns in all, as soon as one is full.

    Samples with a character outside `charset`, too wide or too short for their text are left out.
    """
    numbers = {character: label for label, character in enumerate(charset.characters, 1)}
    waiting: defaultdict[int, list[tuple[NDArray[np.float32], tuple[int, ...], str]]]
    waiting = defaultdict(list)
    for sample in samples:
        labels = tuple(numbers.get(character, 0) for character in sample.label)
        pixels = network_input(sample.crop, framing).pixels
        width = pixels.shape[1]
        if width > WIDEST or 0 in labels or not fits(labels, width // STEP):
            continue
        waiting[width].append((pixels, labels, sample.language))
        if len(waiting[width]) >= max(1, round(columns / width)):
            yield _batch(waiting.pop(width))


def _batch(members: list[tuple[NDArray[np.float32], tuple[int, ...], str]]) -> TrainingBatch:
    pixels, labels, languages = zip(*members, strict=True)
    return TrainingBatch(np.stack(pixels)[:, np.newaxis], labels, languages)
