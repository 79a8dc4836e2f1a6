"""Crops a drawn line as from a page: tilt, perspective, margins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from daemon.core.records import Box, Pixels
    from training.synth.render import DrawnLine

TILTED = 0.7  # share of lines
PERSPECTIVE = 0.08  # share of the tilted lines
BY_INK = 0.55  # share of crops measured by their ink, the others by the tall letters of the face
_WHOLE = 0.04  # of the height: the least margin below a line whose underscores are to be seen
_MAX_TILT = 0.3  # of the height of a line, at its ends; the daemon deskews pages with more


def crop_line(
    line: DrawnLine, image: Pixels, extra_right: int, rng: Generator, *, whole: bool = False
) -> Pixels:
    """Crop the line from `image` (the line and its surroundings), tilted a little.

    The crop extends `extra_right` pixels to the right: an empty field belongs to its label. A
    `whole` line has all ink in the crop, also an underscore below the descenders.
    """
    ink, (top, foot) = line.ink, line.band
    transform = _transform(ink, foot - top, rng)
    upper, lower = (ink.top, ink.bottom) if rng.random() < BY_INK else (top, foot)
    lower = max(lower, ink.bottom) if whole else lower
    middle = (upper + lower) / 2
    text_height = max(lower - upper, 1.1 * line.x_height)
    corners = np.array(
        [
            [x, y]
            for x in (ink.left, ink.right + extra_right)
            for y in (middle - text_height / 2, middle + text_height / 2)
        ]
    )
    moved = cv2.perspectiveTransform(corners[None], transform)[0]
    left, above = moved.min(0)
    right, below = moved.max(0)
    gaps = _margins(rng) * (below - above)
    gaps[3] = max(gaps[3], _WHOLE * (below - above)) if whole else gaps[3]
    left, above = left - max(gaps[0], 1), above - max(gaps[1], 0)
    width = round(right + max(gaps[2], 1) - left)
    height = round(below + max(gaps[3], 0) - above)
    shift = np.array([[1, 0, -left], [0, 1, -above], [0, 0, 1]])
    matrix = shift @ transform
    size = (max(width, 4), max(height, 4))
    if matrix[2, :2].any():
        return _uint8(cv2.warpPerspective(image, matrix, size, borderValue=255))
    if not transform[0, 1] and not transform[1, 0]:
        matrix = np.rint(matrix)
    return _uint8(cv2.warpAffine(image, matrix[:2], size, borderValue=255))


def _transform(
    ink: Box, text_height: int, rng: Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return a 3x3 matrix that rotates and shears around the centre of the ink."""
    transform = np.eye(3)
    if rng.random() >= TILTED:
        return transform
    width = ink.right - ink.left
    angle = np.radians(np.clip(rng.normal(0, 0.9), -3, 3))
    limit = _MAX_TILT * text_height / max(width, 1)
    angle = float(np.clip(angle, -limit, limit))
    lean = rng.normal(0, 0.05) if rng.random() < 0.5 else 0.0
    transform[0, 1] = -angle + lean
    transform[1, 0] = angle
    if rng.random() < PERSPECTIVE:
        transform[2, 0] = rng.uniform(-0.15, 0.15) / max(width, text_height)
        transform[2, 1] = rng.uniform(-0.1, 0.1) / (4 * text_height)
    centre = np.array([(ink.left + ink.right) / 2, (ink.top + ink.bottom) / 2])
    to_origin, from_origin = np.eye(3), np.eye(3)
    to_origin[:2, 2], from_origin[:2, 2] = -centre, centre
    return from_origin @ transform @ to_origin


def _margins(rng: Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Draw the left, top, right and bottom margins, as shares of the height of the text."""
    kind = rng.random()
    if kind < 0.5:  # as the segmentation of the daemon crops
        return 0.12 + rng.normal(0, 0.05, 4)
    if kind < 0.75:  # tight, sometimes into the ink
        return rng.uniform((-0.02, -0.04, -0.02, -0.04), 0.08)
    gaps = rng.uniform(0.05, 0.4, 4)
    if rng.random() < 0.3:  # a field wider than its text
        gaps[[0, 2]] *= rng.uniform(1, 6, 2)
    return gaps


def _uint8(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
