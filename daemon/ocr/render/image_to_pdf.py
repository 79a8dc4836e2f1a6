"""Conversion of images to PDFs with the same pages, sized by their resolution.

JPEG and JPEG 2000 are embedded unchanged, and so are the pixels of most PNGs and of CCITT TIFFs.
What img2pdf does not support (alpha, mirrored photos, WebP, BMP, GIF, HEIC, thumbnails among the
pages of a TIFF) is embedded as decoded for OCR, with 8 bits per sample, losslessly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import cv2
import img2pdf  # type: ignore[import-untyped]
import numpy as np
import pymupdf

from daemon.core.errors import Rejected
from daemon.ocr import pages
from daemon.ocr.pages.errors import translate_errors

if TYPE_CHECKING:
    from daemon.core.records import PageText
    from daemon.core.tasks import RenderTask

Layout = Callable[[int, int, object], tuple[float, float, float, float]]

_ASSUMED_DPI: Final = 300.0  # if the image has no resolution
_POINTS_PER_INCH: Final = 72.0
_MIN_SIDE, _MAX_SIDE = 3.0, 14400.0  # points of a page's side (ISO 32000-1, annex C)
_EMBEDDABLE: Final = ("image/jpeg", "image/jp2", "image/png", "image/tiff")
_BLANK_SIZE: Final = (595.0, 842.0)  # an A4 page for a page that could not be decoded


def convert(
    data: bytes, media_type: str, render_task: RenderTask, *, as_decoded: bool = False
) -> bytes:
    """Return a PDF with one page for each page of the document, `as_decoded` or as it is stored."""
    if media_type in _EMBEDDABLE and not as_decoded:
        with contextlib.suppress(Exception):  # whatever img2pdf rejects was decodable
            return _embed_original(data, render_task.pages, media_type)
    with translate_errors("the image"):
        return _embed_decoded(render_task)


def _embed_original(data: bytes, texts: Sequence[PageText], media_type: str) -> bytes:
    """Return a PDF of the unchanged image; raises ValueError where it shows other pages."""
    pdf = _images_to_pdf([data], texts, first_frame_only=media_type != "image/tiff")
    with pymupdf.open("pdf", pdf) as document:
        embedded_pages = [(page.rotation, _image_size(document, page)) for page in document]
    if embedded_pages != [(text.rotation, _stored_size(text)) for text in texts]:
        raise ValueError("the pages differ from those that were read")
    return pdf


def _image_size(document: pymupdf.Document, page: pymupdf.Page) -> tuple[int, int]:
    """Return width and height of the only image of a page."""
    ((_, _, width, height, *_),) = document.get_page_images(page.number)
    return width, height


def _stored_size(text: PageText) -> tuple[int, int]:
    """Return width and height of the pixels of a page as they are stored."""
    sides = (text.width, text.height)
    return sides[::-1] if text.rotation in (90, 270) else sides


def _embed_decoded(render_task: RenderTask) -> bytes:
    """Return a PDF of the decoded pixels."""
    limits, rendering = render_task.recipe.limits, render_task.recipe.rendering
    with pages.open_document(render_task.path, limits, rendering, render_task.stamp) as source:
        images = [_png(source, text.number) for text in render_task.pages]
    return _images_to_pdf(images, render_task.pages, is_upright=True)


def _png(source: pages.PageSource, number: int) -> bytes:
    try:
        image = source.page(number).image
    except Rejected:  # one of several pages: it stays blank
        image = np.full((1, 1, 3), 255, np.uint8)
    if (image == image[..., :1]).all():
        image = image[..., 0]
    return bytes(cv2.imencode(".png", image)[1])


def _images_to_pdf(
    images: list[bytes],
    texts: Sequence[PageText],
    *,
    first_frame_only: bool = False,
    is_upright: bool = False,
) -> bytes:
    sizes = iter([_page_size(text, 0 if is_upright else text.rotation) for text in texts])

    def layout(*_: object) -> tuple[float, float, float, float]:
        width, height = next(sizes)
        return width, height, width, height

    return bytes(
        img2pdf.convert(
            images,
            layout_fun=layout,
            engine=img2pdf.Engine.internal,
            rotation=img2pdf.Rotation.auto,
            first_frame_only=first_frame_only,
            nodate=True,
        )
    )


def _page_size(text: PageText, turn: int) -> tuple[float, float]:
    """Return the size of a page in points, as stored, given its clockwise rotation `turn`."""
    if not text.width or not text.height:
        return _BLANK_SIZE
    dpi = text.dpi or _ASSUMED_DPI
    sides = text.width, text.height * text.pixel_height  # both in widths of a pixel
    low, high = sorted(sides)
    dpi = max(min(dpi, _POINTS_PER_INCH * low / _MIN_SIDE), _POINTS_PER_INCH * high / _MAX_SIDE)
    width, height = (_POINTS_PER_INCH * side / dpi for side in sides)
    return (height, width) if turn in (90, 270) else (width, height)
