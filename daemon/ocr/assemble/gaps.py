"""Wide gaps in lines: where a line may continue in another cell of a table, and the cut there.

A line finder joins words that are closer than a fraction of their height, and so may join the
cells of a row. Gaps are measured on the crop, since CTC aligns the start of a character, not its
end.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.model import ctc
from daemon.ocr.records import RecognizedCharacter, RecognizedLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from daemon.ocr.records import LineCrop, RulingLines

    LineAndReading = tuple[LineCrop, RecognizedLine]
    Gap = tuple[int, int]  # from the first blank column of a crop to behind the last

_MIN_GAP = 0.6  # of the crop's height: words of a sentence are closer
_MIN_GAP_AT_SIGN = 1.3  # the same beside Chinese punctuation, whose square is half empty
_SIGNS = ("，。、；：！？）》」』”", "（《「『“")  # with the blank half behind the sign, before it
_MAX_RULE = 0.15  # of the crop's height: a wider rule is no rule, and may hide letters
_EDGE = 0.15  # of the crop's height, above and below: rules and neighbouring lines lie there
_MIN_INK = 0.06  # share of dark pixels of a column with ink
_STEP = 3  # pixels between those of which ink and paper are told: three times as fast
_MIN_CONTRAST = 40  # levels between ink and paper; blank crops have less
_MAX_MARGIN = 0.1  # of the crop's height: a piece keeps so much of the gap beside it


def find(line: LineCrop, reading: RecognizedLine, rules: RulingLines) -> list[Gap]:
    """Return the wide gaps between characters of a line, in columns of its crop.

    A vertical rule does not end a gap. None is looked for in slanted, turned or vertical lines.
    """
    height = line.image.shape[0]
    is_upright = line.corners is None and line.direction == "horizontal"
    if not is_upright or not _has_wide_step(reading, _MIN_GAP * height / line.image.shape[1]):
        return []
    has_ink = _ink_columns(line.image) & ~_rule_columns(line, rules)
    edges = np.flatnonzero(np.diff(has_ink.astype(np.int8)))
    gaps = [
        (int(start) + 1, int(stop) + 1)
        for start, stop in pairwise(edges)
        if not has_ink[start + 1] and stop - start >= _MIN_GAP * height
    ]
    texts = [_text(part) for part in _parts(line, reading, gaps)]
    if not all(texts):
        return []
    return [
        gap
        for gap, (before, after) in zip(gaps, pairwise(texts), strict=True)
        if gap[1] - gap[0] >= _MIN_GAP_AT_SIGN * height
        or not (before[-1] in _SIGNS[0] or after[0] in _SIGNS[1])
    ]


def _has_wide_step(reading: RecognizedLine, share: float) -> bool:
    """Tell whether a character begins `share` of the line or more behind the one before."""
    starts = [c.left for c in reading.characters if not c.text.isspace()]
    return any(after - before >= share for before, after in pairwise(starts))


def _ink_columns(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell of each column of a crop whether there is ink between its edges above and below."""
    margin = round(_EDGE * image.shape[0])
    inner = image[margin : image.shape[0] - margin]
    low, high = np.percentile(inner[::_STEP, ::_STEP], (2, 90))
    if high - low < _MIN_CONTRAST:
        return np.ones(image.shape[1], bool)
    return np.asarray((inner < (low + high) / 2).mean(axis=0) > _MIN_INK, bool)


def _rule_columns(line: LineCrop, rules: RulingLines) -> NDArray[np.bool_]:
    """Tell of each column of a crop whether a vertical rule crosses it."""
    crossed = np.zeros(line.image.shape[1], bool)
    box, middle = line.box, (line.box.top + line.box.bottom) / 2
    for rule in rules.vertical:
        is_narrow = rule.right - rule.left <= max(2, _MAX_RULE * (box.bottom - box.top))
        is_within = box.left < rule.left and rule.right < box.right
        if is_narrow and is_within and rule.top <= middle < rule.bottom:
            crossed[max(0, rule.left - box.left - 1) : rule.right - box.left + 1] = True
    return crossed


def cut(line: LineCrop, reading: RecognizedLine, gaps: Sequence[Gap]) -> list[LineAndReading]:
    """Return the parts of a line between the `gaps`, of those that `find` found."""
    if not gaps:
        return [(line, reading)]
    width = line.image.shape[1]
    margin = round(_MAX_MARGIN * line.image.shape[0])
    starts = [0, *(stop - min(margin, (stop - start) // 3) for start, stop in gaps)]
    stops = [*(start + min(margin, (stop - start) // 3) for start, stop in gaps), width]
    parts = _parts(line, reading, gaps)
    return [
        (_crop(line, start, stop), _reading(part, start / width, stop / width))
        for part, start, stop in zip(parts, starts, stops, strict=True)
    ]


def _parts(
    line: LineCrop, reading: RecognizedLine, gaps: Sequence[Gap]
) -> Iterator[list[RecognizedCharacter]]:
    """Yield the characters between the gaps, each where it begins."""
    width = line.image.shape[1]
    middles = [(start + stop) / 2 / width for start, stop in gaps]
    for start, stop in pairwise([-1.0, *middles, 2.0]):
        yield [c for c in reading.characters if start <= c.left < stop]


def _text(characters: Sequence[RecognizedCharacter]) -> str:
    return "".join(character.text for character in characters).strip()


def _crop(line: LineCrop, start: int, stop: int) -> LineCrop:
    box = Box(line.box.left + start, line.box.top, line.box.left + stop, line.box.bottom)
    return replace(line, box=box, image=line.image[:, start:stop])


def _reading(
    characters: Sequence[RecognizedCharacter], start: float, stop: float
) -> RecognizedLine:
    """Return a part of a reading, without the spaces at its ends, on its own crop."""
    visible = [k for k, character in enumerate(characters) if not character.text.isspace()]
    kept = characters[visible[0] : visible[-1] + 1]

    def moved(x: float) -> float:
        return min(1.0, max(0.0, (x - start) / (stop - start)))

    return RecognizedLine(
        _text(kept),
        ctc.combined([character.confidence for character in kept]),
        tuple(
            RecognizedCharacter(c.text, c.confidence, moved(c.left), moved(c.right)) for c in kept
        ),
    )
