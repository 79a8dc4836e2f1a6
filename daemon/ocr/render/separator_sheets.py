"""Separator sheets to print: a page with a barcode, upright and upside down, and its text.

Both a scanner that reads from the top and a sheet that lies the wrong way round find a code. A QR
code stands beside the bars: of the two, one survives most folds and tears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf
import zxingcpp

if TYPE_CHECKING:
    from daemon.core.records import Pixels

_PAGE: Final = (595.0, 842.0)  # points: A4; US Letter is wider and a little lower
_BARS: Final = (360.0, 90.0)  # points
_SQUARE: Final = 150.0  # points: side of the QR code
_TOP: Final = 80.0  # points from the edge to the bars: what a printer leaves out is less
_PIXELS: Final = 4  # of a module


def write(text: str, sheets: int) -> bytes:
    """Return a PDF of `sheets` equal pages; ValueError for a text that Code 128 cannot hold."""
    bars = _code("Code128", text)
    square = _code("QRCode", text)
    with pymupdf.open() as document:
        for _ in range(sheets):
            page = document.new_page(width=_PAGE[0], height=_PAGE[1])
            for turn in (0, 180):
                _draw(page, bars, square, text, turn)
        return bytes(document.tobytes(garbage=3, deflate=True))


def _draw(page: pymupdf.Page, bars: Pixels, square: Pixels, text: str, turn: int) -> None:
    """Draw one half of the sheet; the lower one is upside down."""
    width, height = _PAGE
    middle = width / 2
    for image, size, top in (
        (bars, _BARS, _TOP),
        (square, (_SQUARE, _SQUARE), _TOP + _BARS[1] + 55),
    ):
        place = pymupdf.Rect(middle - size[0] / 2, top, middle + size[0] / 2, top + size[1])
        if turn:
            place = pymupdf.Rect(
                width - place.x1, height - place.y1, width - place.x0, height - place.y0
            )
        page.insert_image(place, stream=_png(image), rotate=turn, keep_proportion=False)
    base = pymupdf.Point(middle, _TOP + _BARS[1] + 28)
    length = pymupdf.get_text_length(text, fontsize=18)
    start = base - (length / 2, 0)
    if turn:
        start = pymupdf.Point(width - start.x, height - start.y)
    page.insert_text(start, text, fontsize=18, rotate=turn)


def _code(name: str, text: str) -> Pixels:
    """Return a code, H,W gray, with its quiet zone."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[name])
    image = np.asarray(zxingcpp.write_barcode_to_image(made, scale=_PIXELS), np.uint8)
    return image[image.shape[0] // 2][None] if name == "Code128" else image


def _png(image: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])
