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
    from collections.abc import Iterable

    from numpy.random import Generator

    from daemon.core.records import Pixels

SIZES = (20, 28, 40)  # pixels per em; a thousand faces in each size stay open
_OPEN_FONTS = 4096  # pairs of face and size that a process keeps open

LETTER_SPACED = 0.22  # share of lines with letters placed one by one: tracked, or typed unevenly
WIDE_SPACES = 0.15  # share of justified lines, and of columns of a form read as one line
NARROW_SPACES = 0.2
DOUBLE_STRIKE = 0.06
ALIASED = 0.03  # drawn without antialiasing, as by early screens and dot printers

_RAISED, _LOWERED = 0.36, -0.14  # of the em; the baselines of small digits in word processors
SCALED = {
    small: (character, rise)
    for smalls, characters, rise in (
        ("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", _RAISED),
        ("₀₁₂₃₄₅₆₇₈₉", "0123456789", _LOWERED),
    )
    for small, character in zip(smalls, characters, strict=True)
}
"""The characters that are small, shifted ones: what to draw, and the rise as a share of the em."""
SCALES = (0.58, 0.66)  # of the size of the others, as in word processors

_COLUMN_STOPS = "，。、"
_COLUMN_SIGNS = _COLUMN_STOPS + "！？0123456789"
_WIDEST_CELL = 1.5  # of the em; loose columns of titles and of verse are as wide

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

    def write(
        self, text: str, font: Font, length: float | None, rng: Generator, rise: float = 0.0
    ) -> None:
        """Draw `text`, `rise` pixels higher; letter by letter if they are tracked or uneven.

        `length` is the width of the text if it is known.
        """
        level = self.y - round(rise)
        if not self.tracking and not self.baseline_jitter:
            self.draw.text((self.x, level), text, 255, font, anchor="ls")
            self.x += _length(font, text) if length is None else length
            return
        jitter = self.baseline_jitter
        offsets = np.rint(rng.normal(0, jitter, len(text))) if jitter else None
        for place, character in enumerate(text):
            y = level + (offsets[place] if offsets is not None else 0)
            self.draw.text((self.x, y), character, 255, font, anchor="ls")
            self.x += max(1.0, _advance(font, character) + self.tracking)


def draw(
    text: str, font: Font, fallback: Font | None, rare: str, rng: Generator, small: str = ""
) -> DrawnLine:
    """Draw `text`; the characters in `rare` come from `fallback`, the others from `font`.

    Those in `small`, of `SCALED`, are drawn as smaller ones of `font`, raised or lowered.
    Raises ValueError when nothing visible is drawn.
    """
    top, foot, _, space = _font_metrics(font)
    size = round(font.size)
    tracking, jitter = _spacing(text, size, rng)
    factor = _space_factor(rng)
    gap = max(space * factor, 0.18 * size) + tracking
    plain = not (tracking or jitter or rare or small or factor != 1 or gap > space)
    words = [text] if plain else text.split(" ")
    lengths = [_length(font, word) for word in words]
    width = sum(lengths) + 1.2 * gap * len(words) + max(tracking, 0) * len(text)
    width += size * sum(map(text.count, rare + small))
    canvas = Image.new("L", (int(width) + 4 * size, 3 * size - top + foot), 0)
    canvas_draw = ImageDraw.Draw(canvas)
    canvas_draw.fontmode = "1" if rng.random() < ALIASED else "L"
    pen = TextPen(canvas_draw, size, int(1.5 * size) - top, tracking, jitter)
    other = {character: (fallback, 0.0) for character in rare if fallback}
    own = (font, 0.0)
    if small:
        reduced = open_font(str(font.path), font.index, round(float(rng.choice(SCALES)) * size))
        other |= {character: (reduced, SCALED[character][1] * size) for character in small}
    for word, length in zip(words, lengths, strict=True):
        runs = groupby(word, lambda one: other.get(one, own)) if other else ((own, word),)
        for (face, rise), run in runs:
            pen.write(_unscaled(run, small), face, None if other else length, rng, rise)
        pen.x += gap * (rng.uniform(0.9, 1.15) if factor != 1 else 1.0)
    return _cropped(np.asarray(canvas), pen.y, _font_metrics(font), rng)


def stands_in_a_column(text: str) -> bool:
    """Return whether `text` is drawn alike in a vertical column: no brackets, dashes or letters."""
    return all("\u4e00" <= one <= "\u9fff" or one in _COLUMN_SIGNS for one in text)


def draw_cells(text: str, font: Font, rng: Generator) -> DrawnLine:
    """Draw the characters of a vertical column, cut apart and set in a row.

    Each stands in the middle of a cell of about an em, with uneven gaps; stops stand in the upper
    right of their cells. Raises ValueError when nothing visible is drawn.
    """
    top, foot, _, _ = _font_metrics(font)
    size = round(font.size)
    pitch = size * rng.uniform(1.0, _WIDEST_CELL)
    unevenness = size * rng.uniform(0.0, 0.12)
    steps = pitch + np.abs(rng.normal(0, unevenness, len(text)))
    levels = rng.normal(0, 0.02 * size, len(text))
    canvas = Image.new("L", (int(steps.sum()) + 4 * size, 3 * size - top + foot), 0)
    pen, x, base = ImageDraw.Draw(canvas), float(size), int(1.5 * size) - top
    for character, step, level in zip(text, steps, levels, strict=True):
        left = x + (pitch - _length(font, character)) / 2
        is_stop = character in _COLUMN_STOPS
        right, up = (0.5 * size, 0.55 * size) if is_stop else (0.0, 0.0)
        pen.text((round(left + right), round(base + level - up)), character, 255, font, anchor="ls")
        x += step
    return _cropped(np.asarray(canvas), base, _font_metrics(font), rng)


def _unscaled(run: Iterable[str], small: str) -> str:
    return "".join(SCALED[one][0] if one in small else one for one in run)


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
