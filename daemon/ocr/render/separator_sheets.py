"""Separator sheets to print: a page with a barcode, upright and upside down, and its text.

Both a scanner that reads from the top and a sheet that lies the wrong way round find a code. A QR
code stands beside the bars: of the two, one survives most folds and tears. A patch code, for
scanners that read no other, stands at each edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf
import zxingcpp

from daemon.ocr import patch_codes

if TYPE_CHECKING:
    from daemon.core.records import Pixels

_PAGE: Final = (595.0, 842.0)  # points: A4; US Letter is wider and a little lower
_BARS: Final = (360.0, 90.0)  # points
_SQUARE: Final = 150.0  # points: side of the QR code
_TOP: Final = 100.0  # points from the edge to the bars: a patch code and the white around it
_PIXELS: Final = 4  # of a module
_POINTS_PER_INCH: Final = 72
_PATCH_LENGTH: Final = 2.5 * _POINTS_PER_INCH  # of the bars
_PATCH_EDGE: Final = 0.25 * _POINTS_PER_INCH  # from the edge of the sheet to the first bar
_PATCH_WIDTHS: Final = {"N": 0.08 * _POINTS_PER_INCH, "W": 0.2 * _POINTS_PER_INCH}


def write(text: str, sheets: int, patch: str | None = None) -> bytes:
    """Return a PDF of `sheets` equal pages, with a patch code (1, 2, 3, 4, 6 or T) or without.

    ValueError for a text that Code 128 cannot hold.
    """
    bars = _code("Code128", text)
    square = _code("QRCode", text)
    with pymupdf.open() as document:
        for _ in range(sheets):
            page = document.new_page(width=_PAGE[0], height=_PAGE[1])
            for turn in (0, 180):
                _draw(page, bars, square, text, turn)
            if patch is not None:
                _draw_patch(page, patch)
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


def _draw_patch(page: pymupdf.Page, patch: str) -> None:
    """Draw a patch code at each edge, to be read from the edge inwards."""
    (order,) = (each for each, text in patch_codes.TEXTS.items() if text == f"PATCH{patch}")
    width, height = _PAGE
    depth = _PATCH_EDGE
    for bar in order:
        thick, half = _PATCH_WIDTHS[bar], _PATCH_LENGTH / 2
        for edge in (depth, height - depth - thick):
            across = (width / 2 - half, edge, width / 2 + half, edge + thick)
            page.draw_rect(across, color=None, fill=(0, 0, 0))
        for edge in (depth, width - depth - thick):
            down = (edge, height / 2 - half, edge + thick, height / 2 + half)
            page.draw_rect(down, color=None, fill=(0, 0, 0))
        depth += thick + _PATCH_WIDTHS["N"]


def _code(name: str, text: str) -> Pixels:
    """Return a code, H,W gray, with its quiet zone."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[name])
    image = np.asarray(zxingcpp.write_barcode_to_image(made, scale=_PIXELS), np.uint8)
    return image[image.shape[0] // 2][None] if name == "Code128" else image


def _png(image: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])
