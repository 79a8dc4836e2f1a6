"""A phrase is drawn: with a face that has its characters, spaced as print and typewriters space it.

Fonts are opened once per process and size, from few sizes: opening costs more than drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from daemon.core.records import Box

if TYPE_CHECKING:
    from numpy.random import Generator

    from daemon.core.records import Pixels

SIZES = (20, 28, 40)  # pixels per em; times a thousand faces, all of them stay open
_OPEN = 4096  # faces in a size that one process keeps open

LETTERS = 0.22  # lines whose letters are placed one by one: tracked, or typed unevenly
WIDE_SPACES = 0.15  # justified lines, and columns of a form read as one line
NARROW_SPACES = 0.2
DOUBLE_STRIKE = 0.06
ALIASED = 0.03  # drawn without gray, as early screens and dot printers do

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Drawing:
    """Black text on white (H,W gray) with a margin of about an em on every side.

    `ink` is the box of the text's ink; `band` the rows from the tops of tall letters to the feet
    of long ones, whatever the text; `x_height` is in pixels.
    """

    image: Pixels
    ink: Box
    band: tuple[int, int]
    x_height: int


@lru_cache(_OPEN)
def opened(path: str, index: int, size: int) -> Font:
    """Open a face in a size; raises OSError for a file that FreeType cannot read."""
    return ImageFont.truetype(path, size, index, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(4 * _OPEN)
def _measures(font: Font) -> tuple[int, int, int, float]:
    """Return top and foot of the face's tall and long letters, its x-height and its space."""
    _, top, _, _ = font.getbbox("Hdl国", anchor="ls")
    _, _, _, foot = font.getbbox("gp国", anchor="ls")
    _, x, _, _ = font.getbbox("x", anchor="ls")
    space = font.getlength(" ")
    top, foot = min(top, -0.5 * font.size), max(foot, 0.1 * font.size)
    return int(top), int(foot), max(int(0.3 * font.size), -int(x)), max(space, 0.2 * font.size)


@lru_cache(1 << 18)
def _advance(font: Font, character: str) -> float:
    return font.getlength(character)


def _length(font: Font, text: str) -> float:
    """Return how far `text` goes; Chinese characters of a face are equally wide."""
    return sum(_advance(font, "国" if "一" <= one <= "鿿" else one) for one in text)


@dataclass(slots=True)
class Pen:
    """Where the next token of a line goes, and how far apart tokens are."""

    draw: ImageDraw.ImageDraw
    x: float
    y: int
    tracking: float = 0.0
    waver: float = 0.0

    def write(self, text: str, font: Font, length: float | None, chance: Generator) -> None:
        """Draw `text`, letter by letter where the letters stand apart or uneven.

        `length` is how far the face goes for it, where that is known.
        """
        if not self.tracking and not self.waver:
            self.draw.text((self.x, self.y), text, 255, font, anchor="ls")
            self.x += _length(font, text) if length is None else length
            return
        offsets = np.rint(chance.normal(0, self.waver, len(text))) if self.waver else None
        for place, character in enumerate(text):
            y = self.y + (offsets[place] if offsets is not None else 0)
            self.draw.text((self.x, y), character, 255, font, anchor="ls")
            self.x += max(1.0, _advance(font, character) + self.tracking)


def draw(text: str, font: Font, fallback: Font | None, rare: str, chance: Generator) -> Drawing:
    """Draw `text`; the characters in `rare` come from `fallback`, the others from `font`.

    Raises ValueError when nothing visible is drawn.
    """
    top, foot, _, space = _measures(font)
    size = round(font.size)
    tracking, waver = _spacing(text, size, chance)
    factor = _space_factor(chance)
    gap = max(space * factor, 0.18 * size) + tracking
    plain = not (tracking or waver or rare or factor != 1 or gap > space)
    words = [text] if plain else text.split(" ")
    lengths = [_length(font, word) for word in words]
    room = sum(lengths) + 1.2 * gap * len(words) + max(tracking, 0) * len(text)
    room += size * sum(map(text.count, rare))
    canvas = Image.new("L", (int(room) + 4 * size, 3 * size - top + foot), 0)
    brush = ImageDraw.Draw(canvas)
    brush.fontmode = "1" if chance.random() < ALIASED else "L"
    pen = Pen(brush, size, int(1.5 * size) - top, tracking, waver)
    for word, length in zip(words, lengths, strict=True):
        for strange, run in groupby(word, rare.__contains__) if rare else ((False, word),):
            other = fallback if strange and fallback else font
            pen.write("".join(run), other, None if rare else length, chance)
        pen.x += gap * (chance.uniform(0.9, 1.15) if factor != 1 else 1.0)
    return _finished(np.asarray(canvas), pen.y, _measures(font), chance)


def _finished(
    ink: Pixels, base: int, measures: tuple[int, int, int, float], chance: Generator
) -> Drawing:
    """Return `ink` (white on black) as a drawing cut to its width; `base` is the baseline."""
    top, foot, x_height, _ = measures
    if chance.random() < DOUBLE_STRIKE:
        ink = np.asarray(cv2.dilate(ink, np.ones((1, 2), np.uint8)), np.uint8)
    left, upper, width, height = cv2.boundingRect(ink)
    if not width:
        raise ValueError("no visible character was drawn")
    margin = 3 * (foot - top) // 4
    right = min(ink.shape[1], left + width + margin)
    start = max(0, left - margin)
    return Drawing(
        255 - ink[:, start:right],
        Box(left - start, upper, left - start + width, upper + height),
        (base + top, base + foot),
        x_height,
    )


def _spacing(text: str, size: int, chance: Generator) -> tuple[float, float]:
    """Choose tracking and waver of the baseline in pixels; short lines may be spread far."""
    if chance.random() >= LETTERS:
        return 0.0, 0.0
    spread = 0.5 if len(text) <= 6 and " " not in text and chance.random() < 0.25 else 0.1
    tracking = float(chance.uniform(-0.03, spread)) * size
    waver = 0.018 * size if chance.random() < 0.3 else 0.0
    return tracking, waver


def _space_factor(chance: Generator) -> float:
    kind = chance.random()
    if kind < WIDE_SPACES:
        return float(chance.uniform(1.2, 2.6))
    if kind < WIDE_SPACES + NARROW_SPACES:
        return float(chance.uniform(0.75, 1.0))
    return 1.0
