"""What drawing a PDF page will cost, so that a tiny file cannot keep a worker busy for minutes.

MuPDF cannot be interrupted from Python. Its cost is the number of pixels that it touches: a pattern
whose cells overlap is composed of many times its area, each transparency group and shading costs
its whole area. These are counted without drawing anything, and the resolution is lowered to fit.
"""

from __future__ import annotations

import math
from typing import Any, Final

import pymupdf
from pymupdf import mupdf

from daemon.core.errors import Rejected

# CPU seconds for a million pixels, measured with MuPDF 1.28 at 72 and 150 dpi
_TILE: Final = 0.0006  # of the cells of a pattern, wherever they overlap
_GROUP: Final = 0.0015
_BLEND: Final = 0.017  # of a group with a blend mode
_MASK: Final = 0.0035
_SHADE: Final = 0.009
_FILL: Final = 0.001
_IMAGE: Final = 0.004

_MAX_SHARE: Final = 0.1  # of limits.page_seconds, for drawing
_MIN_DPI: Final = 36.0  # below, nothing could be read
_OPERATIONS: Final = {
    "fill-path": _FILL,
    "fill-shade": _SHADE,
    "fill-image": _IMAGE,
    "fill-imgmask": _IMAGE,
}


def bounded_dpi(page: pymupdf.Page, dpi: float, page_seconds: float) -> float:
    """Return the resolution, `dpi` or less, at which a page is drawn in a share of `page_seconds`.

    Raises Rejected (too_large) where even a coarse picture would take longer.
    """
    allowed = _MAX_SHARE * page_seconds
    seconds = _seconds_at_72_dpi(page) * (dpi / 72) ** 2
    if seconds <= allowed:
        return dpi
    fitting = dpi * math.sqrt(allowed / seconds)
    if fitting < min(_MIN_DPI, dpi):
        estimate = f"drawing page {page.number + 1} would take about {seconds:.0f} s"
        raise Rejected("too_large", f"{estimate}: it is drawn over itself; print it to a new PDF")
    return round(fitting, 2)


def _seconds_at_72_dpi(page: pymupdf.Page) -> float:
    """Return an estimate of the CPU seconds that drawing the page at 72 dpi takes."""
    whole = page.rect * page.derotation_matrix
    seconds = 0.0
    for kind, box in page.get_bboxlog():
        if kind in _OPERATIONS:
            seconds += _OPERATIONS[kind] * _area(pymupdf.Rect(box) & whole)
    device = _CountingDevice(pymupdf.Rect(page.rect))
    mupdf.fz_run_page(page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return (seconds + device.seconds) / 1e6


class _CountingDevice(mupdf.FzDevice2):  # type: ignore[misc]  # pymupdf has no types
    """A device of MuPDF, whose signatures these are, that draws nothing.

    It sums the cost of patterns, groups and masks at 72 dpi, in millionths of a second.
    """

    def __init__(self, shown: pymupdf.Rect) -> None:
        super().__init__()
        self.seconds = 0.0
        self._shown = shown
        self.use_virtual_begin_tile()
        self.use_virtual_begin_group()
        self.use_virtual_begin_mask()

    def begin_tile(
        self,
        _context: Any,  # noqa: ANN401
        area: Any,  # noqa: ANN401
        view: Any,  # noqa: ANN401
        x_step: float,
        y_step: float,
        matrix: Any,  # noqa: ANN401
        *_ids: int,
    ) -> int:
        """Count the cells that are composed; `area` and `view` are in the space of the pattern."""
        to_page = pymupdf.Matrix(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
        scale = abs(to_page.a * to_page.d - to_page.b * to_page.c)
        if not (x_step and y_step and scale):
            return 0
        painted = pymupdf.Rect(area.x0, area.y0, area.x1, area.y1) * to_page & self._shown
        if painted.is_empty:
            return 0
        painted = painted * ~to_page
        cell = pymupdf.Rect(view.x0, view.y0, view.x1, view.y1)
        across = max(1.0, (painted.width + cell.width) / abs(x_step))
        down = max(1.0, (painted.height + cell.height) / abs(y_step))
        self.seconds += _TILE * across * down * _area(cell) * scale
        return 0  # not cached: the content of the cell is sent once

    def begin_group(
        self,
        _context: Any,  # noqa: ANN401
        area: Any,  # noqa: ANN401
        _space: Any,  # noqa: ANN401
        _isolated: int,
        _knockout: int,
        blend_mode: int,
        _alpha: float,
    ) -> None:
        """Count the pixels of a transparency group."""
        self.seconds += (_BLEND if blend_mode else _GROUP) * self._area_on_page(area)

    def begin_mask(self, _context: Any, area: Any, *_rest: Any) -> None:  # noqa: ANN401
        """Count the pixels of a soft mask."""
        self.seconds += _MASK * self._area_on_page(area)

    def _area_on_page(self, area: Any) -> float:  # noqa: ANN401
        return _area(pymupdf.Rect(area.x0, area.y0, area.x1, area.y1) & self._shown)


def _area(box: pymupdf.Rect) -> float:
    return float(max(0.0, box.width) * max(0.0, box.height))
