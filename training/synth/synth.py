"""The source of training lines: a phrase is drawn by a face, worn like paper, cut and labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from training.synth import augment, line_context, perspective, render
from training.synth.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from daemon.core.records import Pixels
    from training.synth.font_choice import Faces
    from training.synth.render import Drawing
    from training.synth.sample import Phrase

NEIGHBOURS, UNDERLINE, TABLE, BLANK, STAMP = 0.28, 0.14, 0.14, 0.35, 0.025
LEAST = {"en": 6.0, "latin": 7.0, "zh": 8.0, "zh-Hant": 9.0}  # pixels of an x-height, to be legible
SMALL = 0.35  # Latin lines of a fax, or of a page scanned at 100 dpi
_TRIES = 50


class Source(Protocol):
    """Whatever draws samples from chance."""

    def sample(self, chance: Generator) -> Sample:
        """Return the next sample."""
        ...


class Synth:
    """Samples of `phrase` drawn by `faces`; the same chance gives the same samples."""

    def __init__(self, phrase: Callable[[Generator], Phrase], faces: Faces) -> None:
        self._phrase, self._faces = phrase, faces

    def sample(self, chance: Generator) -> Sample:
        """Return one; raises RuntimeError when no face draws any of many phrases."""
        for _ in range(_TRIES):
            phrase = self._phrase(chance)
            chosen = self._faces.choose(phrase, chance)
            if chosen is None:
                continue
            mild = chance.random() < augment.MILD[phrase.language]
            height = line_height(phrase.language, mild, chance)
            font, fallback = chosen.opened(size_for(height))
            try:
                drawing = render.draw(phrase.text, font, fallback, chosen.rare, chance)
            except ValueError:  # a glyph that is there but blank
                continue
            crop = photographed(drawing, phrase, mild, height, chance)
            return Sample(crop, phrase.text, phrase.language, phrase.kind, chosen.name)
        raise RuntimeError(f"no face draws any of {_TRIES} phrases; the last was {phrase.text!r}")


def photographed(
    drawing: Drawing, phrase: Phrase, mild: bool, height: int, chance: Generator
) -> Pixels:
    """Return the crop of a drawn line, `height` rows, after all that befell it."""
    image, reach = furnished(drawing, phrase, mild, chance)
    image = perspective.cut(drawing, image, reach, chance)
    least = LEAST[phrase.language] * image.shape[0] / drawing.x_height
    image = augment.resolved(image, max(height, min(round(least), 80)))
    if not mild and chance.random() < augment.FAX[phrase.language] / (
        1 - augment.MILD[phrase.language]
    ):
        image = augment.faxed(image, chance)
    return np.ascontiguousarray(augment.worn(image, phrase.language, mild, chance))


def furnished(
    drawing: Drawing, phrase: Phrase, mild: bool, chance: Generator
) -> tuple[Pixels, int]:
    """Return the page around the line, and how far its blank reaches to the right of the text."""
    image, reach = drawing.image, 0
    luck = chance.random(5)
    if phrase.kind == "label" and luck[0] < BLANK:
        reach = int(chance.uniform(0.5, 4) * (drawing.band[1] - drawing.band[0]))
        white = np.full((image.shape[0], reach), 255, np.uint8)
        image = np.hstack((image, white))
        line_context.blank(image, drawing.ink, drawing.band, chance)
        reach = reach if chance.random() < 0.8 else 0
    for share, draws, lucky in (
        (NEIGHBOURS, line_context.neighbours, luck[1]),
        (UNDERLINE, line_context.underline, luck[2]),
        (TABLE, line_context.table, luck[3]),
        (0 if mild else STAMP, line_context.stamp, luck[4]),
    ):
        if lucky < share:
            draws(image, drawing.ink, drawing.band, chance)
    return image, reach


def line_height(language: str, mild: bool, chance: Generator) -> int:
    """Choose the rows of a crop: most scans have 24 to 48, dense characters need more."""
    if not language.startswith("zh") and chance.random() < SMALL:
        return int(chance.integers(15, 25))
    low, usual, high = (22, 40, 76) if language.startswith("zh") else (16, 34, 72)
    if mild:
        low += 4
    return int(np.clip(usual * np.exp(chance.normal(0, 0.28)), low, high))


def size_for(height: int) -> int:
    """Return the size in which a line is drawn for a crop of `height` rows: no smaller."""
    return next((size for size in render.SIZES if size * 1.25 >= height), render.SIZES[-1])
