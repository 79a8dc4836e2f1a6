"""PGM and PPM. OpenCV takes values whose white is not 255 as they are, and shows a dark page.

Source: Netpbm's pgm(5) and ppm(5).
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels

_SPACE: Final = rb"(?:\s|#[^\n]*\n)+"
_HEADER: Final = re.compile(
    rb"P([2356])" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,5})\s"
)
_HEAD: Final = 4096  # bytes in which the header ends
_MAX_WHITE: Final = 65_535


def decode(data: bytes) -> tuple[Pixels, bool] | None:
    """Return H,W,3 BGR, and whether all rows are there; None for a bitmap or an unknown header."""
    match = _HEADER.match(data[:_HEAD])
    if match is None:
        return None
    kind, width, height, most = (int(group) for group in match.groups())
    if not 0 < most <= _MAX_WHITE or not width * height:
        return None
    samples = 3 if kind in (3, 6) else 1
    if kind in (2, 3):
        values = _of_text(data[match.end() :])
    else:
        size = 1 if most < 256 else 2
        end = match.end() + (len(data) - match.end()) // size * size
        values = np.frombuffer(data[match.end() : end], f">u{size}")
    row = width * samples
    rows = min(height, len(values) // row)
    if not rows:
        return None
    image: Pixels = np.full((height, width, samples), 255, np.uint8)
    for top in range(0, rows, 256):
        bottom = min(rows, top + 256)
        band = values[top * row : bottom * row]
        if most != 255:
            band = np.minimum((band.astype(np.uint32) * 255 + most // 2) // most, 255)
        image[top:bottom] = band.reshape(-1, width, samples)
    bgr = np.repeat(image, 3, axis=2) if samples == 1 else image[..., ::-1]
    return np.ascontiguousarray(bgr), len(values) >= row * height


def _of_text(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """Return the numbers up to the first thing that is none; comments are left out."""
    with warnings.catch_warnings(action="ignore"):
        plain = re.sub(rb"#[^\n]*", b"", text).decode("latin-1")
        return np.fromstring(plain, np.uint16, sep=" ")
