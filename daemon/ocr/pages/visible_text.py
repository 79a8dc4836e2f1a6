"""Text of a PDF page that a person sees: not white on white, not too small, not painted over.

Most text is dark and lies on paper, which costs no rendering. Where the colour of a text is also
that of the paper or of an area behind it, or where something was drawn over it later, the page is
rendered and the place is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
import pymupdf

from daemon.ocr.pages import pixels
from daemon.ocr.pages.glyphs import Bounds, Colour, Glyph, GlyphLine

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.pages.pdf_graphics import PageGraphics
    from daemon.ocr.pages.vector_graphics import FilledArea

_MIN_SIZE: Final = 1.0  # points on an A4 page; print of one point is read with a lens
_A4_SIDE: Final = 842.0  # points; a page that is smaller is looked at enlarged
_MIN_DIFFERENCE: Final = 16  # gray levels between a text and its ground; less is not seen
_MIN_OPACITY: Final = 64  # of 255; fainter text is looked at
_SHARE_OF_GROUND: Final = 0.85  # of the pixels of a word have its colour if the ground has it too
_SHARE_IF_STROKED: Final = 0.97  # the same for letters with a contour, which may differ
_DPI: Final = 100.0  # of the rendering in which words are looked at
_MAX_PIXELS: Final = 4e6  # of that rendering

Rendering = tuple["Pixels", float]
"""The page as shown, H,W,3 BGR, and its resolution in dpi."""


def seen(
    page: pymupdf.Page,
    lines: Sequence[GlyphLine],
    graphics: PageGraphics,
    render: Callable[[], Rendering] | None = None,
) -> list[GlyphLine]:
    """Return the lines less the glyphs that nobody sees; lines may become empty.

    `render` returns the page as shown; without it, a small rendering is made where it is needed.
    """
    look = _Look(page, render)
    areas = _Areas(graphics.vectors.areas)
    min_size = _MIN_SIZE * min(1.0, max(page.rect.width, page.rect.height) / _A4_SIDE)
    result = []
    for line in lines:
        glyphs = [
            glyph
            for run in _runs(line)
            if not run[0].is_drawn
            or (run[0].size >= min_size and not _is_unseen(run, graphics, areas, look))
            for glyph in run
        ]
        result.append(replace(line, glyphs=tuple(glyphs)))
    return result


def _runs(line: GlyphLine) -> Iterator[list[Glyph]]:
    """Yield the words of a line, cut where the appearance changes."""
    for _, run in groupby(
        line.glyphs,
        key=lambda g: (g.is_space, g.colour, g.alpha, g.is_drawn, g.is_stroked, g.is_clip, g.size),
    ):
        yield list(run)


def _is_unseen(run: list[Glyph], graphics: PageGraphics, areas: _Areas, look: _Look) -> bool:
    """Tell whether a run that is drawn cannot be told from what is behind it, or was covered."""
    first = run[0]
    if first.is_space:
        return False
    box = _around(run)
    if first.is_clip:
        # over a picture it is the text of an OCR program, else it is painted with a pattern or not
        return graphics.is_over_picture(box) or look.is_uniform(box)
    if not _is_doubtful(first, box, graphics, areas):
        return False
    return look.shows_nothing(box, first.colour, is_stroked=first.is_stroked)


def _is_doubtful(glyph: Glyph, box: Bounds, graphics: PageGraphics, areas: _Areas) -> bool:
    """Tell whether the text in `box` may be invisible: by its colour, or by what is drawn there."""
    return (
        glyph.alpha < _MIN_OPACITY
        or min(glyph.colour) > 255 - _MIN_DIFFERENCE
        or graphics.may_be_painted_over(box)
        or areas.have_colour(box, glyph.colour)
    )


class _Areas:
    """The filled areas of a page."""

    def __init__(self, areas: Sequence[FilledArea]) -> None:
        self._boxes = np.array([area.box for area in areas], np.float64).reshape(-1, 4)
        self._colours = np.array([area.colour for area in areas], np.int16).reshape(-1, 3)

    def have_colour(self, box: Bounds, colour: Colour) -> bool:
        """Tell whether one of them has about this colour and holds the centre of `box`."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        left, top, right, bottom = self._boxes.T
        around = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
        difference = np.abs(self._colours[around] - np.array(colour, np.int16)).max(axis=1)
        return bool((difference < _MIN_DIFFERENCE).any())


def _around(run: Sequence[Glyph]) -> Bounds:
    lefts, tops, rights, bottoms = zip(*(glyph.box for glyph in run), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


class _Look:
    """A rendering of the page, made when it is first needed."""

    def __init__(self, page: pymupdf.Page, render: Callable[[], Rendering] | None) -> None:
        self._page = page
        self._render = render or self._render_small
        self._rendering: Rendering | None = None

    def shows_nothing(self, box: Bounds, colour: Colour, *, is_stroked: bool) -> bool:
        """Tell whether no text of this colour is seen in `box`, in points as stored."""
        part = self._part(box)
        if self._is_uniform(part):
            return True
        difference = np.abs(part.astype(np.int16) - np.array(colour[::-1])).max(axis=1)
        share = float((difference < _MIN_DIFFERENCE).mean())
        return share >= (_SHARE_IF_STROKED if is_stroked else _SHARE_OF_GROUND)

    def is_uniform(self, box: Bounds) -> bool:
        """Tell whether nothing at all is seen in `box`, in points as stored."""
        return self._is_uniform(self._part(box))

    @staticmethod
    def _is_uniform(part: Pixels) -> bool:
        return not part.size or int(np.ptp(part, axis=0).max()) < _MIN_DIFFERENCE

    def _part(self, box: Bounds) -> Pixels:
        """Return the pixels in a box, N,3 BGR."""
        if self._rendering is None:
            self._rendering = self._render()
        image, dpi = self._rendering
        to_pixels = self._page.rotation_matrix * pymupdf.Matrix(dpi / 72, dpi / 72)
        place = (pymupdf.Rect(box) * to_pixels).irect
        return image[max(0, place.y0) : place.y1, max(0, place.x0) : place.x1].reshape(-1, 3)

    def _render_small(self) -> Rendering:
        area = max(1.0, self._page.rect.width * self._page.rect.height) / 72**2
        dpi = min(_DPI, (_MAX_PIXELS / area) ** 0.5)
        pixmap = self._page.get_pixmap(
            matrix=pymupdf.Matrix(dpi / 72, dpi / 72), colorspace=pixels.BGR, alpha=False
        )
        return pixels.pixels_of(pixmap), dpi
