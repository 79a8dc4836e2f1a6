"""The text that a born-digital PDF page carries, and whether to trust it instead of reading.

Trusted is visible text that explains the page: not the invisible layer that another OCR put over a
scan, not a few words on a picture or beside text drawn as outlines, not a font whose characters
lost their meaning.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pymupdf

from daemon.records import Block, Box, TextLine, Word

_PICTURE_SHARE: Final = 0.5  # images that cover more of the page hold what matters
_READABLE_SHARE: Final = 0.5  # letters and digits among the marks; a soup of wrong glyphs has few
_MEANINGLESS_SHARE: Final = 0.02
_MEANINGLESS: Final = {"Co", "Cn", "Cs", "Cc"}  # private use, unassigned, surrogate, control
_GLYPH_POINTS: Final = (2.0, 40.0)  # the height of a letter drawn as a path
_VISIBLE: Final = 0b11_0000  # MuPDF's char_flags: filled 16, stroked 32; neither is render mode 3

_FLAGS: Final = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP

Character = dict[str, Any]
"""MuPDF's: `c` the text, `bbox` in points of the page as stored (before /Rotate)."""


def read(page: pymupdf.Page, zoom: pymupdf.Matrix) -> tuple[Block, ...] | None:
    """Return the page's text with boxes in pixels of the displayed page (`zoom`: from points).

    None means: do not trust it, render and read the page.
    """
    blocks = list(_visible_lines(page))
    marks = [c["c"] for lines in blocks for line in lines for c in line if not c["c"].isspace()]
    if not marks or not _readable(marks) or not _explains(page, len(marks)):
        return None
    place = _Place(page.rect * page.derotation_matrix, page.rotation_matrix * zoom)
    found = (tuple(_line(line, place) for line in lines) for lines in blocks)
    return tuple(Block(lines) for lines in found)


class _Place(NamedTuple):
    """Where the page is: its shown part in points as stored, and from there to shown pixels."""

    shown: pymupdf.Rect
    to_pixels: pymupdf.Matrix


def _visible_lines(page: pymupdf.Page) -> Iterator[list[list[Character]]]:
    """Yield each block's lines as lists of characters, without invisible text and empty lines.

    What lies outside the shown page (a crop, a bleed) is invisible too.
    """
    shown = page.rect * page.derotation_matrix
    for block in page.get_text("rawdict", flags=_FLAGS)["blocks"]:
        lines = []
        for line in block.get("lines", ()):
            visible = (s for s in line["spans"] if s["char_flags"] & _VISIBLE and s["alpha"])
            characters = [c for s in visible for c in s["chars"] if shown.intersects(c["bbox"])]
            if any(not c["c"].isspace() for c in characters):
                lines.append(characters)
        if lines:
            yield lines


def _readable(marks: list[str]) -> bool:
    """Tell text from glyph soup; a run of the same mark (dot leaders) counts once."""
    distinct = [mark for mark, _ in itertools.groupby(marks)]
    letters = sum(mark.isalnum() for mark in distinct)
    meaningless = sum(m == "\ufffd" or unicodedata.category(m[0]) in _MEANINGLESS for m in marks)
    return letters >= _READABLE_SHARE * len(distinct) and meaningless <= _MEANINGLESS_SHARE * len(
        marks
    )


def _explains(page: pymupdf.Page, mark_count: int) -> bool:
    """Tell whether the page shows this text, not large pictures or letters drawn as paths."""
    pictures, drawn = 0.0, 0
    for operation, box in page.get_bboxlog():
        shown = pymupdf.Rect(box) & page.rect
        if operation in ("fill-image", "fill-imgmask"):
            pictures += max(shown.width, 0) * max(shown.height, 0)
        elif operation == "fill-path":
            low, high = _GLYPH_POINTS
            drawn += low <= shown.height <= high and shown.width <= high
    return pictures < _PICTURE_SHARE * page.rect.width * page.rect.height and drawn <= mark_count


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
    rect = pymupdf.Rect(pymupdf.EMPTY_RECT())
    for character in characters:
        rect |= pymupdf.Rect(character["bbox"])
    pixels = ((rect & place.shown) * place.to_pixels).irect
    return Box(pixels.x0, pixels.y0, pixels.x1, pixels.y1)
