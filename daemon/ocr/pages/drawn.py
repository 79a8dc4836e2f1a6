"""What a PDF page draws: pictures, letters as paths, and text that a picture hides.

Pictures are joined where they touch, on a coarse grid, since scanners cut one into strips; those
too small to hold text (a logo, an icon, a rule) are forgotten.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float64]

_GRID: Final = 64  # cells along each side of the page
_PICTURE_SHARE: Final = 0.03  # of the page: a receipt or a stamp has it, a logo has not
_DOMINANT_SHARE: Final = 0.5  # an image that covers less of the page is a logo or a photo
_PICTURES: Final = ("fill-image", "fill-imgmask")
_TEXTS: Final = ("fill-text", "stroke-text")
_GLYPH_POINTS: Final = (2.0, 40.0)  # the height of a letter drawn as a path
_SLACK: Final = 1.0  # points by which text may stick out of the picture that covers it

Operation = tuple[str, tuple[float, float, float, float]]
"""MuPDF's: the kind of an operation, and its box in points of the page as stored."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn on the shown part of a page; boxes in points as stored (before /Rotate).

    `pictures` are those large enough to hold text, `outlines` counts paths as small as letters.
    `covered` are the boxes, N,4, of text that a later picture hides, as some tools put their
    reading under a scan; `bare` those of other text.
    """

    pictures: tuple[pymupdf.Rect, ...]
    outlines: int
    covered: Boxes
    bare: Boxes

    def hides(self, box: Sequence[float]) -> bool:
        """Tell whether a character at `box` lies under a picture."""
        return _within(self.covered, box) and not _within(self.bare, box)


def read(page: pymupdf.Page) -> Drawing:
    """Return what the page draws."""
    shown = page.rect * page.derotation_matrix
    drawn: list[Operation] = page.get_bboxlog()
    pictures = _large([box for kind, box in drawn if kind in _PICTURES], shown)
    paths = (pymupdf.Rect(box) & shown for kind, box in drawn if kind == "fill-path")
    low, high = _GLYPH_POINTS
    outlines = sum(low <= path.height <= high and path.width <= high for path in paths)
    covered, bare = _texts(drawn, _opaque(page, drawn) if pictures else [])
    return Drawing(pictures, outlines, covered, bare)


def dominant_dpi(page: pymupdf.Page) -> float | None:
    """Return the finest resolution among the images that fill the page, None without such."""
    filled = _DOMINANT_SHARE * page.rect.width * page.rect.height
    finest = 0.0
    for image in page.get_image_info():
        a, b, c, d, _, _ = image["transform"]
        across, down = math.hypot(a, b), math.hypot(c, d)
        if across and down and _area(image["bbox"]) >= filled:
            finest = max(finest, image["width"] / across, image["height"] / down)
    return 72.0 * finest or None


def _area(box: tuple[float, float, float, float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _large(boxes: Sequence[Sequence[float]], shown: pymupdf.Rect) -> tuple[pymupdf.Rect, ...]:
    """Return the boxes, cut to the shown page, that alone or with their neighbours are large."""
    cut = [box for b in boxes if not (box := pymupdf.Rect(b) & shown).is_empty]
    if not cut:
        return ()
    places = [_cells(box, shown) for box in cut]
    grid = np.zeros((_GRID, _GRID), np.uint8)
    for place in places:
        grid[place] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= _PICTURE_SHARE * _GRID**2
    return tuple(box for box, at in zip(cut, places, strict=True) if large[labels[at][0, 0]])


def _cells(box: pymupdf.Rect, shown: pymupdf.Rect) -> tuple[slice, slice]:
    """Return the rows and columns of the grid that the box touches."""
    across, down = shown.width / _GRID, shown.height / _GRID
    return (
        _span((box.y0 - shown.y0) / down, (box.y1 - shown.y0) / down),
        _span((box.x0 - shown.x0) / across, (box.x1 - shown.x0) / across),
    )


def _span(low: float, high: float) -> slice:
    first = min(int(low), _GRID - 1)
    return slice(first, max(first + 1, math.ceil(high)))


def _opaque(page: pymupdf.Page, drawn: Sequence[Operation]) -> list[int]:
    """Return the places among `drawn` of the pictures that nothing shines through.

    MuPDF says in another list, in the same order, which pictures have a mask.
    """
    masks: dict[tuple[int, ...], list[bool]] = {}
    for image in page.get_image_info():
        masks.setdefault(_rounded(image["bbox"]), []).append(image["has-mask"])
    opaque = []
    for place, (kind, box) in enumerate(drawn):
        if kind in _PICTURES:
            of_this = masks.get(_rounded(box)) or [True]
            if not of_this.pop(0) and kind == "fill-image":
                opaque.append(place)
    return opaque


def _texts(drawn: Sequence[Operation], opaque: Sequence[int]) -> tuple[Boxes, Boxes]:
    """Part the boxes of visible text: held by one of the `opaque` that comes later, and bare."""
    places = [n for n, (kind, _) in enumerate(drawn) if opaque and kind in _TEXTS]
    boxes = np.array([drawn[n][1] for n in places], np.float64).reshape(-1, 4)  # N, 4
    hidden = np.zeros(len(places), np.bool_)
    for picture in opaque:
        earlier = bisect.bisect_left(places, picture)
        hidden[:earlier] |= _held(boxes[:earlier], drawn[picture][1])
    return boxes[hidden], boxes[~hidden]


def _held(boxes: Boxes, box: Sequence[float]) -> NDArray[np.bool_]:
    """Tell of each of the boxes whether it lies within `box`: N."""
    low, high = np.array(box[:2]) - _SLACK, np.array(box[2:]) + _SLACK
    inside = np.hstack([boxes[:, :2] >= low, boxes[:, 2:] <= high])  # N, 4
    return np.asarray(inside.all(axis=1), np.bool_)


def _within(boxes: Boxes, box: Sequence[float]) -> bool:
    """Tell whether the middle of `box` lies within one of the boxes."""
    middle = (np.array(box[:2]) + np.array(box[2:])) / 2
    around = (boxes[:, :2] <= middle) & (middle <= boxes[:, 2:])  # N, 2
    return bool(around.all(axis=1).any())


def _rounded(box: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(side) for side in box)
