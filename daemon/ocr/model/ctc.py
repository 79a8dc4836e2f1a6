"""CTC decoding: from the classes of each step to the characters of the line.

Greedy decoding (`collapse`) merges the best class of each step. Prefix beam search (`beam`; Hannun
et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional
recurrent DNNs") adds up the paths that spell the same text, so it may find a likelier text.

Confidence is defined here, once for the whole package: that of a character is the highest
probability among the steps merged into it, that of a line or a word is the geometric mean of its
characters (`combined`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.model.charset import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelSpan:
    """A class that was seen from step `start` up to but not including step `stop`."""

    label: int
    start: int
    stop: int
    confidence: float


def collapse(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> list[LabelSpan]:
    """Merge repeats, then drop blanks; both arrays have shape T."""
    edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
    starts, stops = edges[:-1], edges[1:]
    peaks = np.maximum.reduceat(probabilities, starts)
    return [
        LabelSpan(int(labels[start]), int(start), int(stop), float(peak))
        for start, stop, peak in zip(starts, stops, peaks, strict=True)
        if labels[start] != BLANK
    ]


CANDIDATES = 4  # classes of a step that a beam considers; two more changed no reading of 981
_MIN_PROBABILITY = 0.01  # of a class; less likely ones are not tried: most steps have one candidate


@dataclass(slots=True)
class _Prefix:
    """A text decoded so far: its spans, and the probability of its paths by how they end."""

    spans: tuple[LabelSpan, ...]
    ends_blank: float = 0.0
    ends_label: float = 0.0

    @property
    def probability(self) -> float:
        return self.ends_blank + self.ends_label


def beam(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], width: int
) -> list[LabelSpan]:
    """Return the likeliest text, with `width` prefixes kept per step; both arrays have shape T,K.

    They hold the K likeliest classes of each step, best first; all others, and those below
    `_MIN_PROBABILITY`, are taken as impossible.
    """
    prefixes: dict[tuple[int, ...], _Prefix] = {(): _Prefix((), ends_blank=1.0)}
    counts = np.maximum(1, (probabilities >= _MIN_PROBABILITY).sum(1))
    for step, count in enumerate(counts.tolist()):
        candidates = [
            LabelSpan(label, step, step + 1, probability)
            for label, probability in zip(
                labels[step, :count].tolist(), probabilities[step, :count].tolist(), strict=True
            )
        ]
        grown: dict[tuple[int, ...], _Prefix] = {}
        for text, prefix in prefixes.items():
            for span in candidates:
                _extend(grown, text, prefix, span)
        best = sorted(grown, key=lambda text: -grown[text].probability)[:width]
        total = sum(grown[text].probability for text in best)  # kept near 1: no underflow
        prefixes = {text: _scaled(grown[text], total) for text in best}
    return list(next(iter(prefixes.values())).spans)


def _extend(
    grown: dict[tuple[int, ...], _Prefix], text: tuple[int, ...], prefix: _Prefix, step: LabelSpan
) -> None:
    """Add to `grown` the prefixes that `prefix`, which spells `text`, becomes by one more step."""
    if step.label == BLANK:
        unchanged = grown.setdefault(text, _Prefix(prefix.spans))
        unchanged.ends_blank += prefix.probability * step.confidence
        return
    extendable = prefix.probability
    if text and text[-1] == step.label:  # without a blank between it is the same character
        last = prefix.spans[-1]
        extended_span = LabelSpan(
            last.label, last.start, step.stop, max(last.confidence, step.confidence)
        )
        unchanged = grown.setdefault(text, _Prefix((*prefix.spans[:-1], extended_span)))
        if prefix.ends_label * step.confidence > unchanged.probability:
            unchanged.spans = (*prefix.spans[:-1], extended_span)
        unchanged.ends_label += prefix.ends_label * step.confidence
        extendable = prefix.ends_blank
    longer_text = (*text, step.label)
    extended = grown.setdefault(longer_text, _Prefix((*prefix.spans, step)))
    if extendable * step.confidence > extended.probability:
        extended.spans = (*prefix.spans, step)
    extended.ends_label += extendable * step.confidence


def _scaled(prefix: _Prefix, total: float) -> _Prefix:
    return _Prefix(prefix.spans, prefix.ends_blank / total, prefix.ends_label / total)


def combined(confidences: Sequence[float]) -> float:
    """Return the geometric mean of probabilities, 0 for none."""
    if not confidences or min(confidences) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, confidences)) / len(confidences))
