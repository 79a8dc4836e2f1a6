"""Glyphs of a PDF page, as MuPDF extracts them line by line, without spaces that are not in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pymupdf

_VISIBLE: Final = 0b11_0000  # MuPDF's char_flags: filled 16, stroked 32; neither in render mode 3
_STROKED: Final = 0b10_0000
_CLIPPING: Final = 0b100_0000  # the text is a clip path, through which a pattern may be painted

# Tick marks of forms. MuPDF returns the code in the font, or the number in the glyph's name.
_DINGBATS: Final = dict(
    zip("345678lnuH" + "\x13\x14\x15\x16\x17\x18GIN#", "✓✔✕✖✗✘●■◆★" * 2, strict=True)
)

_FLAGS: Final = (
    pymupdf.TEXT_PRESERVE_WHITESPACE
    | pymupdf.TEXT_MEDIABOX_CLIP
    | pymupdf.TEXT_CLIP  # a glyph outside the clip path is not drawn
    | pymupdf.TEXT_INHIBIT_SPACES  # text_pieces.py finds the spaces
)

Bounds = tuple[float, float, float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph: its text, and its box and origin in points of the page as stored.

    `size` is that of the font in points, `colour` an RGB triple of 0..255, `alpha` its opacity,
    0..255. It is not `is_drawn` where its render mode or its opacity shows nothing; as a clip path
    (`is_clip`) it shows what is painted through it.
    """

    text: str
    box: Bounds
    origin: tuple[float, float]
    size: float
    colour: Colour
    alpha: int
    is_drawn: bool
    is_stroked: bool
    is_clip: bool

    @property
    def is_space(self) -> bool:
        """Tell whether it is white space."""
        return self.text.isspace()

    @property
    def centre(self) -> tuple[float, float]:
        """The centre of its box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class GlyphLine:
    """Glyphs of one line in the order of the text; `direction` is the unit vector along it.

    Lines of the same `block` were extracted as one paragraph. Vertical lines (writing mode 1 of
    PDF) have upright glyphs.
    """

    glyphs: tuple[Glyph, ...]
    direction: tuple[float, float]
    is_vertical: bool
    block: int


def extract(page: pymupdf.Page) -> Iterator[GlyphLine]:
    """Yield the lines of a page in the order of MuPDF, visible or not."""
    blocks = page.get_text("rawdict", flags=_FLAGS)["blocks"]
    for number, block in enumerate(blocks):
        for line in block.get("lines", ()):
            glyphs = tuple(glyph for span in line["spans"] for glyph in _glyphs(span))
            yield GlyphLine(glyphs, tuple(line["dir"]), line["wmode"] == 1, number)


def _glyphs(span: dict[str, Any]) -> Iterator[Glyph]:
    """Yield the glyphs of a span; in ZapfDingbats only ticks and bullets have a meaning."""
    rgb, alpha = span["color"], span["alpha"]
    colour = (rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255)
    is_clip = bool(span["char_flags"] & _CLIPPING and not alpha)
    is_drawn = bool(span["char_flags"] & _VISIBLE and alpha) or is_clip
    is_stroked = bool(span["char_flags"] & _STROKED)
    size = span["size"]
    is_dingbats = span["font"].endswith("ZapfDingbats")
    for char in span["chars"]:
        text = _DINGBATS.get(char["c"]) if is_dingbats else char["c"]
        if text is not None:
            box, origin = char["bbox"], char["origin"]
            yield Glyph(text, box, origin, size, colour, alpha, is_drawn, is_stroked, is_clip)
