"""Draws a phrase with a face, spaced as in print or by a typewriter.

Fonts are opened once per process and size, in a few sizes: opening costs more than drawing.
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

SIZES = (20, 28, 40)  # pixels per em; a thousand faces in each size stay open
_OPEN_FONTS = 4096  # pairs of face and size that a process keeps open

LETTER_SPACED = 0.22  # share of lines with letters placed one by one: tracked, or typed unevenly
WIDE_SPACES = 0.15  # share of justified lines, and of columns of a form read as one line
NARROW_SPACES = 0.2
DOUBLE_STRIKE = 0.06
ALIASED = 0.03  # drawn without antialiasing, as by early screens and dot printers

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """Black text on white (H,W gray) with a margin of about an em on every side.

    `ink` is the bounding box of the ink; `band` the rows from the tops of tall letters to the
    bottoms of descenders, whatever the text; `x_height` is in pixels.
    """

    image: Pixels
    ink: Box
    band: tuple[int, int]
    x_height: int


@lru_cache(_OPEN_FONTS)
def open_font(path: str, index: int, size: int) -> Font:
    """Open a face at a size; raises OSError for a file that FreeType cannot read."""
    return ImageFont.truetype(path, size, index, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(4 * _OPEN_FONTS)
def _font_metrics(font: Font) -> tuple[int, int, int, float]:
    """Return the ascent, descent, x-height and width of a space of a face."""
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
    """Return the width of `text`; the Chinese characters of a face are equally wide."""
    return sum(_advance(font, "国" if "一" <= one <= "鿿" else one) for one in text)


@dataclass(slots=True)
class TextPen:
    """Writes the words of a line one after another, with tracking and an uneven baseline."""

    draw: ImageDraw.ImageDraw
    x: float
    y: int
    tracking: float = 0.0
    baseline_jitter: float = 0.0

    def write(self, text: str, font: Font, length: float | None, rng: Generator) -> None:
        """Draw `text`, letter by letter if the letters are tracked or uneven.

        `length` is the width of the text if it is known.
        """
        if not self.tracking and not self.baseline_jitter:
            self.draw.text((self.x, self.y), text, 255, font, anchor="ls")
            self.x += _length(font, text) if length is None else length
            return
        jitter = self.baseline_jitter
        offsets = np.rint(rng.normal(0, jitter, len(text))) if jitter else None
        for place, character in enumerate(text):
            y = self.y + (offsets[place] if offsets is not None else 0)
            self.draw.text((self.x, y), character, 255, font, anchor="ls")
            self.x += max(1.0, _advance(font, character) + self.tracking)


def draw(text: str, font: Font, fallback: Font | None, rare: str, rng: Generator) -> DrawnLine:
    """Draw `text`; the characters in `rare` come from `fallback`, the others from `font`.

    Raises ValueError when nothing visible is drawn.
    """
    top, foot, _, space = _font_metrics(font)
    size = round(font.size)
    tracking, jitter = _spacing(text, size, rng)
    factor = _space_factor(rng)
    gap = max(space * factor, 0.18 * size) + tracking
    plain = not (tracking or jitter or rare or factor != 1 or gap > space)
    words = [text] if plain else text.split(" ")
    lengths = [_length(font, word) for word in words]
    width = sum(lengths) + 1.2 * gap * len(words) + max(tracking, 0) * len(text)
    width += size * sum(map(text.count, rare))
    canvas = Image.new("L", (int(width) + 4 * size, 3 * size - top + foot), 0)
    canvas_draw = ImageDraw.Draw(canvas)
    canvas_draw.fontmode = "1" if rng.random() < ALIASED else "L"
    pen = TextPen(canvas_draw, size, int(1.5 * size) - top, tracking, jitter)
    for word, length in zip(words, lengths, strict=True):
        for is_rare, run in groupby(word, rare.__contains__) if rare else ((False, word),):
            other = fallback if is_rare and fallback else font
            pen.write("".join(run), other, None if rare else length, rng)
        pen.x += gap * (rng.uniform(0.9, 1.15) if factor != 1 else 1.0)
    return _cropped(np.asarray(canvas), pen.y, _font_metrics(font), rng)


def _cropped(
    ink: Pixels, base: int, metrics: tuple[int, int, int, float], rng: Generator
) -> DrawnLine:
    """Return `ink` (white on black) cropped to its width; `base` is the row of the baseline."""
    top, foot, x_height, _ = metrics
    if rng.random() < DOUBLE_STRIKE:
        ink = np.asarray(cv2.dilate(ink, np.ones((1, 2), np.uint8)), np.uint8)
    left, upper, width, height = cv2.boundingRect(ink)
    if not width:
        raise ValueError("no visible character was drawn")
    margin = 3 * (foot - top) // 4
    right = min(ink.shape[1], left + width + margin)
    start = max(0, left - margin)
    return DrawnLine(
        255 - ink[:, start:right],
        Box(left - start, upper, left - start + width, upper + height),
        (base + top, base + foot),
        x_height,
    )


def _spacing(text: str, size: int, rng: Generator) -> tuple[float, float]:
    """Draw tracking and baseline jitter in pixels; short lines may be spread wide."""
    if rng.random() >= LETTER_SPACED:
        return 0.0, 0.0
    spread = 0.5 if len(text) <= 6 and " " not in text and rng.random() < 0.25 else 0.1
    tracking = float(rng.uniform(-0.03, spread)) * size
    jitter = 0.018 * size if rng.random() < 0.3 else 0.0
    return tracking, jitter


def _space_factor(rng: Generator) -> float:
    kind = rng.random()
    if kind < WIDE_SPACES:
        return float(rng.uniform(1.2, 2.6))
    if kind < WIDE_SPACES + NARROW_SPACES:
        return float(rng.uniform(0.75, 1.0))
    return 1.0
