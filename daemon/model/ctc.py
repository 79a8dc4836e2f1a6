"""Greedy CTC: the best class of each step becomes the characters of the line.

Confidence, defined once, for the whole house:
a character's is the highest probability among the steps that were merged into it;
a line's or a word's is the geometric mean of its characters' (`combined`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.model.charset import BLANK

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


def combined(confidences: Sequence[float]) -> float:
    """Return the geometric mean of probabilities, 0 for none."""
    if not confidences or min(confidences) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, confidences)) / len(confidences))
