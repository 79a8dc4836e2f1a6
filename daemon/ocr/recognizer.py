"""Text line recognition: batches go through the network, its steps become characters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.core import lexicon
from daemon.ocr import sliding_window
from daemon.ocr.batches import make_batches
from daemon.ocr.model import artifact, ctc
from daemon.ocr.records import RecognizedCharacter, RecognizedLine
from daemon.ocr.spelling import SpellingCorrector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from daemon.core.options import Weights
    from daemon.core.records import Pixels
    from daemon.ocr.records import LineCrop

_DOUBLE_QUOTES = {"'": '"', "‘": "“", "’": "”"}
_EMPTY = RecognizedLine("", 0.0, ())


@dataclass(frozen=True, slots=True)
class Recognizer:
    """A loaded network. The owner of the process sets the number of threads."""

    artifact: artifact.Artifact
    weights: Weights
    corrector: SpellingCorrector | None = None

    @classmethod
    def load(cls, weights: Weights) -> Recognizer:
        """Load and check the weights; raises Misconfigured."""
        loaded = artifact.load(weights)
        vocabulary = lexicon.read(weights.lexicon) if weights.lexicon else None
        return cls(
            loaded, weights, SpellingCorrector(vocabulary, loaded.charset) if vocabulary else None
        )

    @property
    def name(self) -> str:
        """The name of the weights, from their model card."""
        return self.artifact.card.name

    @property
    def precision(self) -> str:
        """The precision in which the network computes."""
        return self.artifact.precision

    def read(self, lines: Sequence[LineCrop]) -> list[RecognizedLine]:
        """Read each line independently of the others; the result has the same order and length."""
        framing = self.artifact.card.framing
        of_lines = [sliding_window.split(line.image, framing) for line in lines]
        crops = [
            line.image[:, left:right]
            for line, of_line in zip(lines, of_lines, strict=True)
            for left, right in of_line
        ]
        readings = iter(self._read_crops(crops))
        return [sliding_window.join([next(readings) for _ in each], each) for each in of_lines]

    def _read_crops(self, crops: Sequence[Pixels]) -> list[RecognizedLine]:
        """Read each crop, H,W, that fits the network."""
        readings = [_EMPTY] * len(crops)
        inked = [index for index, crop in enumerate(crops) if _has_ink(crop)]
        inked_crops = [crops[index] for index in inked]
        framing = self.artifact.card.framing
        for batch in make_batches(inked_crops, framing, self.weights.batch_size):
            labels, probabilities = self.artifact.steps(batch.pixels)
            step = batch.pixels.shape[-1] / labels.shape[1]
            for row, (index, width) in enumerate(zip(batch.indexes, batch.widths, strict=True)):
                spans = self._spans(labels[row], probabilities[row])
                readings[inked[index]] = self._reading(spans, step / width)
        return readings

    def _spans(
        self, labels: NDArray[np.int64], probabilities: NDArray[np.float32]
    ) -> list[ctc.LabelSpan]:
        """Decode the candidates of a line, both T,K."""
        beam = self.weights.beam
        if beam > 1:
            spans = ctc.beam(labels, probabilities, beam)
        else:
            spans = ctc.collapse(labels[:, 0], probabilities[:, 0])
        return self.corrector.correct(spans, labels, probabilities) if self.corrector else spans

    def _reading(self, spans: Sequence[ctc.LabelSpan], step: float) -> RecognizedLine:
        """Return the characters of `spans`; a step covers `step` of the width of the crop."""
        characters = tuple(
            RecognizedCharacter(
                self.artifact.charset.character(span.label),
                span.confidence,
                min(1.0, span.start * step),
                min(1.0, span.stop * step),
            )
            for span in spans
        )
        characters = tuple(_with_double_quotes(characters))
        text = "".join(character.text for character in characters)
        return RecognizedLine(text, ctc.combined([span.confidence for span in spans]), characters)


def _with_double_quotes(
    characters: Sequence[RecognizedCharacter],
) -> Iterator[RecognizedCharacter]:
    """Yield the characters, two equal single quotation marks in a row as one double mark.

    Old print sets them apart, and so they are read.
    """
    pending: RecognizedCharacter | None = None
    for character in characters:
        if pending and pending.text == character.text:
            yield replace(
                character,
                text=_DOUBLE_QUOTES[character.text],
                confidence=min(pending.confidence, character.confidence),
                left=pending.left,
            )
            pending = None
            continue
        if pending:
            yield pending
        pending = character if character.text in _DOUBLE_QUOTES else None
        if not pending:
            yield character
    if pending:
        yield pending


def _has_ink(crop: Pixels) -> bool:
    """Tell whether a crop has any contrast; the network reads a T in an even gray area."""
    return bool(crop.size) and bool(crop.min() < crop.max())
