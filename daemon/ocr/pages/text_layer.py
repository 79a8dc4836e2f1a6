"""The text layer of a PDF page, with its boxes.

Text is visible, or hidden: invisible, transparent or covered by a picture, as OCR programs place it
on a scan. Visible text is exact, unless its font has lost the meaning of its characters. What
nobody sees (visible_text.py) and what is drawn twice (overprint.py) is left out.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import pymupdf

from daemon.core.records import Block, Box, Direction, TextLine, Word
from daemon.ocr.pages import glyphs, overprint, text_pieces, visible_text
from daemon.ocr.pages.glyphs import Bounds, Glyph, GlyphLine
from daemon.ocr.pages.pdf_graphics import PageGraphics
from daemon.ocr.pages.text_pieces import Piece

_MIN_ALPHANUMERIC: Final = 0.5  # of the characters; garbled text has few letters and digits
_MAX_MEANINGLESS: Final = 0.02
# Unicode categories: private use, unassigned, surrogate, control
_MEANINGLESS_CATEGORIES: Final = {"Co", "Cn", "Cs", "Cc"}
_DIRECTIONS: Final[dict[tuple[int, int], Direction]] = {
    (1, 0): "horizontal",
    (0, 1): "rotated_90",
    (-1, 0): "rotated_180",
    (0, -1): "rotated_270",
}


def read(
    page: pymupdf.Page,
    graphics: PageGraphics,
    zoom: pymupdf.Matrix,
    *,
    include_hidden: bool = False,
    render: Callable[[], visible_text.Rendering] | None = None,
) -> tuple[Block, ...]:
    """Return the visible text, or all text with `include_hidden`; empty where it cannot be trusted.

    Boxes are in pixels of the displayed page (`zoom`: from points). Lines are cut where a column or
    a cell ends, and are in the order of the file: layout analysis orders them. `render` is that of
    `visible_text.seen`.
    """
    lines = _lines_on_page(page, graphics, include_hidden=include_hidden)
    lines = overprint.without_copies(visible_text.seen(page, lines, graphics, render))
    if not _is_readable([glyph.text for line in lines for glyph in line.glyphs]):
        return ()
    geometry = _PageGeometry(page.rect * page.derotation_matrix, page.rotation_matrix * zoom)
    pieces = text_pieces.cut(lines)
    return tuple(
        Block(tuple(_line(piece, geometry) for piece in block))
        for _, block in itertools.groupby(pieces, key=lambda piece: piece.block)
    )


def count_characters(blocks: Sequence[Block]) -> int:
    """Count the characters that are not white space."""
    return sum(len(word.text) for block in blocks for line in block.lines for word in line.words)


class _PageGeometry(NamedTuple):
    """The geometry of a page: its shown part in points as stored, and the map to shown pixels."""

    shown: pymupdf.Rect
    to_pixels: pymupdf.Matrix


def _lines_on_page(
    page: pymupdf.Page, graphics: PageGraphics, *, include_hidden: bool
) -> list[GlyphLine]:
    """Return the lines with the glyphs that are on the shown page and not hidden.

    Text outside the shown page (crop, bleed) does not belong to it, hidden or not.
    """
    shown = tuple(page.rect * page.derotation_matrix)
    return [
        replace(
            line,
            glyphs=tuple(
                glyph
                for glyph in line.glyphs
                if _overlap(glyph.box, shown)
                and (include_hidden or (glyph.is_drawn and not graphics.is_covered(glyph.box)))
            ),
        )
        for line in glyphs.extract(page)
    ]


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


def _line(piece: Piece, geometry: _PageGeometry) -> TextLine:
    words = tuple(
        Word("".join(glyph.text for glyph in word), None, _box(word, geometry))
        for word in piece.words
    )
    box = _box([glyph for word in piece.words for glyph in word], geometry)
    return TextLine(piece.text, None, box, words, _direction(piece, geometry))


def _direction(piece: Piece, geometry: _PageGeometry) -> Direction:
    """Return how a piece runs on the page as shown; slanted ones count as the nearest."""
    if piece.is_vertical:
        return "vertical"
    matrix = geometry.to_pixels
    x = piece.direction[0] * matrix.a + piece.direction[1] * matrix.c
    y = piece.direction[0] * matrix.b + piece.direction[1] * matrix.d
    if abs(x) >= abs(y):
        return _DIRECTIONS[(1 if x >= 0 else -1, 0)]
    return _DIRECTIONS[(0, 1 if y > 0 else -1)]


def _box(of: Iterable[Glyph], geometry: _PageGeometry) -> Box:
    """Return the whole pixels that contain the shown part of the glyphs."""
    lefts, tops, rights, bottoms = zip(*(glyph.box for glyph in of), strict=True)
    rect = pymupdf.Rect(min(lefts), min(tops), max(rights), max(bottoms))
    pixels = ((rect & geometry.shown) * geometry.to_pixels).irect
    return Box(pixels.x0, pixels.y0, pixels.x1, pixels.y1)
