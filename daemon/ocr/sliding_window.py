"""Long lines are read in a sliding window: its positions overlap, and the readings are joined.

A network input has a limited width: a longer line would be squeezed to it, so that its letters
become too narrow to be read, and its memory grows with it (106 MB for 8 192 columns). Where two
windows overlap, both readings have the same characters; the first reading goes on to the middle of
the longest run that they share, the second one goes on from there.
"""

from __future__ import annotations

import math
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from daemon.ocr.model import ctc
from daemon.ocr.records import RecognizedLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Pixels
    from daemon.ocr.model.card import Framing
    from daemon.ocr.records import RecognizedCharacter

    Window = tuple[int, int]  # pixels of the crop: left, right

_COLUMNS = 3072  # of the network: what a window has at most; a row of small print of A3 has fewer
_MIN_HEIGHT = 8  # pixels of a crop: lower ones, such as rules, are not worth many windows
_OVERLAP = 384  # columns of the network that two windows share: about 20 letters
_MIN_SHARED = 3  # characters: a shorter run may be shared by chance


def split(crop: Pixels, framing: Framing) -> list[Window]:
    """Return the windows of an H,W crop, of equal widths, from left to right: mostly one."""
    height, width = crop.shape
    columns = framing.stretch * framing.height / max(1, height)  # of the network per pixel
    if width * columns <= _COLUMNS or height < _MIN_HEIGHT:
        return [(0, width)]
    count = math.ceil((width * columns - _OVERLAP) / (_COLUMNS - _OVERLAP))
    shared = _OVERLAP / columns
    step = (width - shared) / count
    return [(round(k * step), round(min(width, (k + 1) * step + shared))) for k in range(count)]


def join(readings: Sequence[RecognizedLine], windows: Sequence[Window]) -> RecognizedLine:
    """Return the reading of a line from those of its windows."""
    if len(readings) == 1:
        return readings[0]
    width = windows[-1][1]
    placed = [
        [_placed(character, window, width) for character in reading.characters]
        for reading, window in zip(readings, windows, strict=True)
    ]
    middles = [(a[1] + b[0]) / 2 / width for a, b in pairwise(windows)]
    characters = placed[0]
    for following, middle, window in zip(placed[1:], middles, windows[1:], strict=True):
        characters = _joined(characters, following, window[0] / width, middle)
    text = "".join(character.text for character in characters)
    confidence = ctc.combined([character.confidence for character in characters])
    return RecognizedLine(text, confidence, tuple(characters))


def _placed(character: RecognizedCharacter, window: Window, width: int) -> RecognizedCharacter:
    """Return a character of a window with its extent along the whole crop."""
    left, right = window
    start, stop = (
        (left + side * (right - left)) / width for side in (character.left, character.right)
    )
    return replace(character, left=start, right=stop)


def _joined(
    before: Sequence[RecognizedCharacter],
    after: Sequence[RecognizedCharacter],
    start: float,
    middle: float,
) -> list[RecognizedCharacter]:
    """Return the characters of two windows, the second of which begins at `start`.

    Where they share no run of characters, the first goes on to `middle`.
    """
    first = sum(character.right <= start for character in before)
    end = sum(character.left < 2 * middle - start for character in after)
    one, other = [[each.text for each in part] for part in (before[first:], after[:end])]
    if not one or not other:
        return [*before, *after]
    match = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    if match.size >= _MIN_SHARED:
        half = match.size // 2
        return [*before[: first + match.a + half], *after[match.b + half :]]
    return [
        *(each for each in before if each.left + each.right < 2 * middle),
        *(each for each in after if each.left + each.right >= 2 * middle),
    ]
