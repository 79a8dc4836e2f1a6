"""Masking of the text layer in a rendered page, so that only the remaining content is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Block, Box, Page, Pixels, Word

_WHITE: Final = 255
# aspect ratio times characters: 1 (Chinese) to 5 (ill) for level words
_MAX_SLANT_RATIO: Final = 5.0
_MAX_SHADE_DIFFERENCE: Final = 64  # levels by which a colour may vary around a word
_MIN_EVEN_SHARE: Final = 0.95  # share of the border of a word that has its colour
_MARGIN: Final = 2  # pixels around a box that are painted over too: its edge is blurred


def mask_text_layer(page: Page, text: tuple[Block, ...], areas: Iterable[Box]) -> Page:
    """Return the page with `text` as text layer; the image keeps only `areas`, less that text."""
    image = _crop_to(page.image, areas)
    words = [word for block in text for line in block.lines for word in line.words]
    _paint_over(image, (word.box for word in words if not _is_slanted(word)))
    return replace(page, image=image, text_layer=text)


def _is_slanted(word: Word) -> bool:
    """Tell whether a word is neither horizontal nor vertical: its box then holds other content."""
    width, height = word.box.right - word.box.left, word.box.bottom - word.box.top
    return min(height / max(1, width), width / max(1, height)) * len(word.text) > _MAX_SLANT_RATIO


def _crop_to(image: Pixels, areas: Iterable[Box]) -> Pixels:
    """Return H,W,3 white except in `areas`."""
    result = np.full_like(image, _WHITE)
    for box in areas:
        area = np.s_[box.top : box.bottom, box.left : box.right]
        result[area] = image[area]
    return result


def _paint_over(image: Pixels, boxes: Iterable[Box]) -> None:
    """Fill the boxes, in place, with the colour around each, where that is a single colour.

    Elsewhere other content surrounds the word: the watermark over a scan must not erase it.
    """
    for box in boxes:
        top, left = max(0, box.top - _MARGIN), max(0, box.left - _MARGIN)
        part = image[top : box.bottom + _MARGIN, left : box.right + _MARGIN]
        if part.size and part.min() < _WHITE:
            border = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])  # N, 3
            colour = np.median(border, axis=0)
            if (
                np.abs(border - colour).max(axis=1) <= _MAX_SHADE_DIFFERENCE
            ).mean() >= _MIN_EVEN_SHARE:
                part[:] = colour
