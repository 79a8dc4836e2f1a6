"""PDF pages by MuPDF: their text layer, and an image of what has to be recognised."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np
import pymupdf

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.core.records import Block, Box, DocumentWarning, Page
from daemon.ocr.pages import embedded_images, masking, ocr_layer, pdf_graphics, pixels, text_layer
from daemon.ocr.pages.errors import translate_errors

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)

_POINTS_PER_INCH: Final = 72.0
_A4_SQUARE_INCHES: Final = 8.27 * 11.69
# MuPDF holds the page, its dominant image and that image scaled at the same time: a third each
_RENDERED_SHARE: Final = 1 / 3
_MIN_DPI: Final = 1.0  # a square page of 160 m has no more, and is never printed
_REREAD_BYTES: Final = 1 << 20
_TAIL_BYTES: Final = 65_536  # at the end of a PDF, in which %%EOF is expected: some append a log
_TRUNCATED: Final = "the PDF ends too early, its last part is missing; scan or send it again"


class PdfSource:
    """An open PDF; the file stays open, and pages are loaded one at a time.

    MuPDF reads through /dev/fd, so that neither a rename nor a name that is not UTF-8 matters.
    """

    media_type = "application/pdf"
    warnings: tuple[DocumentWarning, ...] = ()

    def __init__(self, file: BinaryIO, limits: Limits, rendering: Rendering) -> None:
        self._file = file
        self._limits = limits
        self._rendering = rendering
        with _reread_on_failure(file):
            self._document = pymupdf.open(f"/dev/fd/{file.fileno()}", filetype="pdf")
            unlock(self._document, rendering.passwords)
            self.page_count = _count_pages(self._document, limits)
        self._defect = _TRUNCATED if self._document.is_repaired and _ends_early(file) else None

    def page(self, number: int) -> Page:
        """Return one page, 1-based; raises Rejected when MuPDF cannot load or render it."""
        with translate_errors(f"page {number} of the PDF"), _reread_on_failure(self._file):
            page = self._document[number - 1]
            embedded_images.refuse_bombs(page, number, self._limits)
            try:
                return replace(self._read(page, number), defect=self._defect)
            finally:
                pymupdf.TOOLS.store_shrink(100)  # no image is used by the next page

    def close(self) -> None:
        """Close the document of MuPDF."""
        self._document.close()

    def _read(self, page: pymupdf.Page, number: int) -> Page:
        """Return the page with its text layer, and with an image where that is not all."""
        if self._rendering.text_layer == "never":
            return self._render(page, number, self._scan_dpi(page))
        graphics = pdf_graphics.read(page)
        dpi = self._scan_dpi(page) if graphics.pictures else self._full_dpi(page)
        text = text_layer.read(page, graphics, _zoom(dpi))
        unread = _unread_areas(page, graphics, text, dpi)
        if not unread:
            return _page_of_text(page, number, dpi, text)
        if self._rendering.ocr_layer == "trust":
            all_text = text_layer.read(page, graphics, _zoom(dpi), include_hidden=True)
            if all_text != text and ocr_layer.is_reliable(page, all_text, _frame(page, dpi).right):
                return _page_of_text(page, number, dpi, all_text)
        rendered = self._render(page, number, dpi)
        return masking.mask_text_layer(rendered, text, unread) if text else rendered

    def _render(self, page: pymupdf.Page, number: int, dpi: float) -> Page:
        pixmap = page.get_pixmap(matrix=_zoom(dpi), colorspace=pixels.BGR, alpha=False, annots=True)
        pymupdf.TOOLS.store_shrink(100)  # before the copy, else both are in memory
        image = pixels.pixels_of(pixmap)
        return Page(number, image.shape[1], image.shape[0], image, dpi=dpi, rotation=page.rotation)

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
        return round(fitting, 2)


def _page_of_text(page: pymupdf.Page, number: int, dpi: float, text: tuple[Block, ...]) -> Page:
    """Return a page that is all text layer, in the frame in which it would be rendered."""
    frame, empty = _frame(page, dpi), np.zeros((0, 0, 3), np.uint8)
    return Page(
        number, frame.right, frame.bottom, empty, dpi=dpi, rotation=page.rotation, text_layer=text
    )


def _frame(page: pymupdf.Page, dpi: float) -> Box:
    return Box(*(page.rect * _zoom(dpi)).irect)


def _unread_areas(
    page: pymupdf.Page, graphics: pdf_graphics.PageGraphics, text: tuple[Block, ...], dpi: float
) -> list[Box]:
    """Return the areas, in pixels as shown, with possible text that is not in the text layer."""
    if graphics.outlines > text_layer.count_characters(text) or not text:
        return [_frame(page, dpi)]
    to_pixels = page.rotation_matrix * _zoom(dpi)
    return [Box(*(picture * to_pixels).irect) for picture in graphics.pictures]


@contextmanager
def _reread_on_failure(file: BinaryIO) -> Iterator[None]:
    """When MuPDF fails, read the file again: an OSError then shows that the disk is at fault.

    MuPDF takes a read error for the end of the file and reports a corrupt document.
    """
    try:
        yield
    except Exception:
        file.seek(0)
        while file.read(_REREAD_BYTES):
            pass
        raise


def _ends_early(file: BinaryIO) -> bool:
    """Tell whether the file lacks the end of a PDF: then a repaired document lacks content."""
    file.seek(-min(_TAIL_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
    return b"%%EOF" not in file.read()


def unlock(document: pymupdf.Document, passwords: Sequence[str]) -> None:
    """Open a protected document with the first password that fits; raises Rejected if none does."""
    if document.needs_pass and not any(map(document.authenticate, passwords)):
        needed = "a password that is not in pdf.passwords" if passwords else "a password"
        remedy = "add it to pdf.passwords, or save a copy without one"
        raise Rejected("encrypted", f"the PDF needs {needed}; {remedy}")


def _count_pages(document: pymupdf.Document, limits: Limits) -> int:
    """Return the number of pages; raises Rejected for empty and oversized documents."""
    if not document.is_pdf:
        raise Rejected("corrupt", "the PDF cannot be recognised by its content; export it again")
    count = int(document.page_count)
    if count < 1:
        raise Rejected("corrupt", "the PDF has no pages; export or scan it again")
    if count > limits.pages:
        limit = f"limits.pages is {limits.pages}"
        raise Rejected("too_large", f"the PDF has {count} pages, {limit}; split it")
    return count


def _zoom(dpi: float) -> pymupdf.Matrix:
    """Return the matrix from points to pixels."""
    return pymupdf.Matrix(dpi / _POINTS_PER_INCH, dpi / _POINTS_PER_INCH)


def _square_inches(page: pymupdf.Page) -> float:
    return max(float(page.rect.width * page.rect.height), 1.0) / _POINTS_PER_INCH**2
