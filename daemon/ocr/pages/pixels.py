"""Pixel decoding: from file contents to H,W,3 BGR or H,W gray as a viewer shows them.

Behaviour of OpenCV 5, verified for every format: it does not composite alpha, so that is decoded
and composited here (see `transparency`); it applies the orientation tag of a TIFF, and with
IMREAD_IGNORE_ORIENTATION leaves EXIF to us; it drops the alpha of gray images, which are therefore
decoded by MuPDF; it scales 16 bits to 8, but with IMREAD_UNCHANGED ignores that white may be 0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.ocr.pages import transparency
from daemon.ocr.pages.errors import PYMUPDF_ERRORS, is_out_of_memory

if TYPE_CHECKING:
    from daemon.core.records import Pixels

# orientation 1..8 of EXIF and TIFF -> clockwise rotation in degrees, then mirrored left to right
_ORIENTATIONS: Final = {
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
# what MuPDF says of data that it read in part
_DAMAGE: Final = re.compile("ignoring|premature|truncated|incomplete|read error|padding|not enough")
BGR: Final = pymupdf.Colorspace(pymupdf.mupdf.FzColorspace(pymupdf.mupdf.FzColorspace.Fixed_BGR))
REDUCTIONS: Final = tuple(_REDUCED)


def rotation_of(orientation: int) -> int:
    """Return the clockwise rotation in degrees that shows an image of this orientation upright."""
    return _ORIENTATIONS[orientation][0]


def upright(image: Pixels, orientation: int) -> Pixels:
    """Rotate, then mirror, as the orientation requires."""
    degrees, mirrored = _ORIENTATIONS[orientation]
    rotated = cv2.rotate(image, _ROTATIONS[degrees]) if degrees else image
    return np.asarray(cv2.flip(rotated, 1) if mirrored else rotated, np.uint8)


def decode_opaque(
    data: bytes | bytearray, reduction: int = 1, *, in_gray: bool = False
) -> Pixels | None:
    """Decode to 8 bits, BGR or gray, whatever the file has; None if nothing decodes."""
    flags = (_REDUCED_GRAY if in_gray else _REDUCED)[reduction]
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else np.asarray(image, np.uint8)


def decode_alpha(data: bytes | bytearray, *, premultiplied: bool = False) -> Pixels | None:
    """Decode an image with alpha and composite it."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        return None
    if decoded.dtype == np.uint16:
        decoded = cv2.convertScaleAbs(decoded, alpha=1 / 257)
    if decoded.ndim == 2:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    image = np.asarray(decoded, np.uint8)
    if image.shape[2] != 4:
        return image
    return transparency.composite(image, premultiplied=premultiplied)


def decode_with_mupdf(data: bytes, width: int, height: int) -> tuple[Pixels, bool] | None:
    """Decode the first frame as stored (not turned), and tell whether it is whole.

    None where nothing decodes, and where the image has more than `width` x `height` pixels by
    MuPDF's own reading of the header: limits were checked for those.
    """
    pymupdf.TOOLS.reset_mupdf_warnings()
    try:
        buffer = pymupdf.mupdf.fz_new_buffer_from_copied_data(data)
        header = pymupdf.mupdf.fz_new_image_from_buffer(buffer)
        if header.w() * header.h() > width * height:
            return None
        pixmap = pymupdf.Pixmap(data)
        if pixmap.colorspace is None:
            return None
        pixmap = pymupdf.Pixmap(BGR, pixmap)
    except (pymupdf.mupdf.FzErrorBase, *PYMUPDF_ERRORS) as error:
        if is_out_of_memory(error):
            raise
        return None
    image = pixels_of(pixmap)
    is_whole = not _DAMAGE.search(pymupdf.TOOLS.mupdf_warnings())
    if not is_whole and image.min() == image.max():
        return None  # nothing of it was decoded
    if pixmap.alpha:
        image = transparency.composite(image, premultiplied=True)
    return image, is_whole


def in_bgr(image: Pixels) -> Pixels:
    """Return H,W,3 BGR of an image that may be H,W gray."""
    if image.ndim == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def pixels_of(pixmap: pymupdf.Pixmap) -> Pixels:
    """Copy the samples of a pixmap: H,W,n."""
    samples = np.frombuffer(pixmap.samples_mv, np.uint8)
    return samples.reshape(pixmap.h, pixmap.w, pixmap.n).copy()
