"""Page orientation, and lines that lie in other directions than the page.

The shapes of the lines tell a page on its side from an upright one; the recogniser tells up from
down, on a sample of the lines that are turned as they would be. docs/decisions/0009 has the
measurements: the mean confidence is mostly above 0.95 on an upright page and below 0.8 on one that
is upside down.

With little evidence a page stays as it lies: a page is turned only where the other way reads
surely and this way does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr import directions
from daemon.ocr.records import SINGLE_CHARACTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from daemon.core.records import Direction, TextLine
    from daemon.ocr.records import LineCrop, RecognizedLine

    Read = Callable[[Sequence[LineCrop]], list[RecognizedLine]]
    AsColumn = Callable[[LineCrop], LineCrop | None]

_SAMPLE_LINES = 12  # lines
# As few long lines are not enough alone: a number stamped along the edge has any orientation.
_MAX_UNRELIABLE = 3
_LONG_RATIO = 3.0  # times as wide as high: such a line has enough text to be judged by
_MIN_CONFIDENCE = 0.88  # mean confidence from which a page is taken to be upright
_MIN_LAYER_CHARACTERS = 100  # characters of a text layer that decides: more than a stamp has
_MIN_GAIN = 1.25  # times the evidence of the page as it is, for another rotation to be chosen
_MIN_TURNED_CONFIDENCE = 0.85  # mean confidence of the page turned, for it to be turned
_MIN_TURNED_CHARACTERS = 6  # letters and digits that the page turned must have at least
_DOUBTFUL_RATIO = 2.0  # times as long as high: a shorter line is not tried upside down
_MIN_LINE_GAIN = 0.15  # confidence that a single line must gain when it is turned
_DIRECTIONS: dict[int, Direction] = {
    0: "horizontal",
    90: "rotated_90",
    180: "rotated_180",
    270: "rotated_270",
}


def find_rotation(
    lines: Sequence[LineCrop], read: Read, as_column: AsColumn | None = None
) -> tuple[int, dict[int, RecognizedLine]]:
    """Return the clockwise rotation, in degrees, that makes a page upright, and what was read.

    The readings are those of the lines as they stand, by their index. `as_column` makes a column
    of vertical text of a tall line.
    """
    level = [k for k, line in enumerate(lines) if not line.is_tall]
    tall = [k for k, line in enumerate(lines) if line.is_tall]
    sample = [level[k] for k in _sample([lines[k] for k in level])]
    upright = dict(zip(sample, read([lines[k] for k in sample]), strict=True))
    is_sideways = _extent(lines, tall) > _extent(lines, level)
    if is_confident(upright.values()) and not is_sideways:
        return 0, upright
    candidates = [(180, sample)]
    if is_sideways:
        sideways = [tall[k] for k in _sample([lines[k] for k in tall])]
        if as_column and _are_columns([as_column(lines[k]) for k in sideways], read):
            return 0, upright
        candidates = [(90, sideways), (270, sideways)]
    best, rotation = evidence(upright.values()) * _MIN_GAIN, 0
    for degrees, indexes in candidates:
        readings = read([turned(lines[k], degrees) for k in indexes])
        if _is_sure(readings) and evidence(readings) > best:
            best, rotation = evidence(readings), degrees
    return rotation, upright


def _are_columns(columns: Sequence[LineCrop | None], read: Read) -> bool:
    """Tell whether tall lines are columns of vertical text, so that the page is upright."""
    crops = [column for column in columns if column is not None]
    readings = [reading for reading in read(crops) if directions.is_chinese(reading.text)]
    return 2 * len(readings) > len(columns) and _is_sure(readings)


def read_in_directions(
    lines: Sequence[LineCrop],
    known: dict[int, RecognizedLine],
    read: Read,
    as_column: AsColumn | None = None,
) -> tuple[list[LineCrop], list[RecognizedLine]]:
    """Return the lines in the directions in which they read best, and their readings.

    `known` are the readings of some lines as they stand, by index. A line that is read badly is
    tried upside down; a tall one is read as a column and on either side, and as it stands where it
    may be a single character.
    """
    unread = [k for k, line in enumerate(lines) if k not in known and not line.is_tall]
    readings = known | dict(zip(unread, read([lines[k] for k in unread]), strict=True))
    result = list(lines)
    doubtful = [
        k
        for k, reading in readings.items()
        if reading.confidence < _MIN_CONFIDENCE
        and _ratio(lines[k]) >= _DOUBTFUL_RATIO
        and lines[k].direction == "horizontal"
    ]
    tall = [k for k, line in enumerate(lines) if line.is_tall]
    queries = [(k, 180) for k in doubtful] + [(k, turn) for k in tall for turn in (90, 270)]
    queries += [(k, 0) for k in tall if _ratio(lines[k]) < SINGLE_CHARACTER]
    crops = [(k, turned(lines[k], degrees)) for k, degrees in queries]
    columns = [(k, as_column(lines[k])) for k in tall] if as_column else []
    crops += [(k, column) for k, column in columns if column is not None]
    for (k, crop), reading in zip(crops, read([crop for _, crop in crops]), strict=True):
        if crop.direction == "vertical" and not directions.is_chinese(reading.text):
            continue
        present = readings.get(k)
        gain = reading.confidence - (present.confidence if present else 0.0)
        is_better = present is None or (
            gain > 0 if lines[k].is_tall else _is_sure([reading]) and gain >= _MIN_LINE_GAIN
        )
        if is_better:
            result[k], readings[k] = crop, reading
    return result, [readings[k] for k in range(len(lines))]


def turned(line: LineCrop, degrees: int) -> LineCrop:
    """Return a line whose crop is turned clockwise by a multiple of 90 degrees.

    Its direction is that of text which is upright then: turned the other way on the page.
    """
    return replace(
        line,
        image=np.ascontiguousarray(np.rot90(line.image, -degrees // 90)),
        corners=np.roll(line.quad, degrees // 90, axis=0),
        direction=_DIRECTIONS[-degrees % 360],
    )


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


def _is_sure(readings: Sequence[RecognizedLine]) -> bool:
    """Tell whether the readings are enough, and sure enough, to turn what they are of."""
    characters = sum(c.isalnum() for reading in readings for c in reading.text)
    return (
        characters >= _MIN_TURNED_CHARACTERS
        and _mean_confidence(readings) >= _MIN_TURNED_CONFIDENCE
    )


def _sample(lines: Sequence[LineCrop]) -> list[int]:
    """Return the indexes of a few of the longest lines, spread evenly over all long lines."""
    by_length = sorted(range(len(lines)), key=lambda index: -_ratio(lines[index]))
    long = [index for index in by_length if _ratio(lines[index]) >= _LONG_RATIO]
    candidates = long if len(long) > _MAX_UNRELIABLE else by_length
    return sorted(candidates[:: max(1, len(candidates) // _SAMPLE_LINES)][:_SAMPLE_LINES])


def _extent(lines: Sequence[LineCrop], indexes: Iterable[int]) -> float:
    """Return about how many characters the lines `indexes` have."""
    return sum(_ratio(lines[k]) for k in indexes)


def _ratio(line: LineCrop) -> float:
    """Return how many times as long as high the text of a line is."""
    sides = sorted(line.image.shape)
    return float(sides[1] / max(1, sides[0]))


def _mean_confidence(readings: Sequence[RecognizedLine]) -> float:
    characters = sum(len(reading.text.strip()) for reading in readings)
    weighted = sum(len(reading.text.strip()) * reading.confidence for reading in readings)
    return weighted / max(1, characters)
