"""Lines are read: frames go through the network, its steps become characters with their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.core import lexicon
from daemon.ocr.batches import batches
from daemon.ocr.model import artifact, ctc
from daemon.ocr.records import Character, Reading
from daemon.ocr.spelling import Speller

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from daemon.core.options import Weights
    from daemon.core.records import Pixels
    from daemon.ocr.records import Line

_NOTHING = Reading("", 0.0, ())


@dataclass(frozen=True, slots=True)
class Recognizer:
    """A warm network. Threads are set by whoever owns the process."""

    artifact: artifact.Artifact
    weights: Weights
    speller: Speller | None = None

    @classmethod
    def load(cls, weights: Weights) -> Recognizer:
        """Load and check the weights; raises Misconfigured."""
        loaded = artifact.load(weights)
        words = lexicon.read(weights.lexicon) if weights.lexicon else None
        return cls(loaded, weights, Speller(words, loaded.charset) if words else None)

    @property
    def name(self) -> str:
        """The name of the weights, as their card says it."""
        return self.artifact.card.name

    @property
    def precision(self) -> str:
        """What the network computes in."""
        return self.artifact.precision

    def read(self, lines: Sequence[Line]) -> list[Reading]:
        """Read each line by itself; same order, same length, whatever else is in the sequence."""
        readings = [_NOTHING] * len(lines)
        inked = [place for place, line in enumerate(lines) if _has_ink(line.image)]
        crops = [lines[place].image for place in inked]
        for batch in batches(crops, self.artifact.card.framing, self.weights.batch_size):
            labels, probabilities = self.artifact.steps(batch.pixels)
            step = batch.pixels.shape[-1] / labels.shape[1]
            for row, (place, width) in enumerate(zip(batch.places, batch.widths, strict=True)):
                spans = self._spans(labels[row], probabilities[row])
                readings[inked[place]] = self._reading(spans, step / width)
        return readings

    def _spans(
        self, labels: NDArray[np.int64], probabilities: NDArray[np.float32]
    ) -> list[ctc.Span]:
        """Decode the candidates of a line's steps, both T,K."""
        beam = self.weights.beam
        if beam > 1:
            spans = ctc.beam(labels, probabilities, beam)
        else:
            spans = ctc.collapse(labels[:, 0], probabilities[:, 0])
        return self.speller.spelt(spans, labels, probabilities) if self.speller else spans

    def _reading(self, spans: Sequence[ctc.Span], step: float) -> Reading:
        """Return the characters of `spans`; a step is `step` of the crop's width wide."""
        characters = tuple(
            Character(
                self.artifact.charset.character(span.label),
                span.confidence,
                min(1.0, span.start * step),
                min(1.0, span.stop * step),
            )
            for span in spans
        )
        text = "".join(character.text for character in characters)
        return Reading(text, ctc.combined([span.confidence for span in spans]), characters)


def _has_ink(crop: Pixels) -> bool:
    """Tell paper with something on it from paper of one gray, in which the network sees a T."""
    return bool(crop.size) and bool(crop.min() < crop.max())
