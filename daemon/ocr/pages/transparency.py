"""Compositing of transparent images on a ground that shows their ink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_GROUNDS: Final = (255, 0, 128)  # in the order of preference: paper, a dark screen, between them
_LOOKED_AT: Final = 2_000_000  # pixels of the reduced image on which the ground is chosen
_MIN_ALPHA: Final = 32  # below it nothing is seen on any ground, such as a shadow's edge
_MIN_CONTRAST: Final = 48  # gray levels between ink and ground that can be read
_PANEL_SPREAD: Final = 24.0  # gray levels (standard deviation): a shape that has ink of its own
_RING: Final = (5, 9)  # pixels across, of squares that reach beyond a hole's edge and around it
_MAX_LOST: Final = 0.01  # of the ink may be invisible on a ground that is chosen


def composite(image: Pixels, *, premultiplied: bool = False) -> Pixels:
    """Composite H,W,4 BGRA to H,W,3: on white, or where its ink is light, on black or gray.

    In bands of rows: 120 megapixels must fit in memory.
    """
    ground = choose_ground(image, premultiplied=premultiplied)
    result = np.empty((*image.shape[:2], 3), np.uint8)
    for top in range(0, image.shape[0], 256):
        band = image[top : top + 256]
        colour, alpha = cv2.cvtColor(band, cv2.COLOR_BGRA2BGR), band[..., 3].copy()
        if not premultiplied:
            colour = cv2.multiply(colour, cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR), scale=1 / 255)
        behind = cv2.cvtColor(
            cv2.convertScaleAbs(255 - alpha, alpha=ground / 255), cv2.COLOR_GRAY2BGR
        )
        result[top : top + 256] = cv2.add(colour, behind)
    return result


def choose_ground(image: Pixels, *, premultiplied: bool = False) -> int:
    """Return the gray level that shows the ink of H,W,4 BGRA: 255, or 0 or 128 for light ink.

    Ink is a shape of one colour with nothing behind it. A shape that is not of one colour (a
    window, a label, a photo) has its ink on it, and is seen on any ground. A hole in a shape is ink
    too: letters may be cut out of a sheet.
    """
    gray, alpha = _reduced(image, premultiplied=premultiplied)
    is_seen = alpha >= _MIN_ALPHA
    if is_seen.all() or not is_seen.any():
        return _GROUNDS[0]
    ink_levels, ink_sizes = _ink(gray, is_seen)
    hole_levels, hole_sizes = _holes(gray, is_seen)
    levels = np.concatenate([ink_levels, hole_levels])
    sizes = np.concatenate([ink_sizes, hole_sizes])
    if not sizes.size:
        return _GROUNDS[0]
    for ground in _GROUNDS:
        lost = sizes[np.abs(levels - ground) < _MIN_CONTRAST].sum()
        if lost <= _MAX_LOST * sizes.sum():
            return ground
    return _GROUNDS[-1]


def _reduced(
    image: Pixels, *, premultiplied: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gray levels of the colours and alpha, h,w each, of a few megapixels."""
    step = max(1, round((image.shape[0] * image.shape[1] / _LOOKED_AT) ** 0.5))
    sampled = np.ascontiguousarray(image[::step, ::step])
    alpha = sampled[..., 3].astype(np.float32)
    gray = cv2.cvtColor(sampled, cv2.COLOR_BGRA2GRAY).astype(np.float32)
    if premultiplied:
        gray = np.minimum(gray * 255 / np.maximum(alpha, 1), 255)
    return gray, alpha


def _ink(
    gray: NDArray[np.float32], is_seen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return gray level and size (half its circumference) of each shape that is ink."""
    labels, sizes = _shapes(is_seen)
    flat, count = labels.ravel(), len(sizes)
    areas = np.maximum(np.bincount(flat, minlength=count), 1)
    means = np.bincount(flat, gray.ravel(), count) / areas
    squares = np.bincount(flat, gray.ravel() ** 2, count) / areas
    is_ink = np.sqrt(np.maximum(squares - means**2, 0)) < _PANEL_SPREAD
    is_ink[0] = False  # where nothing is seen
    return means[is_ink], sizes[is_ink]


def _holes(
    gray: NDArray[np.float32], is_seen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gray level around each hole, beyond its smoothed edge, and its size."""
    labels, sizes = _shapes(~is_seen)
    count, exact = len(sizes), labels.astype(np.float32)
    near, far = (cv2.dilate(exact, np.ones((side, side), np.uint8)) for side in _RING)
    is_ring = (far > 0) & (near == 0)
    around = far[is_ring].astype(np.intp)
    areas = np.bincount(around, minlength=count)
    levels = np.bincount(around, gray[is_ring], count) / np.maximum(areas, 1)
    is_hole = areas > 0
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        is_hole[border] = False  # around the shapes, not in them
    return levels[is_hole], sizes[is_hole]


def _shapes(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the label of each pixel (0 outside of the mask), and width + height of each label."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    sizes = stats[:, cv2.CC_STAT_WIDTH] + stats[:, cv2.CC_STAT_HEIGHT]
    return np.asarray(labels, np.int32), sizes.astype(np.float64)
