"""Decoding by Pillow, which is asked last: old JPEG in TIFF, GIF, and strips in Zstandard.

It comes with img2pdf, and is imported only where it is needed.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.pages import transparency

if TYPE_CHECKING:
    from PIL.Image import Image

    from daemon.core.records import Pixels


def decode(data: bytes, formats: Sequence[str], width: int, height: int) -> Pixels | None:
    """Decode the first frame as stored (not turned): H,W gray or H,W,3 BGR; None if nothing does.

    `formats` are the names of the only decoders that may run. Nothing is decoded that is not
    `width` x `height` pixels by Pillow's own reading of the header: limits were checked for those.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the caller has compared the size with its own limit
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(io.BytesIO(data), formats=tuple(formats)) as image:
                if image.size != (width, height):
                    return None
                image.load()
                return _pixels(image)
        except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError):
            return None  # what it raises for damaged and for unknown data


def _pixels(image: Image) -> Pixels:
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), np.uint8)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"), np.uint8)
        return transparency.composite(np.ascontiguousarray(rgba[..., [2, 1, 0, 3]]))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"), np.uint8)[..., ::-1])
