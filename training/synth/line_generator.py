"""Generates training lines: draws a phrase, adds its surroundings, crops, damages and labels it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.records import Sample
from training.synth import augment, line_context, perspective, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from daemon.core.records import Pixels
    from training.records import Phrase
    from training.synth.font_choice import FontSelector
    from training.synth.render import DrawnLine

CELLS = 0.08  # share of the Chinese lines that can stand in a column, see `render.draw_cells`
# shares of lines with these surroundings
NEIGHBOURS, UNDERLINE, TABLE, FILL_IN_LINE, STAMP = 0.28, 0.14, 0.14, 0.35, 0.025
MIN_X_HEIGHT = {"en": 6.0, "latin": 7.0, "zh": 8.0, "zh-Hant": 9.0}  # pixels; smaller is illegible
SMALL = 0.35  # share of Latin lines as in a fax, or of a page scanned at 100 dpi
LONGEST_COLUMN = 40  # characters
_ATTEMPTS = 50


class LineGenerator:
    """Draws the phrases of `phrase` with `fonts`; equal seeds give equal samples."""

    def __init__(self, phrase: Callable[[Generator], Phrase], fonts: FontSelector) -> None:
        self._phrase, self._fonts = phrase, fonts

    def sample(self, rng: Generator) -> Sample:
        """Return a sample; raises RuntimeError when no face can draw any of `_ATTEMPTS` phrases."""
        for _ in range(_ATTEMPTS):
            phrase = self._phrase(rng)
            choice = self._fonts.choose(phrase, rng)
            if choice is None:
                continue
            mild = rng.random() < augment.MILD[phrase.language]
            height = line_height(phrase.language, mild, rng)
            font, fallback = choice.open(size_for(height))
            try:
                if in_cells(phrase, rng) and not choice.rare:
                    line = render.draw_cells(phrase.text, font, rng)
                else:
                    line = render.draw(
                        phrase.text, font, fallback, choice.rare, rng, small=choice.small
                    )
            except ValueError:  # the glyph exists but is blank
                continue
            crop = scanned(line, phrase, mild, height, rng)
            return Sample(crop, phrase.text, phrase.language, phrase.kind, choice.name)
        raise RuntimeError(
            f"no face can draw any of {_ATTEMPTS} phrases; the last was {phrase.text!r}"
        )


def scanned(line: DrawnLine, phrase: Phrase, mild: bool, height: int, rng: Generator) -> Pixels:
    """Return the crop of a drawn line, `height` rows, after surroundings, scan and damage."""
    image, extra_right = with_context(line, phrase, mild, rng)
    image = perspective.crop_line(line, image, extra_right, rng, whole="_" in phrase.text)
    min_height = MIN_X_HEIGHT[phrase.language] * image.shape[0] / line.x_height
    image = augment.rescaled(image, max(height, min(round(min_height), 80)))
    if not mild and rng.random() < augment.FAX[phrase.language] / (
        1 - augment.MILD[phrase.language]
    ):
        image = augment.faxed(image, rng)
    return np.ascontiguousarray(augment.damaged(image, phrase.language, mild, rng))


def with_context(line: DrawnLine, phrase: Phrase, mild: bool, rng: Generator) -> tuple[Pixels, int]:
    """Return the line with its surroundings, and the pixels that the crop extends to the right."""
    image, extra_right = line.image, 0
    chances = rng.random(5)
    if phrase.kind == "label" and chances[0] < FILL_IN_LINE:
        extra_right = int(rng.uniform(0.5, 4) * (line.band[1] - line.band[0]))
        white = np.full((image.shape[0], extra_right), 255, np.uint8)
        image = np.hstack((image, white))
        line_context.fill_in_line(image, line.ink, line.band, rng)
        extra_right = extra_right if rng.random() < 0.8 else 0
    for share, add, chance in (
        (NEIGHBOURS, line_context.neighbours, chances[1]),
        (0 if "_" in phrase.text else UNDERLINE, line_context.underline, chances[2]),
        (TABLE, line_context.table, chances[3]),
        (0 if mild else STAMP, line_context.stamp, chances[4]),
    ):
        if chance < share:
            add(image, line.ink, line.band, rng)
    return image, extra_right


def in_cells(phrase: Phrase, rng: Generator) -> bool:
    """Draw whether a phrase is set as the characters of a vertical column, side by side."""
    if not phrase.language.startswith("zh") or not 1 < len(phrase.text) <= LONGEST_COLUMN:
        return False
    return rng.random() < CELLS and render.stands_in_a_column(phrase.text)


def line_height(language: str, mild: bool, rng: Generator) -> int:
    """Draw the rows of a crop: most scans have 24 to 48, dense characters need more."""
    if not language.startswith("zh") and rng.random() < SMALL:
        return int(rng.integers(15, 25))
    low, usual, high = (22, 40, 76) if language.startswith("zh") else (16, 34, 72)
    if mild:
        low += 4
    return int(np.clip(usual * np.exp(rng.normal(0, 0.28)), low, high))


def size_for(height: int) -> int:
    """Return the font size for a crop of `height` rows: a line is never drawn smaller than it."""
    return next((size for size in render.SIZES if size * 1.25 >= height), render.SIZES[-1])
