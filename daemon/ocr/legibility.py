"""A page of noise: very many places that look like lines, of which hardly any can be read.

To read 2 500 specks costs more than a minute on a slow processor, for nothing. So where a page has
more lines than any of the development pages has, a sample that is spread over the page is read
first. Where that yields nothing only the largest lines are read: text in the midst of noise is
among them. The others are listed as unread, and the page says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Failure
from daemon.ocr import directions, orientation
from daemon.ocr.records import RecognizedLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daemon.ocr.records import LineCrop

    Read = Callable[[Sequence[LineCrop]], list[RecognizedLine]]
    AsColumn = Callable[[LineCrop], LineCrop | None]

MANY_LINES = 600  # of a page; development pages have up to 150, a page of a newspaper about 500
MANY_COLUMNS = 300  # likewise, what may be columns of vertical text
SAMPLE = 48  # lines
LIKELIEST = 150  # of the lines of a page of noise, by their area
# of them have letters or digits: 0.6 and more of the lines of development pages with 20 lines, and
# of 3 000 specks 0.002; a tenth of the specks is read as a dot or a quote
_MIN_LEGIBLE = 4
_LEGIBLE = 0.7  # confidence

UNREAD = RecognizedLine("", 0.0, ())


def legible_sample(
    lines: Sequence[LineCrop], known: dict[int, RecognizedLine], read: Read, as_column: AsColumn
) -> dict[int, RecognizedLine] | None:
    """Return the readings that are `known`, with those of a sample; None if it is illegible.

    Nothing is read where the lines are not very many.
    """
    if len(lines) <= MANY_LINES:
        return known
    sample = _spread(len(lines))
    found, readings = orientation.read_in_directions(
        [lines[k] for k in sample], {}, read, as_column
    )
    if sum(map(_is_legible, readings)) < _MIN_LEGIBLE:
        return None
    as_they_stand = {
        k: reading
        for k, line, reading in zip(sample, found, readings, strict=True)
        if line is lines[k] and not line.is_tall
    }
    return known | as_they_stand


def legible_columns(columns: Sequence[LineCrop], read: Read) -> Sequence[LineCrop]:
    """Return the columns; none if there are very many, and none of a sample is vertical text."""
    if len(columns) <= MANY_COLUMNS:
        return columns
    sample = [columns[k] for k in _spread(len(columns))]
    return columns if directions.vertical_indexes(sample, read(sample)) else []


def likeliest(lines: Sequence[LineCrop]) -> tuple[list[LineCrop], list[LineCrop]]:
    """Return the largest lines of a page of noise and the others, both in their order."""
    areas = np.array([line.image.size for line in lines])
    chosen = set(np.argsort(-areas, kind="stable")[:LIKELIEST].tolist())
    return (
        [line for k, line in enumerate(lines) if k in chosen],
        [line for k, line in enumerate(lines) if k not in chosen],
    )


def without_specks(readings: Sequence[RecognizedLine]) -> list[RecognizedLine]:
    """Return the readings of a page of noise, those without a letter or digit as unread."""
    return [reading if _is_legible(reading) else UNREAD for reading in readings]


def failure(lines: int) -> Failure:
    """Return why a page with so many lines was not read."""
    return Failure(
        "unread",
        f"{lines} places look like lines of text, and of {SAMPLE} that were tried hardly any can "
        "be read, so only the largest of the others were tried: noise, a halftone or a pattern; "
        "scan it again, with less contrast or in gray",
    )


def _is_legible(reading: RecognizedLine) -> bool:
    return reading.confidence >= _LEGIBLE and any(map(str.isalnum, reading.text))


def _spread(count: int) -> list[int]:
    """Return the indexes of a sample of so many, evenly spread."""
    return [int(k) for k in np.linspace(0, count - 1, SAMPLE)]
