"""Pictures of PDF pages: by MuPDF, and by PDFium where MuPDF leaves something out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pymupdf

from daemon.core.options import Limits
from daemon.core.records import Box, DocumentWarning, Page
from daemon.ocr.pages import embedded_images, pdfium, pixels, renderer_messages, second_renderer
from daemon.ocr.pages.renderer_messages import RendererMessages

_POINTS_PER_INCH: Final = 72.0
_IMAGE_ENDS_EARLY: Final = "the data of an image end too early; scan or export it again"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A page with its image; `by_pdfium` tells that MuPDF's picture lacked something."""

    page: Page
    by_pdfium: bool = False

    def page_without_image(self, page: Page) -> Page:
        """Return `page`, which needs no image, with what is known from drawing it."""
        drawn = self.page
        return replace(
            page, defect=drawn.defect, warnings=drawn.warnings, not_rendered=drawn.not_rendered
        )


class PageDrawer:
    """Draws the pages of one document; `source` is where PDFium finds it."""

    def __init__(self, source: pdfium.Source, limits: Limits, passwords: Sequence[str]) -> None:
        self._source = source
        self._limits = limits
        self._passwords = passwords

    def draw(self, page: pymupdf.Page, dpi: float) -> Drawing:
        """Return the page at `dpi`, as a viewer shows it."""
        zoom = pymupdf.Matrix(dpi / _POINTS_PER_INCH, dpi / _POINTS_PER_INCH)
        pixmap = page.get_pixmap(matrix=zoom, colorspace=pixels.BGR, alpha=False, annots=True)
        pymupdf.TOOLS.store_shrink(100)  # before the copy, else both are in memory
        image = pixels.pixels_of(pixmap)
        del pixmap
        drawn = Page(
            page.number + 1, image.shape[1], image.shape[0], image, dpi=dpi, rotation=page.rotation
        )
        messages = renderer_messages.peek()
        is_odd_jbig2 = embedded_images.is_doubtful_jbig2(page)
        if not (messages.is_doubtful or is_odd_jbig2 or second_renderer.is_uniform(image)):
            return Drawing(drawn)
        other = second_renderer.better_picture(
            page,
            image,
            self._source,
            self._passwords,
            self._limits,
            prefer_other=is_odd_jbig2,
        )
        drawn = replace(drawn, warnings=_warnings(drawn.number, messages, other is not None))
        if embedded_images.jbig2_ends_early(page):
            drawn = replace(drawn, defect=_IMAGE_ENDS_EARLY)
        if other is not None:
            return Drawing(replace(drawn, image=other), by_pdfium=True)
        if messages.is_loss or _content_ends_early(page):
            defect = f"a part of the page cannot be shown ({messages.summary}); export it again"
            missing = _not_rendered(page, zoom, frame(page, dpi))
            drawn = replace(drawn, defect=drawn.defect or defect, not_rendered=missing)
        return Drawing(drawn)


def frame(page: pymupdf.Page, dpi: float) -> Box:
    """Return the page as shown, in pixels at `dpi`."""
    zoom = dpi / _POINTS_PER_INCH
    return to_box(page.rect * pymupdf.Matrix(zoom, zoom))


def to_box(rect: pymupdf.Rect) -> Box:
    """Return the whole pixels that contain a rectangle."""
    return Box(*rect.irect)


def _warnings(
    number: int, messages: RendererMessages, is_redrawn: bool
) -> tuple[DocumentWarning, ...]:
    """Return what a reader should know of how the page was drawn."""
    summary = messages.summary
    if is_redrawn:
        reason = f"MuPDF left something out ({summary})" if summary else "MuPDF left something out"
        message = f"page {number} was drawn by PDFium: {reason}"
        return (DocumentWarning("drawn_by_pdfium", message, number),)
    if summary:
        message = f"MuPDF reported on page {number}: {summary}"
        return (DocumentWarning("renderer_message", message, number),)
    return ()


def _content_ends_early(page: pymupdf.Page) -> bool:
    """Tell whether the drawing instructions of the page cannot be decompressed to their end."""
    renderer_messages.forget()
    try:
        page.read_contents()
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return True
    return renderer_messages.peek().is_doubtful


def _not_rendered(page: pymupdf.Page, zoom: pymupdf.Matrix, shown: Box) -> tuple[Box, ...]:
    """Return the places of the images that cannot be decoded, in pixels of the shown page."""
    boxes = []
    for area in embedded_images.undecodable(page):
        box = to_box(area * page.rotation_matrix * zoom)
        left, top = max(box.left, shown.left), max(box.top, shown.top)
        right, bottom = min(box.right, shown.right), min(box.bottom, shown.bottom)
        if left < right and top < bottom:
            boxes.append(Box(left, top, right, bottom))
    return tuple(boxes)
