"""Lines are read: frames go through the network, its steps become characters with their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.model import artifact, ctc
from daemon.ocr.batches import batches
from daemon.records import Character, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.model.artifact import Frames
    from daemon.recipe import Weights
    from daemon.records import Line, Pixels

_NOTHING = Reading("", 0.0, ())


@dataclass(frozen=True, slots=True)
class Recognizer:
    """A warm network. Threads are set by whoever owns the process."""

    artifact: artifact.Artifact
    weights: Weights

    @classmethod
    def load(cls, weights: Weights) -> Recognizer:
        """Load and check the weights; raises Misconfigured."""
        return cls(artifact.load(weights), weights)

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
            decoded, steps = self._decoded(batch.pixels)
            columns = batch.pixels.shape[-1] / steps
            for place, width, spans in zip(batch.places, batch.widths, decoded, strict=True):
                readings[inked[place]] = self._reading(spans, columns / width)
        return readings

    def _decoded(self, frames: Frames) -> tuple[list[list[ctc.Span]], int]:
        """Return the spans of each line of N,1,H,W, and how many steps a line has."""
        beam = self.weights.beam
        if beam > 1:
            labels, probabilities = self.artifact.candidates(frames)
            lines = zip(labels, probabilities, strict=True)
            return [ctc.beam(*line, beam) for line in lines], labels.shape[1]
        labels, probabilities = self.artifact.best_steps(frames)
        lines = zip(labels, probabilities, strict=True)
        return [ctc.collapse(*line) for line in lines], labels.shape[1]

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
