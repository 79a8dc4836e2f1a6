"""Images as PDFs of the same pages, sized by their resolution.

JPEG and JPEG 2000 are embedded as they are, the pixels of most PNGs and of CCITT TIFFs too; what
img2pdf cannot take (alpha, mirrored photos, WebP, BMP, GIF, HEIC, thumbnails among the pages of a
TIFF) is embedded as it was decoded to be read, 8 bits a sample, losslessly.
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
from daemon.ocr.pages.errors import translated

if TYPE_CHECKING:
    from daemon.core.records import PageText
    from daemon.core.tasks import RenderTask

Layout = Callable[[int, int, object], tuple[float, float, float, float]]

_ASSUMED_DPI: Final = 300.0  # where the image says none
_POINTS_PER_INCH: Final = 72.0
_LEAST, _MOST = 3.0, 14400.0  # points of a page's side (ISO 32000-1, annex C)
_AS_THEY_ARE: Final = ("image/jpeg", "image/jp2", "image/png", "image/tiff")
_BLANK: Final = (595.0, 842.0)  # an A4 page for what could not be decoded


def wrapped(data: bytes, media_type: str, render_task: RenderTask) -> bytes:
    """Return a PDF with a page for each of the document's."""
    if media_type in _AS_THEY_ARE:
        with contextlib.suppress(Exception):  # whatever img2pdf says of it, we have decoded it once
            return _embedded(data, render_task.pages, media_type)
    with translated("the image"):
        return _decoded(render_task)


def _embedded(data: bytes, texts: Sequence[PageText], media_type: str) -> bytes:
    """Return a PDF of the image as it is; a ValueError where it does not show the same pages."""
    wrapped = _convert([data], texts, first_frame_only=media_type != "image/tiff")
    with pymupdf.open("pdf", wrapped) as document:
        shown = [(page.rotation, _pixels(document, page)) for page in document]
    if shown != [(text.rotation, _stored(text)) for text in texts]:
        raise ValueError("other pages than were read")
    return wrapped


def _pixels(document: pymupdf.Document, page: pymupdf.Page) -> tuple[int, int]:
    """Return width and height of the one image of a page."""
    ((_, _, width, height, *_),) = document.get_page_images(page.number)
    return width, height


def _stored(text: PageText) -> tuple[int, int]:
    """Return width and height of the pixels of a page as they are stored."""
    sides = (text.width, text.height)
    return sides[::-1] if text.rotation in (90, 270) else sides


def _decoded(render_task: RenderTask) -> bytes:
    """Return a PDF of the pixels that were read."""
    limits, rendering = render_task.recipe.limits, render_task.recipe.rendering
    with pages.open_document(render_task.path, limits, rendering, render_task.stamp) as source:
        images = [_png(source, text.number) for text in render_task.pages]
    return _convert(images, render_task.pages, is_upright=True)


def _png(source: pages.Source, number: int) -> bytes:
    try:
        image = source.page(number).image
    except Rejected:  # one of several pages: its place stays empty
        image = np.full((1, 1, 3), 255, np.uint8)
    if (image == image[..., :1]).all():
        image = image[..., 0]
    return bytes(cv2.imencode(".png", image)[1])


def _convert(
    images: list[bytes],
    texts: Sequence[PageText],
    *,
    first_frame_only: bool = False,
    is_upright: bool = False,
) -> bytes:
    sizes = iter([_size(text, 0 if is_upright else text.rotation) for text in texts])

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


def _size(text: PageText, turn: int) -> tuple[float, float]:
    """Return the points of a page, as stored where it is shown after a `turn` clockwise."""
    if not text.width or not text.height:
        return _BLANK
    dpi = text.dpi or _ASSUMED_DPI
    low, high = sorted((text.width, text.height))
    dpi = max(min(dpi, _POINTS_PER_INCH * low / _LEAST), _POINTS_PER_INCH * high / _MOST)
    width, height = (_POINTS_PER_INCH * side / dpi for side in (text.width, text.height))
    return (height, width) if turn in (90, 270) else (width, height)
