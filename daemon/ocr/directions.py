"""Which way a line runs: the recogniser reads it in each direction that it may run.

Vertical text is Chinese, so a reading of a column has to be Chinese too; a picture or the rows of
a table that are taken for a column yield digits, Latin letters and marks.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.ocr.records import LineCrop, RecognizedLine

_MIN_CONFIDENCE = 0.9  # of a column that stands for itself; starts of rows yield up to 0.86
_MIN_CONFIDENCE_BESIDE = 0.5  # of a column beside one that stands for itself
_MIN_CHARACTERS = 3  # Chinese ones of a column that stands for itself
_MIN_CHINESE = 0.6  # share of Chinese characters in a column
_MAX_DISTANCE = 3.0  # of its width: columns as close as this are beside each other
_MAX_WIDTH_RATIO = 1.5  # of the widths of columns of one block


def vertical_indexes(columns: Sequence[LineCrop], readings: Sequence[RecognizedLine]) -> list[int]:
    """Return the indexes of the columns that are vertical text by their `readings`."""
    certain = {
        k
        for k, reading in enumerate(readings)
        if reading.confidence >= _MIN_CONFIDENCE
        and is_chinese(reading.text)
        and _chinese(reading.text) >= _MIN_CHARACTERS
    }
    pending = {
        k
        for k, reading in enumerate(readings)
        if reading.confidence >= _MIN_CONFIDENCE_BESIDE and is_chinese(reading.text)
    } - certain
    reached = list(certain)
    while reached:
        known = reached.pop()
        beside = {k for k in pending if _is_beside(columns[k], columns[known])}
        certain |= beside
        pending -= beside
        reached += beside
    return sorted(certain)


def is_chinese(text: str) -> bool:
    """Tell whether most characters of a column are Chinese; punctuation does not count."""
    counted = sum(c.isalnum() or unicodedata.category(c).startswith("S") for c in text)
    return counted > 0 and _chinese(text) >= _MIN_CHINESE * counted


def _chinese(text: str) -> int:
    names = (unicodedata.name(character, "") for character in text)
    return sum(name.startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA")) for name in names)


def _is_beside(line: LineCrop, other: LineCrop) -> bool:
    """Tell whether two columns of about one width are close to each other."""
    box, near = line.box, other.box
    narrow, wide = sorted((box.right - box.left, near.right - near.left))
    gap = max(box.left - near.right, near.left - box.right)
    apart = max(box.top - near.bottom, near.top - box.bottom)
    return wide <= _MAX_WIDTH_RATIO * narrow and max(gap, apart) <= _MAX_DISTANCE * narrow
