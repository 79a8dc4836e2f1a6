"""File signatures (magic numbers) of the formats that the daemon reads, and their media types.

One table for the inbox (does the file end as its format requires?), for the decoders of pages and
for the upload check of the web server. File types are detected from content, never from a name.
"""

from __future__ import annotations

import re
from typing import Final

HEADER_BYTES: Final = 1029  # the first bytes that decide: a PDF's header may begin within 1024

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
GIF: Final = "image/gif"
TIFF: Final = "image/tiff"
JPEG_2000: Final = "image/jp2"
WEBP: Final = "image/webp"
BMP: Final = "image/bmp"
PNM: Final = "image/x-portable-anymap"
HEIC: Final = "image/heic"
PDF: Final = "application/pdf"

JPEG_2000_CODESTREAM: Final = b"\xff\x4f\xff\x51"  # without boxes around it

SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),  # BigTIFF
    (b"MM\0+", TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (JPEG_2000_CODESTREAM, JPEG_2000),
    (b"%PDF-", PDF),
)
"""What a file begins with, and its media type."""

_PATTERNS: Final = (
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WEBP),
    (re.compile(rb"BM.{4}\0{4}", re.DOTALL), BMP),  # the reserved words tell it from text
    (re.compile(rb"P[1-6]\s"), PNM),
)
_PDF_WITHIN: Final = 1024  # Adobe's readers accept a header in the first 1024 bytes, and so do we

HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc")
"""Brands of the file type box (ISO 23008-12) of a HEIC photo."""

HEIF_BRANDS: Final = (b"mif1", b"msf1")
"""Brands of an image of any codec: its compatible brands name the codec."""


def media_type(head: bytes) -> str | None:
    """Return the media type of a file that begins with `head`, None if no signature matches.

    A HEIC photo and a PDF with bytes before its header need more than a signature: see `file_brand`
    and `has_pdf_header`.
    """
    for magic, kind in SIGNATURES:
        if head.startswith(magic):
            return kind
    return next((kind for pattern, kind in _PATTERNS if pattern.match(head)), None)


def file_brand(head: bytes) -> bytes | None:
    """Return the major brand of an ISO base media file, None if it is no such file."""
    return head[8:12] if head[4:8] == b"ftyp" else None


def has_pdf_header(head: bytes) -> bool:
    """Return whether the header of a PDF begins within the first 1024 bytes."""
    return b"%PDF-" in head[: _PDF_WITHIN + len(b"%PDF-")]
