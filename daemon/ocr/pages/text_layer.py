"""The text layer of a PDF page, with its boxes.

Text is visible, or hidden: invisible, transparent or covered by a picture, as OCR programs place it
on a scan. Visible text is exact, unless its font has lost the meaning of its characters.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pymupdf

from daemon.core.records import Block, Box, TextLine, Word
from daemon.ocr.pages.pdf_graphics import PageGraphics

_MIN_ALPHANUMERIC: Final = 0.5  # of the characters; garbled text has few letters and digits
_MAX_MEANINGLESS: Final = 0.02
# Unicode categories: private use, unassigned, surrogate, control
_MEANINGLESS_CATEGORIES: Final = {"Co", "Cn", "Cs", "Cc"}
_VISIBLE: Final = 0b11_0000  # MuPDF's char_flags: filled 16, stroked 32; neither in render mode 3

# Tick marks of forms. MuPDF returns the code in the font, or the number in the glyph's name.
_DINGBATS: Final = dict(
    zip("345678lnuH" + "\x13\x14\x15\x16\x17\x18GIN#", "✓✔✕✖✗✘●■◆★" * 2, strict=True)
)

_FLAGS: Final = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP

Bounds = tuple[float, float, float, float]
RawCharacter = dict[str, Any]
"""MuPDF's: `c` the text, `bbox` in points of the page as stored (before /Rotate)."""


def read(
    page: pymupdf.Page,
    graphics: PageGraphics,
    zoom: pymupdf.Matrix,
    *,
    include_hidden: bool = False,
) -> tuple[Block, ...]:
    """Return the visible text, or all text with `include_hidden`; empty where it cannot be trusted.

    Boxes are in pixels of the displayed page (`zoom`: from points).
    """
    blocks = list(_lines(page, graphics, include_hidden=include_hidden))
    if not _is_readable([c["c"] for lines in blocks for line in lines for c in line]):
        return ()
    geometry = _PageGeometry(page.rect * page.derotation_matrix, page.rotation_matrix * zoom)
    lines_of_blocks = (tuple(_line(line, geometry) for line in lines) for lines in blocks)
    return tuple(Block(lines) for lines in lines_of_blocks)


def count_characters(blocks: Sequence[Block]) -> int:
    """Count the characters that are not white space."""
    return sum(len(word.text) for block in blocks for line in block.lines for word in line.words)


class _PageGeometry(NamedTuple):
    """The geometry of a page: its shown part in points as stored, and the map to shown pixels."""

    shown: pymupdf.Rect
    to_pixels: pymupdf.Matrix


def _lines(
    page: pymupdf.Page, graphics: PageGraphics, *, include_hidden: bool
) -> Iterator[list[list[RawCharacter]]]:
    """Yield the lines of each block as lists of characters, without empty lines.

    Text outside the shown page (crop, bleed) does not belong to it, hidden or not.
    """
    shown = tuple(page.rect * page.derotation_matrix)
    for block in page.get_text("rawdict", flags=_FLAGS)["blocks"]:
        lines = []
        for line in block.get("lines", ()):
            spans = [s for s in line["spans"] if include_hidden or _is_visible(s)]
            characters = [c for s in spans for c in _characters(s) if _overlap(c["bbox"], shown)]
            if not include_hidden and graphics.covered is not None:
                characters = [c for c in characters if not graphics.is_covered(c["bbox"])]
            if any(not c["c"].isspace() for c in characters):
                lines.append(characters)
        if lines:
            yield lines


def _characters(span: dict[str, Any]) -> list[RawCharacter]:
    """Return the characters of a span; in ZapfDingbats only ticks and bullets have a meaning."""
    characters: list[RawCharacter] = span["chars"]
    if not span["font"].endswith("ZapfDingbats"):
        return characters
    return [{**c, "c": _DINGBATS[c["c"]]} for c in characters if c["c"] in _DINGBATS]


def _is_visible(span: dict[str, Any]) -> bool:
    return bool(span["char_flags"] & _VISIBLE and span["alpha"])


def _overlap(box: Bounds, other: Bounds) -> bool:
    """Tell whether two boxes overlap; an empty one does not."""
    left, right = max(box[0], other[0]), min(box[2], other[2])
    top, bottom = max(box[1], other[1]), min(box[3], other[3])
    return left < right and top < bottom


def _is_readable(characters: Sequence[str]) -> bool:
    """Tell text from garbled glyphs; a run of the same character (dot leaders) counts once."""
    marks = [character for character in characters if not character.isspace()]
    distinct = [mark for mark, _ in itertools.groupby(marks)]
    alphanumeric = sum(mark.isalnum() for mark in distinct)
    meaningless = sum(
        m == "\ufffd" or unicodedata.category(m[0]) in _MEANINGLESS_CATEGORIES for m in marks
    )
    if alphanumeric < _MIN_ALPHANUMERIC * len(distinct):
        return False
    return meaningless <= _MAX_MEANINGLESS * len(marks)


def _line(characters: list[RawCharacter], geometry: _PageGeometry) -> TextLine:
    words = tuple(
        Word("".join(c["c"] for c in word), None, _box(word, geometry))
        for is_space, group in itertools.groupby(characters, key=lambda c: c["c"].isspace())
        if not is_space and (word := list(group))
    )
    text = " ".join(word.text for word in words)
    return TextLine(text, None, _box(characters, geometry), words)


def _box(characters: list[RawCharacter], geometry: _PageGeometry) -> Box:
    """Return the whole pixels that contain the shown part of the characters."""
    lefts, tops, rights, bottoms = zip(*(c["bbox"] for c in characters), strict=True)
    rect = pymupdf.Rect(min(lefts), min(tops), max(rights), max(bottoms))
    pixels = ((rect & geometry.shown) * geometry.to_pixels).irect
    return Box(pixels.x0, pixels.y0, pixels.x1, pixels.y1)
