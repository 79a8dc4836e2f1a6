"""Encodes pictures as TIFF files, written tag by tag where the tags matter."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pymupdf

from tests.support.samples.images import _encoded
from tests.support.samples.pictures import Image


@dataclass(frozen=True, slots=True)
class TiffPage:
    """A directory with a single strip, written by `tiff`."""

    width: int
    height: int
    strip: bytes
    tags: dict[int, int]


def tiff(pages: Sequence[TiffPage], *, order: str = "<", next_offset: int = 0) -> bytes:
    """Write the strip and the directory of each page; the last one points to `next_offset`."""
    data = bytearray(struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 0))
    link = 4
    for page in pages:
        strip_at = len(data)
        data += page.strip + bytes(len(page.strip) % 2)
        entries, extra = _tiff_entries(page, strip_at, len(data), order)
        data += extra
        struct.pack_into(order + "I", data, link, len(data))
        data += struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
        link = len(data) - 4
    struct.pack_into(order + "I", data, link, next_offset)
    return bytes(data)


def _tiff_entries(page: TiffPage, strip_at: int, extra_at: int, order: str):
    tags = {256: page.width, 257: page.height, 259: 1, 262: 1, 277: 1, 258: 8}
    tags |= {278: page.height, 273: strip_at, 279: len(page.strip)} | page.tags
    samples, extra, entries = tags[277], b"", []
    for tag, value in sorted(tags.items()):
        if tag == 258 and samples > 2:
            entries.append(struct.pack(order + "HHII", tag, 3, samples, extra_at + len(extra)))
            extra += struct.pack(f"{order}{samples}H", *[value] * samples)
        elif tag == 258:
            entries.append(struct.pack(order + "HHIHH", tag, 3, samples, value, value))
        elif tag in (282, 283):
            entries.append(struct.pack(order + "HHII", tag, 5, 1, extra_at + len(extra)))
            extra += struct.pack(order + "II", value, 1)
        else:
            entries.append(struct.pack(order + "HHII", tag, 4, 1, value))
    return entries, extra


def plain_page(image: Image, *, order: str = "<", **tags: int) -> TiffPage:
    """Return an uncompressed page, 8 or 16 bits: gray H,W, gray + alpha, RGB or RGBA H,W,n.

    Tags are given as `t274=6` (orientation), `t282=300` (dpi), `t262=0` (0 is white).
    """
    samples = 1 if image.ndim == 2 else image.shape[2]
    base = {258: image.itemsize * 8, 277: samples, 262: 1 if samples < 3 else 2}
    if samples in (2, 4):
        base[338] = 2  # alpha, colours not multiplied by it
    given = {int(name[1:]): value for name, value in tags.items()}
    strip = image.astype(image.dtype.newbyteorder(order)).tobytes()
    return TiffPage(image.shape[1], image.shape[0], strip, base | given)


def g4_page(image: Image) -> TiffPage:
    """Return a page in CCITT group 4, as from fax machines and archives; 0 is white."""
    height, width = image.shape
    bits = np.packbits(image >= 128, axis=1)  # 0 is black for the encoder of MuPDF
    mupdf = pymupdf.mupdf
    content = bits.tobytes()  # must live as long as MuPDF reads it
    data = mupdf.python_buffer_data(content)
    packed = mupdf.fz_compress_ccitt_fax_g4(data, width, height, bits.shape[1])
    strip = mupdf.fz_buffer_extract_copy(packed)
    return TiffPage(width, height, strip, {259: 4, 262: 0, 258: 1, 282: 300, 283: 300, 296: 2})


def compressed_tiff(image: Image, compression: int) -> bytes:
    """Let OpenCV write one page: 5 LZW, 7 JPEG, 8 deflate, 32773 packbits."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16]
    return _encoded(".tiff", image, options)
