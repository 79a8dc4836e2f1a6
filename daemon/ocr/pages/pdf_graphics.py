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
_FINE: Final = 0.5  # points; so finely is told which text is hidden,
_MOST: Final = 4000  # in at most so many cells along a side
_SLACK: Final = 1.0  # points by which text may stick out of the picture that covers it

Operation = tuple[str, tuple[float, float, float, float]]
"""MuPDF's: the kind of an operation, and its box in points of the page as stored."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn on the shown part of a page; boxes in points as stored (before /Rotate).

    `pictures` are those large enough to hold text, `outlines` counts paths as small as letters.
    `covered`, H,W, is 1 where there is only text that a later picture hides, as some tools put
    their reading under a scan; its cells are `_FINE` points large from the corner of `shown` on.
    It is None where no text is hidden so.
    """

    pictures: tuple[pymupdf.Rect, ...]
    outlines: int
    shown: pymupdf.Rect
    covered: NDArray[np.uint8] | None

    def hides(self, box: Sequence[float]) -> bool:
        """Tell whether a character at `box` lies under a picture."""
        if self.covered is None:
            return False
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return bool(self.covered[_cells((x, y, x, y), self.shown, self.covered.shape)][0, 0])


def read(page: pymupdf.Page) -> Drawn:
    """Return what the page draws."""
    shown = page.rect * page.derotation_matrix
    drawn: list[Operation] = page.get_bboxlog()
    pictures = _large([box for kind, box in drawn if kind in _PICTURES], shown)
    outlines = _outlines([box for kind, box in drawn if kind == "fill-path"], shown)
    covered, bare = _texts(drawn, _opaque(page, drawn) if pictures else [])
    return Drawn(pictures, outlines, shown, _painted(covered, bare, shown))


def _outlines(boxes: Sequence[Sequence[float]], shown: pymupdf.Rect) -> int:
    """Count the paths that are as small as letters, as far as they are shown."""
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    low, high = np.maximum(sides[:, :2], shown.tl), np.minimum(sides[:, 2:], shown.br)
    width, height = (high - low).T
    least, most = _GLYPH_POINTS
    small = (least <= height) & (height <= most) & (width >= 0) & (width <= most)
    return int(np.count_nonzero(small))


def _painted(covered: Boxes, bare: Boxes, shown: pymupdf.Rect) -> NDArray[np.uint8] | None:
    """Return the boxes of covered text less those of bare text as a grid over the shown page."""
    if not len(covered):
        return None
    sides = (shown.height, shown.width)
    grid = np.zeros([min(_MOST, max(1, math.ceil(side / _FINE))) for side in sides], np.uint8)
    for boxes, value in ((covered, 1), (bare, 0)):
        for box in boxes:
            grid[_cells(box, shown, grid.shape)] = value
    return grid


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
    places = [_cells(box, shown, (_GRID, _GRID)) for box in cut]
    grid = np.zeros((_GRID, _GRID), np.uint8)
    for place in places:
        grid[place] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= _PICTURE_SHARE * _GRID**2
    return tuple(box for box, at in zip(cut, places, strict=True) if large[labels[at][0, 0]])


def _cells(
    box: Sequence[float], shown: pymupdf.Rect, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Return the rows and columns of a grid over the shown page that the box touches."""
    left, top, right, bottom = box
    return (
        _span((top - shown.y0) / shown.height, (bottom - shown.y0) / shown.height, shape[0]),
        _span((left - shown.x0) / shown.width, (right - shown.x0) / shown.width, shape[1]),
    )


def _span(low: float, high: float, cells: int) -> slice:
    first = min(max(0, int(low * cells)), cells - 1)
    return slice(first, max(first + 1, math.ceil(high * cells)))


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


def _rounded(box: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(side) for side in box)
