"""The boxes of a PDF page: a crop box that shows nothing is left out, as viewers do.

A page is what its crop box and its media box have in common (ISO 32000-1, 14.11.2). Where that is
empty, MuPDF returns an empty page of another size; PDFium and pdf.js show the media box.
"""

from __future__ import annotations

import re
from typing import Final

import pymupdf

_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")
_NOTHING: Final = pymupdf.Rect(0, 0, 0, 0)  # what an array without four numbers shows
_MAX_DEPTH: Final = 32  # of the page tree, whose nodes pages inherit their boxes from


def load_page(document: pymupdf.Document, number: int) -> pymupdf.Page:
    """Return a page, 1-based; `document` is changed in memory where its crop box shows nothing."""
    page = document[number - 1]
    crop = _crop_box(document, page.xref)
    if crop is None or not (crop & page.mediabox).is_empty:
        return page
    document.xref_set_key(page.xref, "CropBox", f"[{' '.join(map(str, page.mediabox))}]")
    return document[number - 1]


def _crop_box(document: pymupdf.Document, xref: int) -> pymupdf.Rect | None:
    """Return the crop box of a page, its own or an inherited one; None without one."""
    for _ in range(_MAX_DEPTH):
        if not 0 < xref < document.xref_length():  # a page that was found without its tree
            return None
        kind, value = document.xref_get_key(xref, "CropBox")
        if kind == "xref":
            value = _object(document, int(value.split()[0]))
        if kind in ("array", "xref"):
            sides = [float(number) for number in _NUMBER.findall(value)]
            return pymupdf.Rect(sides).normalize() if len(sides) == len("xyxy") else _NOTHING
        kind, value = document.xref_get_key(xref, "Parent")
        if kind != "xref":
            return None
        xref = int(value.split()[0])
    return None


def _object(document: pymupdf.Document, xref: int) -> str:
    is_known = 0 < xref < document.xref_length()
    return str(document.xref_object(xref)) if is_known else ""
