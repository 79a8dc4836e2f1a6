"""Detects the type of an upload from its first bytes, to reject what the daemon never reads.

`daemon.ocr.pages.sniff` knows more, and loads a decoder; the daemon runs it later in any case.
"""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 1029  # the header of a PDF may begin within the first 1024

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"GIF87a", "image/gif", ".gif"),
    (b"GIF89a", "image/gif", ".gif"),
    (b"II*\0", "image/tiff", ".tif"),
    (b"MM\0*", "image/tiff", ".tif"),
    (b"II+\0", "image/tiff", ".tif"),
    (b"MM\0+", "image/tiff", ".tif"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2", ".jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2", ".jp2"),
    (b"%PDF-", "application/pdf", ".pdf"),
)
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


def sniff(head: bytes) -> tuple[str, str] | None:
    """Return media type and extension of a file that starts with `head`, None if unsupported."""
    for magic, media_type, extension in _SIGNATURES:
        if head.startswith(magic):
            return media_type, extension
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp", ".webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp", ".bmp"
    if head[:1] == b"P" and head[1:2] in b"123456" and len(head) > 2 and head[2:3].isspace():
        return "image/x-portable-anymap", ".pnm"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "image/heic", ".heic"
    return ("application/pdf", ".pdf") if b"%PDF-" in head else None
