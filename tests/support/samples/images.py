"""Encodes pictures as image files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
import PIL.Image
import pillow_heif
import pymupdf

from tests.support.samples.pictures import Image


def png(image: Image, *, dpi: int | None = None) -> bytes:
    """Encode gray, BGR, BGRA or 16-bit gray."""
    data = _encoded(".png", image)
    if dpi is None:
        return data
    per_metre = round(dpi / 0.0254)
    chunk = png_chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    return data[:33] + chunk + data[33:]  # after IHDR


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return length, name, content and checksum."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def jpeg(
    image: Image, *, orientation: int | None = None, dpi: int | None = None, progressive=False
) -> bytes:
    """Encode gray or BGR; the EXIF orientation is written, but the pixels are not turned."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    data = _encoded(".jpg", image, options)
    if dpi is not None:
        start = data.index(b"JFIF\0")
        data = data[: start + 7] + struct.pack(">BHH", 1, dpi, dpi) + data[start + 12 :]
    if orientation is not None:
        block = b"Exif\0\0" + exif(orientation)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    return data


def exif(orientation: int) -> bytes:
    """Return an EXIF block with the orientation only."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def cmyk_jpeg(image: Image) -> bytes:
    """Encode in CMYK (black ink only), inverted with the Adobe marker, as by Photoshop."""
    height, width = image.shape[:2]
    inks = np.full((height, width, 4), 255, np.uint8)
    inks[..., 3] = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return pymupdf.Pixmap(pymupdf.csCMYK, width, height, inks.tobytes(), 0).tobytes("jpeg")


def bmp(image: Image) -> bytes:
    return _encoded(".bmp", image)


def webp(image: Image) -> bytes:
    """Encode without loss; BGRA keeps its alpha channel."""
    return _encoded(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])


def gif(image: Image) -> bytes:
    return _encoded(".gif", image)


def jp2(image: Image) -> bytes:
    """Encode JPEG 2000 in its box format."""
    return _encoded(".jp2", image, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])


def pgm(image: Image) -> bytes:
    return b"P5\n# made by a test\n%d %d\n255\n" % image.shape[::-1] + image.tobytes()


def ppm(image: Image) -> bytes:
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return b"P6 %d %d 255\n" % (image.shape[1], image.shape[0]) + rgb.tobytes()


def pbm(image: Image) -> bytes:
    return b"P4\n%d %d\n" % image.shape[::-1] + np.packbits(image < 128, axis=1).tobytes()


def by_pillow(image: Image, kind: str, **options: object) -> bytes:
    """Encode gray or RGB by Pillow, for what OpenCV does not write."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def _encoded(extension: str, image: Image, options: Sequence[int] = ()) -> bytes:
    done, data = cv2.imencode(extension, image, list(options))
    assert done
    return data.tobytes()


def heic(image: Image) -> bytes:
    """Return a photo as a phone writes it."""
    photo = pillow_heif.from_bytes("BGR", image.shape[1::-1], image.tobytes())
    file = io.BytesIO()
    photo.save(file, quality=90)
    return file.getvalue()
