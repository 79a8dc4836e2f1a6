"""PDFium, the second renderer: asked where MuPDF reports that it left something out.

It is loaded only then. It decodes the pictures of a page at their full size, so that only pages
whose pictures fit in memory are drawn by it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    from daemon.core.records import Pixels

_BGR: Final = 2  # FPDFBitmap_BGR of fpdfview.h: three bytes a pixel
_GRAY: Final = 1
_ROUNDING: Final = 3  # pixels by which the sizes of MuPDF's and PDFium's page may differ

Source = bytes | str
"""A PDF: its bytes, or the path of the file."""


def copy(data: bytes, password: str = "") -> bytes | None:
    """Return an unencrypted copy with the pages that PDFium finds; None if it finds none."""
    library = _library()
    target = io.BytesIO()
    try:
        with _closing(library.PdfDocument(data, password=password or None)) as document:
            if not len(document):
                return None
            with _closing(library.PdfDocument.new()) as new:
                new.import_pages(document)
                new.save(target)
    except (library.PdfiumError, ValueError):
        return None
    return target.getvalue()


def render(
    source: Source, number: int, size: tuple[int, int], passwords: Sequence[str], *, gray: bool
) -> Pixels | None:
    """Return page `number`, 1-based, as shown: H,W,3 BGR or H,W gray of `size` (width, height).

    Returns None where PDFium cannot open or draw it.
    """
    library = _library()
    width, height = size
    for password in (None, *passwords):
        try:
            with (
                _closing(library.PdfDocument(source, password=password)) as document,
                _closing(document[number - 1]) as page,
                _closing(
                    page.render(
                        scale=width / page.get_width(),
                        force_bitmap_format=_GRAY if gray else _BGR,
                        limit_image_cache=True,
                    )
                ) as bitmap,
            ):
                drawn = np.asarray(bitmap.to_numpy()).copy()
        except (library.PdfiumError, IndexError, ValueError, ZeroDivisionError):
            continue
        drawn = drawn[..., 0] if gray and drawn.ndim == 3 else drawn
        if drawn.shape[:2] == (height, width):
            return drawn
        if max(abs(drawn.shape[0] - height), abs(drawn.shape[1] - width)) > _ROUNDING:
            return None  # another idea of the page: boxes would be those of something else
        return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)
    return None


def _library() -> ModuleType:
    """Return pypdfium2, whose native library is loaded here."""
    import pypdfium2

    library: ModuleType = pypdfium2
    return library


@contextmanager
def _closing(resource: Any) -> Iterator[Any]:  # noqa: ANN401  pypdfium2 has no types
    try:
        yield resource
    finally:
        resource.close()
