"""Invented readings and results, for the tests of calibration and comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.ocr.records import RecognizedCharacter, RecognizedLine
from training.evaluate.error_rate import ComparisonRule, LabelledLine, LineResult, line_of

CROP = line_of(np.zeros((2, 2), np.uint8))


def reading(
    text: str, confidences: Sequence[float] | float = 0.9, line: float = 0.9
) -> RecognizedLine:
    if isinstance(confidences, float):
        confidences = [confidences] * len(text)
    characters = zip(text, confidences, strict=True)
    return RecognizedLine(
        text,
        line,
        tuple(RecognizedCharacter(c, confidence, 0.0, 1.0) for c, confidence in characters),
    )


def result(
    truth: str,
    found: RecognizedLine,
    rule: ComparisonRule | None = None,
    wrong: int = 0,
    name: str = "a.png",
) -> LineResult:
    """Return a result with the given number of wrong characters."""
    return LineResult(
        LabelledLine(name, CROP, truth, rule or ComparisonRule()), found, wrong, len(truth)
    )
