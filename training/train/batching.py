"""Groups samples into training batches of one width, framed as the daemon frames lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.batches import network_input
from daemon.ocr.model.shape import COLUMNS_PER_STEP
from training.train.loss import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from daemon.ocr.model.card import Framing
    from daemon.ocr.model.charset import Charset
    from training.records import Sample

WIDEST = 1600  # columns; longer lines teach nothing that two shorter ones do not


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Frames N,1,H,W of one width, the classes and the language of each line."""

    pixels: NDArray[np.float32]
    labels: tuple[tuple[int, ...], ...]
    languages: tuple[str, ...]


def training_batches(
    samples: Iterable[Sample], charset: Charset, framing: Framing, columns: int
) -> Iterator[TrainingBatch]:
    """Yield batches of about `columns` columns in all, each as soon as it is full.

    Samples with a character outside `charset` and those too wide or too short for their text are
    dropped.
    """
    numbers = {character: label for label, character in enumerate(charset.characters, 1)}
    pending: defaultdict[int, list[tuple[NDArray[np.float32], tuple[int, ...], str]]]
    pending = defaultdict(list)
    for sample in samples:
        labels = tuple(numbers.get(character, 0) for character in sample.label)
        pixels = network_input(sample.crop, framing).pixels
        width = pixels.shape[1]
        if width > WIDEST or 0 in labels or not fits(labels, width // COLUMNS_PER_STEP):
            continue
        pending[width].append((pixels, labels, sample.language))
        if len(pending[width]) >= max(1, round(columns / width)):
            yield _batch(pending.pop(width))


def _batch(members: list[tuple[NDArray[np.float32], tuple[int, ...], str]]) -> TrainingBatch:
    pixels, labels, languages = zip(*members, strict=True)
    return TrainingBatch(np.stack(pixels)[:, np.newaxis], labels, languages)
