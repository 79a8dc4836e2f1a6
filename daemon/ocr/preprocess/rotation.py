"""Rotation of pages, with the affine maps back to the original."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.illumination import WHITE

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import Affine


def rotate_quarter_turns(gray: Pixels, orientation: int) -> tuple[Pixels, Affine]:
    """Return the page rotated clockwise by a multiple of 90 degrees, and the map back (2,3)."""
    height, width = gray.shape
    back = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height]],
        180: [[-1, 0, width], [0, -1, height]],
        270: [[0, -1, width], [1, 0, 0]],
    }[orientation]
    rotated = np.ascontiguousarray(np.rot90(gray, -orientation // 90))
    return np.asarray(rotated, np.uint8), np.array(back, np.float64)


def compose(outer: Affine, inner: Affine) -> Affine:
    """Return the affine map (2,3) that applies `inner` and then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def rotate_by_skew(gray: Pixels, skew: float) -> tuple[Pixels, Affine]:
    """Return the deskewed page on a canvas that holds all of it, and the affine map back (2,3)."""
    height, width = gray.shape
    if skew == 0.0:
        return gray, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    canvas = (
        math.ceil(width * cos + height * abs(sin)),
        math.ceil(height * cos + width * abs(sin)),
    )
    rotation = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([width, height]) / 2 - rotation @ (np.array(canvas) / 2)
    back = np.column_stack([rotation, shift])  # for edges: the corner of a box lies between pixels
    centres = np.column_stack([rotation, shift + rotation @ [0.5, 0.5] - 0.5])
    upright = cv2.warpAffine(
        gray,
        centres,
        canvas,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(WHITE,),
    )
    return np.asarray(upright, np.uint8), back
