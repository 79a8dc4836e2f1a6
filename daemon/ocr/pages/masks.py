"""A rendered page without what its text layer says, so that only the rest is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from daemon.records import Block, Box, Page, Pixels

_WHITE: Final = 255
_MARGIN: Final = 2  # pixels by which a word is painted over beyond its box: its edge is blurred


def rest(page: Page, text: tuple[Block, ...], places: Iterable[Box]) -> Page:
    """Return the page with `text` as its layer, its image white but for the rest of `places`."""
    image = _only(page.image, places)
    _paint_over(image, (word.box for b in text for line in b.lines for word in line.words))
    return replace(page, image=image, text_layer=text)


def _only(image: Pixels, places: Iterable[Box]) -> Pixels:
    """Return H,W,3 white but for what is in `places`."""
    shown = np.full_like(image, _WHITE)
    for box in places:
        place = np.s_[box.top : box.bottom, box.left : box.right]
        shown[place] = image[place]
    return shown


def _paint_over(image: Pixels, boxes: Iterable[Box]) -> None:
    """Paint the boxes, in place, in the colour around each of them."""
    for box in boxes:
        top, left = max(0, box.top - _MARGIN), max(0, box.left - _MARGIN)
        part = image[top : box.bottom + _MARGIN, left : box.right + _MARGIN]
        if part.size and part.min() < _WHITE:
            rim = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
            part[:] = np.median(rim, axis=0)
