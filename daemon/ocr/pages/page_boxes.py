"""The boxes of a PDF page: a crop box that shows nothing is replaced by the media box.

A page is what its crop box and its media box have in common (ISO 32000-1, 14.11.2). Where that is
empty, MuPDF returns an empty page of another size; PDFium and pdf.js show the media box.
"""

from __future__ import annotations

import pymupdf
from pymupdf import mupdf


def load_page(document: pymupdf.Document, number: int) -> pymupdf.Page:
    """Return a page, 1-based; `document` is changed in memory where its crop box shows nothing."""
    page = document[number - 1]
    entry = mupdf.pdf_page_from_fz_page(page.this).obj()
    crop_box = mupdf.pdf_dict_get_inheritable(entry, pymupdf.PDF_NAME("CropBox"))
    if crop_box.m_internal is None:  # the page has none
        return page
    shown = pymupdf.Rect(mupdf.pdf_to_rect(crop_box)) & page.mediabox
    if not shown.is_empty:
        return page
    mupdf.pdf_dict_put_rect(
        entry, pymupdf.PDF_NAME("CropBox"), mupdf.FzRect(*map(float, page.mediabox))
    )
    return document[number - 1]
