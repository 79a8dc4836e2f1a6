"""Detects the type of an upload from its first bytes, to reject what the daemon never reads.

`daemon.ocr.pages.sniff` knows more, and loads a decoder; the daemon runs it later in any case.
"""

from __future__ import annotations

from typing import Final

from daemon.core import signatures

HEAD_BYTES: Final = signatures.HEADER_BYTES

_EXTENSIONS: Final = {
    signatures.PNG: ".png",
    signatures.JPEG: ".jpg",
    signatures.GIF: ".gif",
    signatures.TIFF: ".tif",
    signatures.JPEG_2000: ".jp2",
    signatures.WEBP: ".webp",
    signatures.BMP: ".bmp",
    signatures.PNM: ".pnm",
    signatures.HEIC: ".heic",
    signatures.PDF: ".pdf",
}


def sniff(head: bytes) -> tuple[str, str] | None:
    """Return media type and extension of a file that starts with `head`, None if unsupported."""
    media_type = signatures.media_type(head)
    if media_type is None:
        brand = signatures.file_brand(head)
        if brand in signatures.HEIC_BRANDS or brand in signatures.HEIF_BRANDS:
            media_type = signatures.HEIC
        elif signatures.has_pdf_header(head):
            media_type = signatures.PDF
    return None if media_type is None else (media_type, _EXTENSIONS[media_type])
