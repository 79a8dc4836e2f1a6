"""PDF pages: their text layer, and an image of what has to be recognised."""

from __future__ import annotations

import functools
import math
import os
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np
import pymupdf

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.core.records import Block, Box, DocumentWarning, Page
from daemon.ocr.pages import (
    document_contents,
    embedded_images,
    masking,
    nested_forms,
    ocr_layer,
    page_boxes,
    pdf_drawing,
    pdf_graphics,
    pdf_opening,
    render_cost,
    renderer_messages,
    text_layer,
)
from daemon.ocr.pages.errors import translate_errors
from daemon.ocr.pages.pdf_drawing import frame, to_box

_POINTS_PER_INCH: Final = 72.0
_A4_SQUARE_INCHES: Final = 8.27 * 11.69
# MuPDF holds the page, its dominant image and that image scaled at the same time: a third each
_RENDERED_SHARE: Final = 1 / 3
_MIN_DPI: Final = 1.0  # a square page of 160 m has no more, and is never printed
_TAIL_BYTES: Final = 65_536  # at the end of a PDF, in which %%EOF is expected: some append a log
_TRUNCATED: Final = "the PDF ends too early, its last part is missing; scan or send it again"


class PdfSource:
    """An open PDF; the file stays open, and pages are loaded one at a time."""

    media_type = "application/pdf"

    def __init__(
        self,
        file: BinaryIO,
        limits: Limits,
        rendering: Rendering,
        *,
        with_picture: bool = False,
    ) -> None:
        """`with_picture`: pages are drawn also where their text layer is all that is read."""
        self._with_picture = with_picture
        self._file = file
        self._limits = limits
        self._rendering = rendering
        opened = pdf_opening.open_pdf(file, rendering.passwords)
        self._document = opened.document
        source = opened.data or f"/dev/fd/{file.fileno()}"
        self._drawer = pdf_drawing.PageDrawer(source, limits, rendering.passwords)
        self.page_count = _count_pages(self._document, limits)
        is_repaired = self._document.is_repaired or opened.is_recovered
        self._defect = _TRUNCATED if is_repaired and _ends_early(file) else None
        self.warnings = document_contents.warnings(self._document, is_recovered=opened.is_recovered)

    def page(self, number: int) -> Page:
        """Return one page, 1-based; raises Rejected when MuPDF cannot load or render it."""
        with (
            translate_errors(f"page {number} of the PDF"),
            pdf_opening.reread_on_failure(self._file),
        ):
            renderer_messages.forget()
            page = page_boxes.load_page(self._document, number)
            embedded_images.refuse_bombs(page, number, self._limits)
            nested_forms.refuse_explosions(page)
            try:
                read = self._read(page)
                if self._with_picture and read.text_layer is not None:
                    read = self._with_whole_picture(page, read)
                warnings = (*document_contents.page_warnings(page), *read.warnings)
                return replace(read, defect=self._defect or read.defect, warnings=warnings)
            finally:
                pymupdf.TOOLS.store_shrink(100)  # no image is used by the next page

    def close(self) -> None:
        """Close the document of MuPDF."""
        self._document.close()

    def _read(self, page: pymupdf.Page) -> Page:
        """Return the page with its text layer, and with an image where that is not all."""
        if self._rendering.text_layer == "never":
            return self._drawer.draw(page, self._scan_dpi(page)).page
        graphics = pdf_graphics.read(page)
        dpi = self._scan_dpi(page) if graphics.pictures else self._full_dpi(page)
        draw = functools.cache(lambda: self._drawer.draw(page, dpi))
        text = text_layer.read(
            page,
            graphics,
            _zoom(dpi),
            # a page with pictures is drawn anyway
            render=(lambda: (draw().page.image, dpi)) if graphics.pictures else None,
        )
        unread = _unread_areas(page, graphics, text, dpi)
        if not unread and not renderer_messages.peek().is_doubtful:
            return _page_of_text(page, dpi, text, graphics)
        if unread and self._rendering.ocr_layer == "trust":
            all_text = text_layer.read(page, graphics, _zoom(dpi), include_hidden=True)
            if all_text != text and ocr_layer.is_reliable(page, all_text, frame(page, dpi).right):
                return _page_of_text(page, dpi, all_text, graphics)
        drawn = draw()
        if drawn.by_pdfium:
            unread = [frame(page, dpi)]
        if not unread:
            return drawn.page_without_image(_page_of_text(page, dpi, text, graphics))
        if not text:
            return drawn.page
        masked = masking.mask_text_layer(drawn.page, text, unread)
        return _with_rules(masked, page, graphics)

    def _with_whole_picture(self, page: pymupdf.Page, read: Page) -> Page:
        """Return a page with its picture, drawn once more: text was taken off its image, if any.

        What cannot be drawn is told in a warning: the text that was read stays.
        """
        try:
            drawn = self._drawer.draw(page, read.dpi or self._full_dpi(page)).page
        except (Rejected, RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase) as error:
            message = f"no codes were looked for, since the page cannot be drawn ({error})"
            warning = DocumentWarning("codes_not_read", message, read.number)
            return replace(read, warnings=(*read.warnings, warning))
        return replace(read, picture=drawn.image)

    def _scan_dpi(self, page: pymupdf.Page) -> float:
        """Return the resolution of the image that fills the page, within bounds.

        A page smaller than A4 may exceed `dpi`, up to the pixels of an A4 page: a stamp scanned at
        2400 dpi would not be legible at 300. A huge page gets less, to fit in memory.
        """
        low, high = self._rendering.min_dpi, self._rendering.dpi
        image_dpi = pdf_graphics.dominant_dpi(page)
        if image_dpi is None:
            return self._full_dpi(page)
        ceiling = high * max(1.0, math.sqrt(_A4_SQUARE_INCHES / _square_inches(page)))
        return self._bounded(page, min(max(image_dpi, low), max(ceiling, low)))

    def _full_dpi(self, page: pymupdf.Page) -> float:
        return self._bounded(page, self._rendering.dpi)

    def _bounded(self, page: pymupdf.Page, dpi: float) -> float:
        """Lower `dpi` until the page fits in the pixels that rendering may cost."""
        budget = self._limits.page_megapixels * 1e6 * _RENDERED_SHARE
        fitting = min(dpi, math.sqrt(budget / _square_inches(page)))
        if fitting < _MIN_DPI:
            size = f"{page.rect.width / 72:.0f} x {page.rect.height / 72:.0f} inches"
            raise Rejected("too_large", f"page {page.number + 1} has {size}; export it smaller")
        return render_cost.bounded_dpi(page, round(fitting, 2), self._limits.page_seconds)


def _page_of_text(
    page: pymupdf.Page,
    dpi: float,
    text: tuple[Block, ...],
    graphics: pdf_graphics.PageGraphics,
) -> Page:
    """Return a page that is all text layer, in the frame in which it would be rendered."""
    shown, empty = frame(page, dpi), np.zeros((0, 0, 3), np.uint8)
    number = page.number + 1
    of_text = Page(
        number, shown.right, shown.bottom, empty, dpi=dpi, rotation=page.rotation, text_layer=text
    )
    return _with_rules(of_text, page, graphics)


def _with_rules(page: Page, of: pymupdf.Page, graphics: pdf_graphics.PageGraphics) -> Page:
    """Return the page with the ruling lines of its vector graphics, in pixels as shown."""
    to_pixels = of.rotation_matrix * _zoom(page.dpi or _POINTS_PER_INCH)
    vectors = graphics.vectors
    rules = [
        to_box(pymupdf.Rect(rule) * to_pixels) for rule in vectors.horizontal + vectors.vertical
    ]
    level = tuple(r for r in rules if r.right - r.left >= r.bottom - r.top)
    upright = tuple(r for r in rules if r.right - r.left < r.bottom - r.top)
    return replace(page, horizontal_rules=level, vertical_rules=upright)


def _unread_areas(
    page: pymupdf.Page, graphics: pdf_graphics.PageGraphics, text: tuple[Block, ...], dpi: float
) -> list[Box]:
    """Return the areas, in pixels as shown, with possible text that is not in the text layer."""
    if graphics.outlines > text_layer.count_characters(text) or not text:
        return [frame(page, dpi)]
    to_pixels = page.rotation_matrix * _zoom(dpi)
    return [Box(*(picture * to_pixels).irect) for picture in graphics.pictures]


def _ends_early(file: BinaryIO) -> bool:
    """Tell whether the file lacks the end of a PDF: then a repaired document lacks content."""
    file.seek(-min(_TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
    return b"%%EOF" not in file.read()


def _count_pages(document: pymupdf.Document, limits: Limits) -> int:
    """Return the number of pages; raises Rejected where they are too many."""
    count = int(document.page_count)
    if count > limits.pages:
        limit = f"limits.pages is {limits.pages}"
        raise Rejected("too_large", f"the PDF has {count} pages, {limit}; split it")
    return count


def _zoom(dpi: float) -> pymupdf.Matrix:
    """Return the matrix from points to pixels."""
    return pymupdf.Matrix(dpi / _POINTS_PER_INCH, dpi / _POINTS_PER_INCH)


def _square_inches(page: pymupdf.Page) -> float:
    return max(float(page.rect.width * page.rect.height), 1.0) / _POINTS_PER_INCH**2
