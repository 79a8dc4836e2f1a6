"""A font face and a line generator for tests without fetched fonts: the font inside Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ImageFont

from training.data.sources import Face
from training.records import Phrase
from training.synth.font_choice import FontSelector
from training.synth.glyphs import coverage
from training.synth.line_generator import LineGenerator

TEXTS = ("Total amount due 42.50", "Name:", "the quick brown fox", "REF 7734-A")


def built_in(folder: Path) -> Face:
    """Return the default face of Pillow, written into `folder`."""
    font = ImageFont.load_default(20)
    path = folder / "built-in.ttf"
    path.write_bytes(font.font_bytes)
    return Face(path, 0, "pillow", ("text",), ("latin",), heldout=False)


def line_generator(folder: Path) -> LineGenerator:
    """Return a generator of four English lines."""
    face = built_in(folder)

    def phrase(rng: np.random.Generator) -> Phrase:
        text = TEXTS[int(rng.integers(len(TEXTS)))]
        return Phrase(text, "en", "label" if text.endswith(":") else "prose")

    return LineGenerator(phrase, FontSelector([face], coverage([face], folder)))
