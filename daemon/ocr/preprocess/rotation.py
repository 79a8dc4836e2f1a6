"""Turning pages, and the way back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess.illumination import WHITE

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import Affine


def stood_up(gray: Pixels, orientation: int) -> tuple[Pixels, Affine]:
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


def composed(outer: Affine, inner: Affine) -> Affine:
    """Return the affine map (2,3) that is `inner` and then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def turned(gray: Pixels, skew: float) -> tuple[Pixels, Affine]:
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
