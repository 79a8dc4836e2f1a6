"""File type detection by the first bytes; the extension is never used."""

from __future__ import annotations

from typing import Final

from daemon.core import signatures
from daemon.core.errors import Rejected
from daemon.ocr.pages import foreign_formats, heif

HEAD_BYTES: Final = 4096

_TITLES: Final = {
    signatures.JPEG_2000: "JPEG 2000",
    signatures.PNM: "PNM",
    signatures.WEBP: "WebP",
}


def media_type(head: bytes) -> str:
    """Return the media type of a file that starts with `head`; raises Rejected if unsupported."""
    if not head:
        raise Rejected("corrupt", "the file is empty; scan or copy it again")
    if kind := signatures.media_type(head):
        return kind
    if _is_heic(head):
        return _heic()
    image, other = foreign_formats.image_name(head), foreign_formats.other_name(head)
    if image is None and other is None and signatures.has_pdf_header(head):
        return signatures.PDF
    raise _rejection(head, image, other)


def title(kind: str) -> str:
    """Return the common name of a media type: PNG, TIFF, PDF."""
    return _TITLES.get(kind) or kind.rpartition("/")[2].upper()


def _is_heic(head: bytes) -> bool:
    """Tell whether a file is HEIC by its file type box (ISO 23008-12) and four-byte brands."""
    brand = signatures.file_brand(head)
    if brand is None:
        return False
    size = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = {head[at : at + 4] for at in range(16, size, 4)}
    return brand in signatures.HEIC_BRANDS or (
        brand in signatures.HEIF_BRANDS and not compatible.isdisjoint(signatures.HEIC_BRANDS)
    )


def _heic() -> str:
    """Return the media type if HEIC can be decoded here; raises Rejected otherwise."""
    if not heif.installed():
        remedy = "install 'ocr-daemon[heif]' to have such photos read, or convert it to JPEG"
        raise Rejected("unsupported", f"this is a HEIC photo; {remedy}")
    return signatures.HEIC


def _rejection(head: bytes, image: str | None, other: str | None) -> Rejected:
    if any(magic.startswith(head) for magic, _ in signatures.SIGNATURES):
        return Rejected("corrupt", "the file ends inside its signature; scan or copy it again")
    remedy = "convert it to PDF, PNG or TIFF and drop it again"
    if image is not None:
        return Rejected("unsupported", f"this is {image}, a format that is not read; {remedy}")
    if other is None and not _is_text(head):
        damaged = "this is no image or PDF that is known, or it is damaged"
        return Rejected("unsupported", f"{damaged}; scan or export it again, as PDF, PNG or TIFF")
    name = other or "plain text"
    return Rejected("unsupported", f"this is {name}, not an image or a PDF; {remedy}")


def _is_text(head: bytes) -> bool:
    """Tell whether this may be text in any encoding: no control characters but white space."""
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
