"""The second renderer's opinion of a page that MuPDF may have drawn incompletely.

Both renderers draw the page small, and their ink is compared. Where PDFium shows more, the page is
read from its picture; where both show the same, MuPDF's stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.core.options import Limits
from daemon.ocr.pages import pdfium

if TYPE_CHECKING:
    from daemon.core.records import Pixels

_DPI: Final = 100.0  # of the small pictures that are compared
_MAX_SIDE: Final = 1600  # pixels of the longer side of them
_SURROUNDINGS: Final = 31  # pixels around a pixel
_MIN_CONTRAST: Final = 40  # gray levels by which ink differs from its surroundings
_TOLERANCE: Final = 9  # pixels; the side of the square in which ink counts as the same
_MIN_MORE: Final = 80  # pixels of ink that MuPDF lacks: about a word of body text at 100 dpi
_MIN_SURPLUS: Final = 2.0  # times as much as PDFium lacks
_UNIFORM: Final = 8  # levels between the darkest and the lightest pixel of a picture of nothing
_SAMPLE: Final = 16  # every so many pixels are looked at before all of them


def is_uniform(image: Pixels) -> bool:
    """Tell whether a picture shows nothing at all."""
    sample = image[::_SAMPLE, ::_SAMPLE]
    if int(np.ptp(sample)) >= _UNIFORM:
        return False
    return int(np.ptp(image)) < _UNIFORM


def better_picture(
    page: pymupdf.Page,
    image: Pixels,
    source: pdfium.Source,
    passwords: Sequence[str],
    limits: Limits,
    *,
    prefer_other: bool = False,
) -> Pixels | None:
    """Return PDFium's picture of the page, as large as MuPDF's `image`, if it shows more.

    With `prefer_other`, it is returned if it shows anything else. Returns None otherwise, and where
    the pictures on the page are too large for PDFium.
    """
    if not _fits(page, limits):
        return None
    height, width = image.shape[:2]
    scale = min(1.0, _DPI * max(page.rect.width, 1) / 72 / width, _MAX_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    number = int(page.number) + 1
    other = pdfium.render(source, number, size, passwords, gray=True)
    if other is None:
        return None
    more, less = _differences(other, _small_gray(image, size))
    is_better = more >= max(_MIN_MORE, _MIN_SURPLUS * less)
    if not is_better and not (prefer_other and max(more, less) >= _MIN_MORE):
        return None
    drawn = pdfium.render(source, number, (width, height), passwords, gray=False)
    return drawn if drawn is not None and not is_uniform(drawn) else None


def _fits(page: pymupdf.Page, limits: Limits) -> bool:
    """Tell whether every picture on the page may be decoded at its full size."""
    return all(
        width * height * bits <= limits.page_megapixels * 1e6 * 8
        for _, _, width, height, bits, *_ in page.get_images(full=True)
    )


def _small_gray(image: Pixels, size: tuple[int, int]) -> Pixels:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def _differences(other: Pixels, image: Pixels) -> tuple[int, int]:
    """Count the pixels of ink, H,W gray, that only `other` has, and those that only `image` has."""
    return _missing(other, image), _missing(image, other)


def _missing(image: Pixels, other: Pixels) -> int:
    """Count the pixels of ink in `image` that are not near ink in `other`."""
    near = cv2.dilate(_ink(other), np.ones((_TOLERANCE, _TOLERANCE), np.uint8))
    return int(np.count_nonzero(_ink(image) & (1 - np.asarray(near, np.uint8))))


def _ink(gray: Pixels) -> Pixels:
    """Return 1 where a picture differs from its surroundings, to either side."""
    background = cv2.blur(gray, (_SURROUNDINGS, _SURROUNDINGS))
    return np.asarray(cv2.absdiff(background, gray) >= _MIN_CONTRAST, np.uint8)
