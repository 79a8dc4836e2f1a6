"""HEIC, what telephones take pictures in, through libheif where the extra [heif] is installed."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from daemon.ocr.pages import pixels
from daemon.ocr.pages.headers import Header

if TYPE_CHECKING:
    from pillow_heif import HeifFile

    from daemon.records import Pixels

_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc")
_IMAGE_BRANDS: Final = (b"mif1", b"msf1")  # of any codec: the compatible brands name it


def is_heic(head: bytes) -> bool:
    """Tell a HEIC photo by its file type box (ISO 23008-12)."""
    if head[4:8] != b"ftyp":
        return False
    size = int.from_bytes(head[:4], "big")
    compatible = [head[at : at + 4] for at in range(16, min(size, len(head)), 4)]
    named = head[8:12]
    return named in _BRANDS or (named in _IMAGE_BRANDS and bool({*compatible} & {*_BRANDS}))


def installed() -> bool:
    """Tell whether photos can be decoded here."""
    return find_spec("pillow_heif") is not None


def read_heic(data: bytes) -> Header:
    """Return the size of the primary image as shown: libheif has turned it already."""
    width, height = _opened(data).size
    return Header(width, height)


def decode(data: bytes) -> Pixels:
    """Decode the primary image to 8-bit BGR."""
    image = np.asarray(_opened(data), np.uint8)
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return pixels.on_white(image) if image.shape[2] == 4 else image


def _opened(data: bytes) -> HeifFile:
    """Parse the boxes of a photo; its pixels are decoded when asked for (5 bytes a pixel)."""
    from pillow_heif import open_heif

    return open_heif(io.BytesIO(data), bgr_mode=True, convert_hdr_to_8bit=True)
