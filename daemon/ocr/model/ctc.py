"""CTC decoding: the classes of each step become the characters of the line.

Greedy decoding merges the best class of each step (`collapse`). Prefix beam search (`beam`; Hannun
et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional
recurrent DNNs") adds up the paths that spell the same text, so it may find a likelier text.

Confidence, defined once, for the whole house:
a character's is the highest probability among the steps that were merged into it;
a line's or a word's is the geometric mean of its characters' (`combined`).
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
class Span:
    """A class that was seen from step `start` up to but not including step `stop`."""

    label: int
    start: int
    stop: int
    confidence: float


def collapse(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> list[Span]:
    """Merge repeats, then drop blanks; both arrays have shape T."""
    edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
    starts, stops = edges[:-1], edges[1:]
    peaks = np.maximum.reduceat(probabilities, starts)
    return [
        Span(int(labels[start]), int(start), int(stop), float(peak))
        for start, stop, peak in zip(starts, stops, peaks, strict=True)
        if labels[start] != BLANK
    ]


CANDIDATES = 4  # classes of a step that a beam looks at; two more changed no reading of 981
_LEAST = 0.01  # a class that is less likely in a step is not tried: most steps have one candidate


@dataclass(slots=True)
class _Prefix:
    """A text read so far: its spans, and the probability of its paths by how they end."""

    spans: tuple[Span, ...]
    ends_blank: float = 0.0
    ends_label: float = 0.0

    @property
    def probability(self) -> float:
        return self.ends_blank + self.ends_label


def beam(labels: NDArray[np.int64], probabilities: NDArray[np.float32], width: int) -> list[Span]:
    """Return the likeliest text among `width` kept a step; both arrays have shape T,K.

    They hold the K likeliest classes of each step, best first; those below `_LEAST` and all others
    are taken for impossible.
    """
    kept: dict[tuple[int, ...], _Prefix] = {(): _Prefix((), ends_blank=1.0)}
    counts = np.maximum(1, (probabilities >= _LEAST).sum(1))
    for step, count in enumerate(counts.tolist()):
        seen = [
            Span(label, step, step + 1, chance)
            for label, chance in zip(
                labels[step, :count].tolist(), probabilities[step, :count].tolist(), strict=True
            )
        ]
        grown: dict[tuple[int, ...], _Prefix] = {}
        for text, prefix in kept.items():
            for span in seen:
                _extend(grown, text, prefix, span)
        best = sorted(grown, key=lambda text: -grown[text].probability)[:width]
        total = sum(grown[text].probability for text in best)  # kept near 1: no underflow
        kept = {text: _scaled(grown[text], total) for text in best}
    return list(next(iter(kept.values())).spans)


def _extend(
    grown: dict[tuple[int, ...], _Prefix], text: tuple[int, ...], prefix: _Prefix, seen: Span
) -> None:
    """Add to `grown` what `prefix`, which spells `text`, becomes when `seen` is the next step."""
    if seen.label == BLANK:
        same = grown.setdefault(text, _Prefix(prefix.spans))
        same.ends_blank += prefix.probability * seen.confidence
        return
    fresh = prefix.probability
    if text and text[-1] == seen.label:  # without a blank between it is the same character
        last = prefix.spans[-1]
        longer = Span(last.label, last.start, seen.stop, max(last.confidence, seen.confidence))
        same = grown.setdefault(text, _Prefix((*prefix.spans[:-1], longer)))
        if prefix.ends_label * seen.confidence > same.probability:
            same.spans = (*prefix.spans[:-1], longer)
        same.ends_label += prefix.ends_label * seen.confidence
        fresh = prefix.ends_blank
    longer_text = (*text, seen.label)
    extended = grown.setdefault(longer_text, _Prefix((*prefix.spans, seen)))
    if fresh * seen.confidence > extended.probability:
        extended.spans = (*prefix.spans, seen)
    extended.ends_label += fresh * seen.confidence


def _scaled(prefix: _Prefix, total: float) -> _Prefix:
    return _Prefix(prefix.spans, prefix.ends_blank / total, prefix.ends_label / total)


def combined(confidences: Sequence[float]) -> float:
    """Return the geometric mean of probabilities, 0 for none."""
    if not confidences or min(confidences) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, confidences)) / len(confidences))
