"""A rendered page without what its text layer says, so that only the rest is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Block, Box, Page, Pixels, Word

_WHITE: Final = 255
_UPRIGHT: Final = 5.0  # letters as wide as a word is high; level ones have 1 (Chinese) to 5 (ill)
_SHADES: Final = 64  # levels by which a colour may vary around a word
_EVEN: Final = 0.95  # of what is around it
_MARGIN: Final = 2  # pixels by which a word is painted over beyond its box: its edge is blurred


def rest(page: Page, text: tuple[Block, ...], places: Iterable[Box]) -> Page:
    """Return the page with `text` as its layer, its image white but for the rest of `places`."""
    image = _only(page.image, places)
    words = [word for block in text for line in block.lines for word in line.words]
    _paint_over(image, (word.box for word in words if not _slants(word)))
    return replace(page, image=image, text_layer=text)


def _slants(word: Word) -> bool:
    """Tell whether a word goes neither across nor down: its box then holds much beside it."""
    width, height = word.box.right - word.box.left, word.box.bottom - word.box.top
    return min(height / max(1, width), width / max(1, height)) * len(word.text) > _UPRIGHT


def _only(image: Pixels, places: Iterable[Box]) -> Pixels:
    """Return H,W,3 white but for what is in `places`."""
    shown = np.full_like(image, _WHITE)
    for box in places:
        place = np.s_[box.top : box.bottom, box.left : box.right]
        shown[place] = image[place]
    return shown


def _paint_over(image: Pixels, boxes: Iterable[Box]) -> None:
    """Paint the boxes, in place, in the colour around each of them, where that is one colour.

    Elsewhere something else is written there: the watermark over a scan must not wipe it out.
    """
    for box in boxes:
        top, left = max(0, box.top - _MARGIN), max(0, box.left - _MARGIN)
        part = image[top : box.bottom + _MARGIN, left : box.right + _MARGIN]
        if part.size and part.min() < _WHITE:
            rim = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])  # N, 3
            colour = np.median(rim, axis=0)
            if (np.abs(rim - colour).max(axis=1) <= _SHADES).mean() >= _EVEN:
                part[:] = colour
