"""A face that needs no fetched font: the one that Pillow carries, as a file and as a record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ImageFont

from training.data.sources import Face
from training.synth.font_choice import Faces
from training.synth.glyphs import coverage
from training.synth.sample import Phrase
from training.synth.synth import Synth

TEXTS = ("Total amount due 42.50", "Name:", "the quick brown fox", "REF 7734-A")


def built_in(folder: Path) -> Face:
    """Return Pillow's own face, written into `folder`."""
    font = ImageFont.load_default(20)
    path = folder / "built-in.ttf"
    path.write_bytes(font.font_bytes)
    return Face(path, 0, "pillow", ("text",), ("latin",), heldout=False)


def synth(folder: Path) -> Synth:
    """Return a source of four English lines."""
    face = built_in(folder)

    def phrase(chance: np.random.Generator) -> Phrase:
        text = TEXTS[int(chance.integers(len(TEXTS)))]
        return Phrase(text, "en", "label" if text.endswith(":") else "prose")

    return Synth(phrase, Faces([face], coverage([face], folder)))
