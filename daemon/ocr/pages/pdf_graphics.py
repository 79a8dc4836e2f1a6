"""Graphics of a PDF page: pictures, paths, letters drawn as paths, and text that is covered.

Adjacent pictures are joined on a coarse grid, since scanners split an image into strips; pictures
too small to hold text (a logo, an icon, a rule) are ignored.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.ocr.pages import page_images, vector_graphics
from daemon.ocr.pages.vector_graphics import VectorGraphics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float64]

_GRID_CELLS: Final = 64  # cells along each side of the page
_MIN_PICTURE_SHARE: Final = 0.03  # of the page: a receipt or a stamp is as large, a logo is not
_MIN_DOMINANT_SHARE: Final = 0.5  # of the page; a smaller image is a logo or a photo
_PICTURES: Final = ("fill-image", "fill-imgmask")
_TEXTS: Final = ("fill-text", "stroke-text")
_PATHS: Final = ("fill-path", "stroke-path")
_PAINTS: Final = ("fill-path", "fill-shade", "fill-image", "fill-imgmask")
_MIN_PAINT_SIDE: Final = 3.0  # points; what is painted over a text is larger than a rule
_MAX_PAINTS: Final = 500  # the largest are looked at
_GLYPH_SIZE: Final = (2.0, 40.0)  # the height of a letter drawn as a path, in points
_CELL_POINTS: Final = 0.5  # points; the cell size of the grid of covered text,
_MAX_CELLS: Final = 4000  # and the number of its cells along a side, at most
_TOLERANCE: Final = 1.0  # points by which text may extend beyond the picture that covers it

Operation = tuple[str, tuple[float, float, float, float]]
"""MuPDF's: the kind of an operation, and its box in points of the page as stored."""


@dataclass(frozen=True, slots=True)
class PageGraphics:
    """Graphics on the shown part of a page; boxes in points as stored (before /Rotate).

    `pictures` are those large enough to hold text; `outlines` counts paths of the size of letters.
    `covered`, H,W, is 1 where all text is covered by a later picture, as some OCR programs place
    their text under a scan; its cells are `_CELL_POINTS` points large, from the corner of `shown`.
    It is None where no text is covered. `painted_over` is a grid of the same kind: 1 where
    something opaque or not was painted over a text.
    """

    pictures: tuple[pymupdf.Rect, ...]
    outlines: int
    shown: pymupdf.Rect
    covered: NDArray[np.uint8] | None
    vectors: VectorGraphics = field(default_factory=VectorGraphics)
    painted_over: NDArray[np.uint8] | None = None

    def is_covered(self, box: Sequence[float]) -> bool:
        """Tell whether a character at `box` lies under a picture."""
        return self._is_in(self.covered, box)

    def may_be_painted_over(self, box: Sequence[float]) -> bool:
        """Tell whether something was painted over text at `box`, perhaps transparent."""
        return self._is_in(self.painted_over, box)

    def is_over_picture(self, box: Sequence[float]) -> bool:
        """Tell whether the centre of a box lies on one of the pictures."""
        centre = pymupdf.Point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        return any(picture.contains(centre) for picture in self.pictures)

    def _is_in(self, grid: NDArray[np.uint8] | None, box: Sequence[float]) -> bool:
        if grid is None:
            return False
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return bool(grid[_cell_slices((x, y, x, y), self.shown, grid.shape)][0, 0])


def read(page: pymupdf.Page) -> PageGraphics:
    """Return the graphics of a page."""
    shown = page.rect * page.derotation_matrix
    operations: list[Operation] = page.get_bboxlog()
    pictures = _large_pictures([box for kind, box in operations if kind in _PICTURES], shown)
    outlines = _count_outlines([box for kind, box in operations if kind == "fill-path"], shown)
    covered, uncovered = _text_boxes(
        operations, _opaque_pictures(page, operations) if pictures else []
    )
    painted, unpainted = _text_boxes(operations, _large_paints(operations))
    return PageGraphics(
        pictures,
        outlines,
        shown,
        _covered_grid(covered, uncovered, shown),
        vector_graphics.read(page, sum(kind in _PATHS for kind, _ in operations)),
        _covered_grid(painted, unpainted[:0], shown),
    )


def _large_paints(operations: Sequence[Operation]) -> list[int]:
    """Return the indexes of the largest operations that may hide what was drawn before, in order.

    Those before the first text hide none.
    """
    first = next((n for n, (kind, _) in enumerate(operations) if kind in _TEXTS), len(operations))
    paints = [
        n
        for n, (kind, box) in enumerate(operations[first:], first)
        if kind in _PAINTS and min(box[2] - box[0], box[3] - box[1]) >= _MIN_PAINT_SIDE
    ]
    return sorted(sorted(paints, key=lambda n: -_area(operations[n][1]))[:_MAX_PAINTS])


def _count_outlines(boxes: Sequence[Sequence[float]], shown: pymupdf.Rect) -> int:
    """Count the paths that have the size of letters on the shown page."""
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    low, high = np.maximum(sides[:, :2], shown.tl), np.minimum(sides[:, 2:], shown.br)
    width, height = (high - low).T
    minimum, maximum = _GLYPH_SIZE
    small = (minimum <= height) & (height <= maximum) & (width >= 0) & (width <= maximum)
    return int(np.count_nonzero(small))


def _covered_grid(
    covered: Boxes, uncovered: Boxes, shown: pymupdf.Rect
) -> NDArray[np.uint8] | None:
    """Return the boxes of covered text less those of uncovered text as a grid over the page."""
    if not len(covered):
        return None
    sides = (shown.height, shown.width)
    grid = np.zeros(
        [min(_MAX_CELLS, max(1, math.ceil(side / _CELL_POINTS))) for side in sides], np.uint8
    )
    for boxes, value in ((covered, 1), (uncovered, 0)):
        for box in boxes:
            grid[_cell_slices(box, shown, grid.shape)] = value
    return grid


def dominant_dpi(page: pymupdf.Page) -> float | None:
    """Return the highest resolution of the images that fill the page; None without one."""
    min_area = _MIN_DOMINANT_SHARE * page.rect.width * page.rect.height
    max_dpi = 0.0
    for image in page_images.read(page):
        matrix = image.matrix
        width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
        if width and height and _area(image.box) >= min_area:
            max_dpi = max(max_dpi, image.width / width, image.height / height)
    return 72.0 * max_dpi or None


def _area(box: tuple[float, float, float, float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _large_pictures(
    boxes: Sequence[Sequence[float]], shown: pymupdf.Rect
) -> tuple[pymupdf.Rect, ...]:
    """Return the boxes, clipped to the page, that are large alone or with their neighbours."""
    clipped = [box for b in boxes if not (box := pymupdf.Rect(b) & shown).is_empty]
    if not clipped:
        return ()
    areas = [_cell_slices(box, shown, (_GRID_CELLS, _GRID_CELLS)) for box in clipped]
    grid = np.zeros((_GRID_CELLS, _GRID_CELLS), np.uint8)
    for area in areas:
        grid[area] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= _MIN_PICTURE_SHARE * _GRID_CELLS**2
    return tuple(box for box, at in zip(clipped, areas, strict=True) if large[labels[at][0, 0]])


def _cell_slices(
    box: Sequence[float], shown: pymupdf.Rect, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Return the rows and columns of a grid over the shown page that the box touches."""
    left, top, right, bottom = box
    return (
        _cell_range((top - shown.y0) / shown.height, (bottom - shown.y0) / shown.height, shape[0]),
        _cell_range((left - shown.x0) / shown.width, (right - shown.x0) / shown.width, shape[1]),
    )


def _cell_range(low: float, high: float, cells: int) -> slice:
    first = min(max(0, int(low * cells)), cells - 1)
    return slice(first, max(first + 1, math.ceil(high * cells)))


def _opaque_pictures(page: pymupdf.Page, operations: Sequence[Operation]) -> list[int]:
    """Return the indexes in `operations` of the pictures that are opaque.

    MuPDF lists the masks of pictures separately, in the same order.
    """
    masks: dict[tuple[int, ...], list[bool]] = {}
    for image in page_images.read(page):
        masks.setdefault(_rounded(image.box), []).append(image.has_mask)
    opaque = []
    for index, (kind, box) in enumerate(operations):
        if kind in _PICTURES:
            of_this = masks.get(_rounded(box)) or [True]
            if not of_this.pop(0) and kind == "fill-image":
                opaque.append(index)
    return opaque


def _text_boxes(operations: Sequence[Operation], opaque: Sequence[int]) -> tuple[Boxes, Boxes]:
    """Split the boxes of visible text: covered by a later one of the `opaque` pictures, and not."""
    texts = [n for n, (kind, _) in enumerate(operations) if opaque and kind in _TEXTS]
    boxes = np.array([operations[n][1] for n in texts], np.float64).reshape(-1, 4)  # N, 4
    hidden = np.zeros(len(texts), np.bool_)
    for picture in opaque:
        count = bisect.bisect_left(texts, picture)
        hidden[:count] |= _are_within(boxes[:count], operations[picture][1])
    return boxes[hidden], boxes[~hidden]


def _are_within(boxes: Boxes, box: Sequence[float]) -> NDArray[np.bool_]:
    """Tell of each of the boxes whether it lies within `box`: N."""
    low, high = np.array(box[:2]) - _TOLERANCE, np.array(box[2:]) + _TOLERANCE
    inside = np.hstack([boxes[:, :2] >= low, boxes[:, 2:] <= high])  # N, 4
    return np.asarray(inside.all(axis=1), np.bool_)


def _rounded(box: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(side) for side in box)
