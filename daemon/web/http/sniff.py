"""What an upload is, by its first bytes: enough to turn away what is never read.

`daemon.ocr.pages.sniff` knows more and brings a decoder along; the daemon asks it later anyway.
"""

from __future__ import annotations

from typing import Final

from daemon.core import signatures

HEAD_BYTES: Final = signatures.HEADER_BYTES

_ENDINGS: Final = {
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


def kind_of(head: bytes) -> tuple[str, str] | None:
    """Return media type and ending of a file that starts with `head`, None if it is never read."""
    media_type = signatures.media_type(head)
    if media_type is None:
        brand = signatures.file_brand(head)
        if brand in signatures.HEIC_BRANDS or brand in signatures.HEIF_BRANDS:
            media_type = signatures.HEIC
        elif signatures.has_pdf_header(head):
            media_type = signatures.PDF
    return None if media_type is None else (media_type, _ENDINGS[media_type])
