"""Page orientation: an upright page is read with high confidence, a rotated one is not.

The recogniser itself decides, on a sample of the lines of the page. docs/decisions/0009 has the
measurements: the mean confidence is mostly above 0.95 on an upright page and below 0.8 on one that
is upside down; on a page that lies on its side there is hardly anything to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daemon.core.records import TextLine
    from daemon.ocr.records import LineCrop, RecognizedLine

ROTATIONS = (180, 90, 270)  # degrees clockwise, in the order in which they are tried
_SAMPLE_LINES = 12  # lines
# As few long lines are not enough alone: a number stamped along the edge has any orientation.
_MAX_UNRELIABLE = 3
_LONG_RATIO = 3.0  # times as wide as high: such a line has enough text to be judged by
_MIN_CONFIDENCE = 0.88  # mean confidence from which a page is taken to be upright
_MIN_LAYER_CHARACTERS = 100  # characters of a text layer that decides: more than a stamp has
_MIN_GAIN = 1.25  # times the evidence of the page as it is, for another rotation to be chosen


def sample_lines(lines: Sequence[LineCrop]) -> list[int]:
    """Return the indexes of a few of the longest lines, spread evenly over all long lines."""
    by_width = sorted(range(len(lines)), key=lambda index: -_width(lines[index]))
    long = [
        index for index in by_width if _width(lines[index]) >= _LONG_RATIO * _height(lines[index])
    ]
    candidates = long if len(long) > _MAX_UNRELIABLE else by_width
    return sorted(candidates[:: max(1, len(candidates) // _SAMPLE_LINES)][:_SAMPLE_LINES])


def is_confident(readings: Iterable[RecognizedLine]) -> bool:
    """Tell whether a sample reads like upright text; an empty sample is no reason to rotate."""
    recognized = list(readings)
    return not recognized or _mean_confidence(recognized) >= _MIN_CONFIDENCE


def is_upright_text_layer(layer: Iterable[TextLine]) -> bool:
    """Tell whether the lines of a text layer are upright and long enough to decide for the page."""
    return sum(len(line.text) for line in layer if _is_upright(line)) >= _MIN_LAYER_CHARACTERS


def _is_upright(line: TextLine) -> bool:
    """Tell whether the last word of a line is to the right of the first."""
    first, last = line.words[0].box, line.words[-1].box
    return last.right - first.left > abs(last.bottom - first.top) and last.left >= first.left


def evidence(readings: Iterable[RecognizedLine]) -> float:
    """Return how much text a sample yields: its characters weighted by their confidence.

    The confidence counts to the fourth power, since a rotated page still yields many characters,
    all of them with low confidence.
    """
    return sum(len(reading.text.strip()) * reading.confidence**4 for reading in readings)


def best_sample(samples: Sequence[Iterable[RecognizedLine]]) -> int:
    """Return the index of the sample with the most evidence; 0 unless another is clearly better."""
    scores = [evidence(readings) for readings in samples]
    best = max(range(len(scores)), key=scores.__getitem__)
    return best if scores[best] > _MIN_GAIN * scores[0] else 0


def _mean_confidence(readings: Sequence[RecognizedLine]) -> float:
    characters = sum(len(reading.text.strip()) for reading in readings)
    weighted = sum(len(reading.text.strip()) * reading.confidence for reading in readings)
    return weighted / max(1, characters)


def _width(line: LineCrop) -> int:
    return int(line.image.shape[1])


def _height(line: LineCrop) -> int:
    return int(line.image.shape[0])
