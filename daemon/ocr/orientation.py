"""The right way up: a page that stands is read surely, one that lies or stands on its head is not.

The judge is the recogniser itself, by a sample of the page's lines (docs/decisions/0009 has the
measurements: mostly above 0.95 where a page stands, below 0.8 on its head, and on a side there is
hardly anything to read).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daemon.core.records import TextLine
    from daemon.ocr.records import Line, Reading

TURNS = (180, 90, 270)  # degrees clockwise, in the order in which they are tried
_SAMPLE = 12  # lines
_FEW = (
    3  # long lines or fewer do not judge alone: a number stamped along the edge stands on any side
)
_LONG = 3.0  # times as wide as high are lines that say enough to be judged by
_SURE = 0.88  # confidence from which a page is taken to stand
_TOLD = 100  # characters of a text layer that tell how the page stands: more than a stamp has
_MORE = 1.25  # times the evidence of the page as it lies must another turn have


def sample(lines: Sequence[Line]) -> list[int]:
    """Return the places of a few of the longest lines, spread over all of the long ones."""
    by_width = sorted(range(len(lines)), key=lambda place: -_width(lines[place]))
    long = [place for place in by_width if _width(lines[place]) >= _LONG * _height(lines[place])]
    judges = long if len(long) > _FEW else by_width
    return sorted(judges[:: max(1, len(judges) // _SAMPLE)][:_SAMPLE])


def is_sure(readings: Iterable[Reading]) -> bool:
    """Tell whether a sample reads like text that stands; without any there is nothing to turn."""
    kept = list(readings)
    return not kept or _mean(kept) >= _SURE


def is_told(layer: Iterable[TextLine]) -> bool:
    """Tell whether the lines of a text layer stand, and are enough to say that the page does."""
    return sum(len(line.text) for line in layer if _runs_right(line)) >= _TOLD


def _runs_right(line: TextLine) -> bool:
    """Tell whether the last word of a line stands to the right of the first."""
    first, last = line.words[0].box, line.words[-1].box
    return last.right - first.left > abs(last.bottom - first.top) and last.left >= first.left


def evidence(readings: Iterable[Reading]) -> float:
    """Return how much the sample of one way up says: its characters, weighed by their confidence.

    To the fourth power, since a page that lies still yields many characters, none of them sure.
    """
    return sum(len(reading.text.strip()) * reading.confidence**4 for reading in readings)


def most_telling(samples: Sequence[Iterable[Reading]]) -> int:
    """Return which of the samples says the most; the first one, unless another clearly does."""
    told = [evidence(sample) for sample in samples]
    best = max(range(len(told)), key=told.__getitem__)
    return best if told[best] > _MORE * told[0] else 0


def _mean(readings: Sequence[Reading]) -> float:
    characters = sum(len(reading.text.strip()) for reading in readings)
    sure = sum(len(reading.text.strip()) * reading.confidence for reading in readings)
    return sure / max(1, characters)


def _width(line: Line) -> int:
    return line.box.right - line.box.left


def _height(line: Line) -> int:
    return line.box.bottom - line.box.top
