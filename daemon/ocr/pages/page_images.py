"""The images that a PDF page draws, without decoding them.

PyMuPDF's own list (`get_image_info`) also turns every shading into an image, at 5 ms each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pymupdf
from pymupdf import mupdf


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """An image as it is drawn: its own pixels, and the matrix from the unit square to points.

    Points are those of the page as stored. `has_mask` tells that parts of it may be transparent.
    """

    width: int
    height: int
    matrix: pymupdf.Matrix
    has_mask: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the image in points."""
        rect = pymupdf.Rect(0, 0, 1, 1) * self.matrix
        return rect.x0, rect.y0, rect.x1, rect.y1


def read(page: pymupdf.Page) -> list[DrawnImage]:
    """Return the images and stencil masks of a page in the order in which they are drawn."""
    device = _ImageDevice(page.derotation_matrix)
    mupdf.fz_run_page(page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return device.images


class _ImageDevice(mupdf.FzDevice2):  # type: ignore[misc]  # pymupdf has no types
    """A device of MuPDF, whose signatures these are, that remembers images and draws nothing."""

    def __init__(self, to_stored: pymupdf.Matrix) -> None:
        super().__init__()
        self.images: list[DrawnImage] = []
        self._to_stored = to_stored
        self.use_virtual_fill_image()
        self.use_virtual_fill_image_mask()

    def fill_image(self, _context: Any, image: Any, matrix: Any, *_rest: Any) -> None:  # noqa: ANN401
        """Remember an image."""
        self._add(image, matrix, has_mask=bool(image.mask))

    def fill_image_mask(self, _context: Any, image: Any, matrix: Any, *_rest: Any) -> None:  # noqa: ANN401
        """Remember a stencil mask, which is transparent where it is not painted."""
        self._add(image, matrix, has_mask=bool(image.mask))

    def _add(self, image: Any, matrix: Any, *, has_mask: bool) -> None:  # noqa: ANN401
        drawn = pymupdf.Matrix(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
        self.images.append(DrawnImage(image.w, image.h, drawn * self._to_stored, has_mask))
