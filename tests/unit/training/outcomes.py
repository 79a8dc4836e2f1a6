"""Readings that were never read: what tests of calibration and comparison are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.ocr.records import Character, Reading
from training.evaluate.evaluate import Labelled, Outcome, Rule, line_of

CROP = line_of(np.zeros((2, 2), np.uint8))


def reading(text: str, confidences: Sequence[float] | float = 0.9, line: float = 0.9) -> Reading:
    if isinstance(confidences, float):
        confidences = [confidences] * len(text)
    characters = zip(text, confidences, strict=True)
    return Reading(text, line, tuple(Character(c, sure, 0.0, 1.0) for c, sure in characters))


def outcome(
    truth: str, said: Reading, rule: Rule | None = None, wrong: int = 0, name: str = "a.png"
) -> Outcome:
    """Return an outcome with the number of wrong characters that the test says."""
    return Outcome(Labelled(name, CROP, truth, rule or Rule()), said, wrong, len(truth))
