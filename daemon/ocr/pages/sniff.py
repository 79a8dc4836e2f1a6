"""File type detection by the first bytes; the extension is never used."""

from __future__ import annotations

from typing import Final

from daemon.core import signatures
from daemon.core.errors import Rejected
from daemon.ocr.pages import heif

HEAD_BYTES: Final = 4096

_UNSUPPORTED: Final = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"AT&TFORM", "a DjVu document"),
    (b"%!PS", "a PostScript document"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document"),
    (b"8BPS", "a Photoshop document"),
    (b"\x97JB2\r\n\x1a\n", "a JBIG2 image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"P7\n", "a PAM image"),
    (b"RIFF", "a RIFF sound or video"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def media_type(head: bytes) -> str:
    """Return the media type of a file that starts with `head`; raises Rejected if unsupported."""
    if not head:
        raise Rejected("corrupt", "the file is empty; scan or copy it again")
    if kind := signatures.media_type(head):
        return kind
    if _is_heic(head):
        return _heic()
    unsupported = _unsupported_name(head)
    if unsupported is None and signatures.has_pdf_header(head):
        return signatures.PDF
    raise _rejection(head, unsupported)


def title(kind: str) -> str:
    """Return the common name of a media type: PNG, TIFF, PDF."""
    return kind.rpartition("/")[2].removeprefix("x-portable-").upper()


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


def _rejection(head: bytes, unsupported: str | None) -> Rejected:
    if any(magic.startswith(head) for magic, _ in signatures.SIGNATURES):
        return Rejected("corrupt", "the file ends inside its signature; scan or copy it again")
    name = unsupported or ("plain text" if _is_text(head) else "data of an unknown kind")
    remedy = "convert it to PDF, PNG or TIFF and drop it again"
    return Rejected("unsupported", f"this is {name}, not an image or a PDF; {remedy}")


def _unsupported_name(head: bytes) -> str | None:
    for magic, name in _UNSUPPORTED:
        if head.startswith(magic):
            return name
    if head.startswith(b"PK\x03\x04"):
        return _zip_name(head)
    if (brand := signatures.file_brand(head)) is not None:
        return _container_name(brand)
    return _markup_name(head)


def _zip_name(head: bytes) -> str:
    if b"mimetypeapplication/vnd.oasis.opendocument" in head:
        return "an OpenDocument file"
    if b"mimetypeapplication/epub" in head:
        return "an EPUB book"
    if b"[Content_Types].xml" in head:
        return "a Microsoft Office document"
    return "a ZIP archive"


def _container_name(brand: bytes) -> str:
    return "an AVIF image" if brand in (b"avif", b"avis", *signatures.HEIF_BRANDS) else "a video"


def _markup_name(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if text.startswith((b"<?xml", b"<svg", b"<!doctype svg")):
        return "an SVG drawing" if b"<svg" in text else "an XML document"
    return None


def _is_text(head: bytes) -> bool:
    """Tell whether this may be text in any encoding: no control characters but white space."""
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
