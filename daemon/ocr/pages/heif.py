"""HEIC, the photo format of phones, through libheif where the extra [heif] is installed."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import transparency
from daemon.ocr.pages.headers import Header

if TYPE_CHECKING:
    from pillow_heif import HeifFile

    from daemon.core.records import Pixels


def installed() -> bool:
    """Tell whether HEIC can be decoded here."""
    return find_spec("pillow_heif") is not None


def read_heic(data: bytes) -> Header:
    """Return the size of the primary image as shown: libheif applies the rotation."""
    width, height = _open(data).size
    return Header(width, height)


def decode(data: bytes) -> Pixels:
    """Decode the primary image to 8-bit BGR."""
    image = np.asarray(_open(data), np.uint8)
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return transparency.composite(image) if image.shape[2] == 4 else image


def _open(data: bytes) -> HeifFile:
    """Parse the boxes of a photo; pixels are decoded on access (5 bytes a pixel)."""
    from pillow_heif import open_heif

    photo = open_heif(io.BytesIO(data), bgr_mode=True, convert_hdr_to_8bit=True)
    if not len(photo):  # its picture lies elsewhere, as for some live photos, or is gone
        raise MalformedFileError("it contains no picture")
    return photo
