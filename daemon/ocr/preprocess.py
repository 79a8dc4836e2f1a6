"""From a page as decoded to a page ready for line finding: gray, evenly lit, upright.

Every step is a switch of `recipe.Cleaning`; docs/preprocessing.md has the measurement behind each
default. The order is fixed: shrink, gray, stand up, denoise, even the ground, contrast, turn,
threshold, close.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.records import CleanPage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.recipe import Cleaning
    from daemon.records import Affine, Page, Pixels

WHITE = 255
_GROUND_SIDE = 200  # the ground is estimated on a page shrunk to this many pixels
_GROUND_REACH = 11  # and must be seen within this many of them: text is thinner, pictures are not
_GROUND_DARK = 110  # gray level below which a ground is no paper
_SKEW_SIDE = 1200  # skew is measured on a page shrunk to this many pixels
_SKEW_LIMIT = 10.0  # degrees; a larger turn is a matter of orientation, not of skew
_SKEW_IGNORED = 0.15  # degrees; turning blurs more than such a slope costs
_SKEW_EVIDENCE = 1.03  # how much sharper than the page as it lies the rows must get
_POINTS = 40_000  # edge pixels that vote


def clean(page: Page, cleaning: Cleaning, orientation: int = 0) -> CleanPage:
    """Return the page gray and upright, with the steps of `cleaning`; `page` stays as it is.

    `orientation` is by how many degrees clockwise the page is turned first: 0, 90, 180 or 270.
    """
    scale = min(1.0, cleaning.max_side / max(page.image.shape[:2]))
    gray, lying = _stood_up(_gray(_shrunk(page.image, scale)), orientation)
    gray = _denoised(gray, cleaning.denoise)
    if cleaning.ground:
        gray = _even_ground(gray)
    if cleaning.contrast:
        gray = np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(gray), np.uint8)
    skew = measure_skew(gray) if cleaning.deskew else 0.0
    gray, upright = _turned(gray, skew)
    if cleaning.threshold:
        gray = _thresholded(gray)
    if cleaning.close_strokes:
        gray = _closed(gray)
    to_page = _composed(lying, upright) / scale
    return CleanPage(gray=gray, to_page=to_page, skew=skew, orientation=orientation)


def measure_skew(gray: Pixels) -> float:
    """Return the degrees by which the rows of H,W `gray` fall to the right, 0.0 where none show.

    The lower edges of the ink are projected along slopes; at the right one they pile up in few
    rows, so the sum of squares of the histogram is largest.
    """
    x, y = _lower_edges(gray)
    if len(x) < 50:
        return 0.0
    coarse = max(np.arange(-_SKEW_LIMIT, _SKEW_LIMIT + 0.1, 0.5), key=lambda a: _pile(x, y, a))
    best = float(max(coarse + np.arange(-0.5, 0.51, 0.05), key=lambda a: _pile(x, y, a)))
    if abs(best) < _SKEW_IGNORED or _pile(x, y, best) < _SKEW_EVIDENCE * _pile(x, y, 0.0):
        return 0.0
    return round(best, 3)


def _lower_edges(gray: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of the ink pixels with no ink below, at most `_POINTS` of them."""
    small = _shrunk(gray, min(1.0, _SKEW_SIDE / max(gray.shape)))
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    y, x = np.nonzero(ink[:-1] > ink[1:])
    step = max(1, math.ceil(len(x) / _POINTS))
    return x[::step].astype(np.float64), y[::step].astype(np.float64)


def _pile(x: NDArray[np.float64], y: NDArray[np.float64], degrees: float) -> float:
    """Return how sharply the points pile up in rows that fall by `degrees` to the right."""
    rows = y - x * math.tan(math.radians(degrees))
    histogram = np.bincount((rows - rows.min()).astype(np.intp))
    return float(np.square(histogram.astype(np.float64)).sum())


def _shrunk(image: Pixels, scale: float) -> Pixels:
    if scale >= 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _gray(image: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _denoised(gray: Pixels, how: str) -> Pixels:
    if how == "median":
        return np.asarray(cv2.medianBlur(gray, 3), np.uint8)
    if how == "gaussian":
        return np.asarray(cv2.GaussianBlur(gray, (3, 3), 0), np.uint8)
    return gray


def _even_ground(gray: Pixels) -> Pixels:
    """Divide by the ground, the brightest around each spot, so that paper is white.

    A ground that is dark on purpose (a bar, a photograph) stays as it is.
    """
    small = _shrunk(gray, _GROUND_SIDE / max(gray.shape))
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GROUND_REACH, _GROUND_REACH))
    ground = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, reach), (5, 5))
    ground[cv2.medianBlur(small, 2 * _GROUND_REACH - 1) < _GROUND_DARK] = WHITE
    ground = cv2.resize(ground, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, ground, scale=WHITE), np.uint8)


def _stood_up(gray: Pixels, orientation: int) -> tuple[Pixels, Affine]:
    """Return the page turned clockwise by a multiple of 90 degrees, and the way back (2,3)."""
    height, width = gray.shape
    back = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height]],
        180: [[-1, 0, width], [0, -1, height]],
        270: [[0, -1, width], [1, 0, 0]],
    }[orientation]
    turned = np.ascontiguousarray(np.rot90(gray, -orientation // 90))
    return np.asarray(turned, np.uint8), np.array(back, np.float64)


def _composed(outer: Affine, inner: Affine) -> Affine:
    """Return the affine map (2,3) that is `inner` and then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _turned(gray: Pixels, skew: float) -> tuple[Pixels, Affine]:
    """Return the page turned back by `skew` on a sheet that holds it, and the way back (2,3)."""
    height, width = gray.shape
    if skew == 0.0:
        return gray, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    sheet = (
        math.ceil(width * cos + height * abs(sin)),
        math.ceil(height * cos + width * abs(sin)),
    )
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([width, height]) / 2 - turn @ (np.array(sheet) / 2)
    back = np.column_stack([turn, shift])  # edges: a box's corner lies between pixels
    centres = np.column_stack([turn, shift + turn @ [0.5, 0.5] - 0.5])
    upright = cv2.warpAffine(
        gray,
        centres,
        sheet,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(WHITE,),
    )
    return np.asarray(upright, np.uint8), back


def _thresholded(gray: Pixels) -> Pixels:
    block = max(15, max(gray.shape) // 60) | 1
    return np.asarray(
        cv2.adaptiveThreshold(
            gray, WHITE, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 15
        ),
        np.uint8,
    )


def _closed(gray: Pixels) -> Pixels:
    """Bridge gaps of a pixel in dark strokes: dark grows by a pixel and shrinks back."""
    square = np.ones((2, 2), np.uint8)
    grown = cv2.erode(gray, square)
    return np.asarray(cv2.dilate(grown, square, anchor=(0, 0)), np.uint8)
