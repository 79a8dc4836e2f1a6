"""How a line lies on the page and how it is cut out of it: tilt, perspective, margins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from daemon.core.records import Box, Pixels
    from training.synth.render import Drawing

TILTED = 0.7
PERSPECTIVE = 0.08
BY_INK = 0.55  # crops measured by the ink that there is, the others by the face's tall letters
_STEEP = 0.3  # of a line's height: how far tilt may move its ends; more, and a page is deskewed


def cut(drawing: Drawing, image: Pixels, reach: int, chance: Generator) -> Pixels:
    """Cut the line out of `image` (the drawing with what stands around it), tilted a little.

    The crop reaches `reach` pixels further right: what a form leaves blank belongs to its field.
    """
    ink, (top, foot) = drawing.ink, drawing.band
    turn = _turn(ink, foot - top, chance)
    upper, lower = (ink.top, ink.bottom) if chance.random() < BY_INK else (top, foot)
    middle = (upper + lower) / 2
    tall = max(lower - upper, 1.1 * drawing.x_height)
    corners = np.array(
        [
            [x, y]
            for x in (ink.left, ink.right + reach)
            for y in (middle - tall / 2, middle + tall / 2)
        ]
    )
    placed = cv2.perspectiveTransform(corners[None], turn)[0]
    left, above = placed.min(0)
    right, below = placed.max(0)
    gaps = _margins(chance) * (below - above)
    left, above = left - max(gaps[0], 1), above - max(gaps[1], 0)
    width = round(right + max(gaps[2], 1) - left)
    height = round(below + max(gaps[3], 0) - above)
    shift = np.array([[1, 0, -left], [0, 1, -above], [0, 0, 1]])
    whole = shift @ turn
    size = (max(width, 4), max(height, 4))
    if whole[2, :2].any():
        return _uint8(cv2.warpPerspective(image, whole, size, borderValue=255))
    if not turn[0, 1] and not turn[1, 0]:
        whole = np.rint(whole)
    return _uint8(cv2.warpAffine(image, whole[:2], size, borderValue=255))


def _turn(
    ink: Box, tall: int, chance: Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return a 3x3 matrix that turns and shears about the ink's middle."""
    turn = np.eye(3)
    if chance.random() >= TILTED:
        return turn
    width = ink.right - ink.left
    angle = np.radians(np.clip(chance.normal(0, 0.9), -3, 3))
    limit = _STEEP * tall / max(width, 1)
    angle = float(np.clip(angle, -limit, limit))
    lean = chance.normal(0, 0.05) if chance.random() < 0.5 else 0.0
    turn[0, 1] = -angle + lean
    turn[1, 0] = angle
    if chance.random() < PERSPECTIVE:
        turn[2, 0] = chance.uniform(-0.15, 0.15) / max(width, tall)
        turn[2, 1] = chance.uniform(-0.1, 0.1) / (4 * tall)
    centre = np.array([(ink.left + ink.right) / 2, (ink.top + ink.bottom) / 2])
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = -centre, centre
    return back @ turn @ there


def _margins(chance: Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Choose left, top, right, bottom margin as shares of the height of the text."""
    kind = chance.random()
    if kind < 0.5:  # what the daemon's own segmentation cuts
        return 0.12 + chance.normal(0, 0.05, 4)
    if kind < 0.75:  # tight, sometimes into the ink
        return chance.uniform((-0.02, -0.04, -0.02, -0.04), 0.08)
    gaps = chance.uniform(0.05, 0.4, 4)
    if chance.random() < 0.3:  # a field wider than its text
        gaps[[0, 2]] *= chance.uniform(1, 6, 2)
    return gaps


def _uint8(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
