"""Red stamps as offices press them on paper: a ring with text along it, a star, a line below."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from tests.support.samples.pictures import Image
from tests.support.samples.vertical import font

RED = (45, 40, 205)  # B, G, R


def ring_mask(
    text: str,
    radius: int,
    below: str = "",
    *,
    star: bool = True,
    tilt: float = 0.0,
    aspect: float = 1.0,
    span: float = 235.0,
    glyph: float = 0.27,
    file: Path | None = None,
    index: int = 0,
) -> Image:
    """Return the ink of a round stamp, 0..255, a square of 2 * `radius` + 8 pixels.

    The text takes `span` degrees around the top, its characters `glyph` of the radius high. An
    `aspect` below 1 makes an oval of it. `tilt` turns it clockwise, in degrees.
    """
    side = 2 * radius + 8
    mask = np.zeros((side, side), np.uint8)
    middle = side // 2
    thick = max(2, round(0.035 * radius))
    cv2.circle(mask, (middle, middle), radius - thick // 2, (255,), thick, cv2.LINE_AA)
    size = round(glyph * radius)
    face = font(size, file, index)
    for k, character in enumerate(text):
        angle = (k / max(1, len(text) - 1) - 0.5) * span
        layer = Pillow.new("L", (side, side), 0)
        top = middle - radius + thick + round(0.08 * radius)
        ImageDraw.Draw(layer).text((middle, top + size // 2), character, 255, face, anchor="mm")
        mask = np.maximum(mask, np.asarray(layer.rotate(-angle, Pillow.Resampling.BICUBIC)))
    if star:
        points = [
            (
                middle + r * radius * math.sin(math.radians(36 * k)),
                middle - r * radius * math.cos(math.radians(36 * k)),
            )
            for k, r in enumerate([0.3, 0.12] * 5)
        ]
        cv2.fillPoly(mask, [np.array(points, np.int32)], (255,), cv2.LINE_AA)
    if below:
        layer = Pillow.new("L", (side, side), 0)
        small = font(round(0.17 * radius), file, index)
        place = (middle, middle + round(0.5 * radius))
        ImageDraw.Draw(layer).text(place, below, 255, small, anchor="mm")
        mask = np.maximum(mask, np.asarray(layer))
    turn = cv2.getRotationMatrix2D((middle, middle), -tilt, 1.0)
    squeeze = np.array([[1, 0, 0], [0, aspect, middle * (1 - aspect)], [0, 0, 1]])
    matrix = (np.vstack([turn, [0, 0, 1]]) @ squeeze)[:2]
    return np.asarray(cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_CUBIC), np.uint8)


def press(
    page: Image, mask: Image, left: int, top: int, opacity: float = 0.8, seed: int = 0
) -> None:
    """Press a stamp onto a page, H,W,3 BGR; the ink is uneven and lets the print show through."""
    height, width = mask.shape
    part = page[top : top + height, left : left + width].astype(np.float64)
    grain = np.random.default_rng(seed).normal(1.0, 0.12, (height // 4 + 1, width // 4 + 1))
    uneven = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    share = np.clip(opacity * uneven * mask / 255, 0, 1)[:, :, None]
    multiplied = part * np.array(RED) / 255
    page[top : top + height, left : left + width] = np.clip(
        part * (1 - share) + multiplied * share, 0, 255
    ).astype(np.uint8)
