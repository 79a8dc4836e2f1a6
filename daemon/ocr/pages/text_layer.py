"""The text that a PDF page carries, with its boxes.

Text shows, or it is hidden: invisible, transparent or under a picture, as another OCR puts it
over a scan. What shows is exact, unless its font lost the meaning of its characters.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pymupdf

from daemon.core.records import Block, Box, TextLine, Word
from daemon.ocr.pages.pdf_graphics import Drawn

_READABLE_SHARE: Final = 0.5  # letters and digits among the marks; a soup of wrong glyphs has few
_MEANINGLESS_SHARE: Final = 0.02
_MEANINGLESS: Final = {"Co", "Cn", "Cs", "Cc"}  # private use, unassigned, surrogate, control
_VISIBLE: Final = 0b11_0000  # MuPDF's char_flags: filled 16, stroked 32; neither is render mode 3

# What a form ticks with. MuPDF has for it the code in the font, or the number in the glyph's name.
_DINGBATS: Final = dict(
    zip("345678lnuH" + "\x13\x14\x15\x16\x17\x18GIN#", "✓✔✕✖✗✘●■◆★" * 2, strict=True)
)

_FLAGS: Final = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP

Sides = tuple[float, float, float, float]
Character = dict[str, Any]
"""MuPDF's: `c` the text, `bbox` in points of the page as stored (before /Rotate)."""


def read(
    page: pymupdf.Page, drawing: Drawn, zoom: pymupdf.Matrix, *, hidden: bool = False
) -> tuple[Block, ...]:
    """Return the text that shows, all of it where `hidden`; empty where it cannot be trusted.

    Boxes are in pixels of the displayed page (`zoom`: from points).
    """
    blocks = list(_lines(page, drawing, hidden=hidden))
    if not _readable([c["c"] for lines in blocks for line in lines for c in line]):
        return ()
    place = _Place(page.rect * page.derotation_matrix, page.rotation_matrix * zoom)
    found = (tuple(_line(line, place) for line in lines) for lines in blocks)
    return tuple(Block(lines) for lines in found)


def count_marks(blocks: Sequence[Block]) -> int:
    """Count the characters that are no white space."""
    return sum(len(word.text) for block in blocks for line in block.lines for word in line.words)


class _Place(NamedTuple):
    """Where the page is: its shown part in points as stored, and from there to shown pixels."""

    shown: pymupdf.Rect
    to_pixels: pymupdf.Matrix


def _lines(page: pymupdf.Page, drawing: Drawn, *, hidden: bool) -> Iterator[list[list[Character]]]:
    """Yield each block's lines as lists of characters, without empty lines.

    What lies outside the shown page (a crop, a bleed) is no text of it, hidden or not.
    """
    shown = tuple(page.rect * page.derotation_matrix)
    for block in page.get_text("rawdict", flags=_FLAGS)["blocks"]:
        lines = []
        for line in block.get("lines", ()):
            spans = line["spans"] if hidden else [s for s in line["spans"] if _is_visible(s)]
            characters = [c for s in spans for c in _characters(s) if _meet(c["bbox"], shown)]
            if not hidden and drawing.covered is not None:
                characters = [c for c in characters if not drawing.hides(c["bbox"])]
            if any(not c["c"].isspace() for c in characters):
                lines.append(characters)
        if lines:
            yield lines


def _characters(span: dict[str, Any]) -> list[Character]:
    """Return the characters of a span; of ZapfDingbats only ticks and bullets have a meaning."""
    characters: list[Character] = span["chars"]
    if not span["font"].endswith("ZapfDingbats"):
        return characters
    return [{**c, "c": _DINGBATS[c["c"]]} for c in characters if c["c"] in _DINGBATS]


def _is_visible(span: dict[str, Any]) -> bool:
    return bool(span["char_flags"] & _VISIBLE and span["alpha"])


def _meet(box: Sides, other: Sides) -> bool:
    """Tell whether two boxes have a part in common; an empty one has none."""
    left, right = max(box[0], other[0]), min(box[2], other[2])
    top, bottom = max(box[1], other[1]), min(box[3], other[3])
    return left < right and top < bottom


def _readable(characters: Sequence[str]) -> bool:
    """Tell text from glyph soup; a run of the same mark (dot leaders) counts once."""
    marks = [character for character in characters if not character.isspace()]
    distinct = [mark for mark, _ in itertools.groupby(marks)]
    letters = sum(mark.isalnum() for mark in distinct)
    meaningless = sum(m == "\ufffd" or unicodedata.category(m[0]) in _MEANINGLESS for m in marks)
    return letters >= _READABLE_SHARE * len(distinct) and meaningless <= _MEANINGLESS_SHARE * len(
        marks
    )


def _line(characters: list[Character], place: _Place) -> TextLine:
    words = tuple(
        Word("".join(c["c"] for c in word), None, _box(word, place))
        for is_space, group in itertools.groupby(characters, key=lambda c: c["c"].isspace())
        if not is_space and (word := list(group))
    )
    text = " ".join(word.text for word in words)
    return TextLine(text, None, _box(characters, place), words)


def _box(characters: list[Character], place: _Place) -> Box:
    """Return the whole pixels that hold what the page shows of the characters."""
    lefts, tops, rights, bottoms = zip(*(c["bbox"] for c in characters), strict=True)
    rect = pymupdf.Rect(min(lefts), min(tops), max(rights), max(bottoms))
    pixels = ((rect & place.shown) * place.to_pixels).irect
    return Box(pixels.x0, pixels.y0, pixels.x1, pixels.y1)
