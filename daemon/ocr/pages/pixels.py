"""From a file's bytes to H,W,3 BGR pixels, or H,W gray, as a viewer shows them.

What OpenCV 5 does, tried on every kind: it composites no alpha, so that is decoded and laid on
white here; it turns a TIFF by its orientation tag, but leaves EXIF to us when told so; of gray with
alpha it loses the alpha, and those files go to MuPDF; 16 bits it scales to 8, but when asked for
unchanged samples it forgets that white may be 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.core.errors import Rejected

if TYPE_CHECKING:
    from daemon.core.records import Pixels

# orientation 1..8 of EXIF and TIFF -> degrees clockwise, then mirrored left to right
_TURNS: Final = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (90, True),
    6: (90, False),
    7: (270, True),
    8: (270, False),
}
_ROTATIONS: Final = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_REDUCED: Final = {
    1: cv2.IMREAD_COLOR_BGR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_REDUCED_GRAY: Final = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
BGR: Final = pymupdf.Colorspace(pymupdf.mupdf.FzColorspace(pymupdf.mupdf.FzColorspace.Fixed_BGR))
REDUCTIONS: Final = tuple(_REDUCED)


def turn_of(orientation: int) -> int:
    """Return the clockwise degrees that show an image of this orientation upright."""
    return _TURNS[orientation][0]


def upright(image: Pixels, orientation: int) -> Pixels:
    """Turn, then mirror, as the orientation asks."""
    degrees, mirrored = _TURNS[orientation]
    turned = cv2.rotate(image, _ROTATIONS[degrees]) if degrees else image
    return np.asarray(cv2.flip(turned, 1) if mirrored else turned, np.uint8)


def decode_opaque(
    data: bytes | bytearray, reduction: int = 1, *, in_gray: bool = False
) -> Pixels | None:
    """Decode to 8 bits, BGR or gray, whatever the file has; None if nothing decodes."""
    how = (_REDUCED_GRAY if in_gray else _REDUCED)[reduction]
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else np.asarray(image, np.uint8)


def decode_alpha(data: bytes | bytearray, *, premultiplied: bool = False) -> Pixels | None:
    """Decode an image with alpha and lay it on white."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        return None
    if decoded.dtype == np.uint16:
        decoded = cv2.convertScaleAbs(decoded, alpha=1 / 257)
    if decoded.ndim == 2:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    image = np.asarray(decoded, np.uint8)
    return on_white(image, premultiplied=premultiplied) if image.shape[2] == 4 else image


def decode_with_mupdf(data: bytes | bytearray) -> Pixels:
    """Decode what OpenCV gets wrong: gray with alpha, and JPEG 2000 of two or four samples."""
    pixmap = pymupdf.Pixmap(bytes(data))
    if pixmap.colorspace is None:
        raise Rejected("unsupported", "the image has unknown colours; save it as RGB")
    pixmap = pymupdf.Pixmap(BGR, pixmap)
    image = pixels_of(pixmap)
    return on_white(image, premultiplied=True) if pixmap.alpha else image


def pixels_of(pixmap: pymupdf.Pixmap) -> Pixels:
    """Copy a pixmap's samples: H,W,n."""
    samples = np.frombuffer(pixmap.samples_mv, np.uint8)
    return samples.reshape(pixmap.h, pixmap.w, pixmap.n).copy()


def on_white(image: Pixels, *, premultiplied: bool = False) -> Pixels:
    """Composite H,W,4 on white to H,W,3, a band of rows at a time: 120 megapixels must fit."""
    shown = np.empty((*image.shape[:2], 3), np.uint8)
    for top in range(0, image.shape[0], 256):
        band = image[top : top + 256]
        colour, alpha = cv2.cvtColor(band, cv2.COLOR_BGRA2BGR), band[..., 3].copy()
        if not premultiplied:
            colour = cv2.multiply(colour, cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR), scale=1 / 255)
        shown[top : top + 256] = cv2.add(colour, cv2.cvtColor(255 - alpha, cv2.COLOR_GRAY2BGR))
    return shown
