"""File type detection by the first bytes; the extension is never used."""

from __future__ import annotations

from typing import Final

from daemon.core.errors import Rejected
from daemon.ocr.pages import heif

HEAD_BYTES: Final = 4096
_MAX_PDF_OFFSET: Final = 1024  # Adobe's readers accept a header in the first 1024 bytes too

_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc")
_ANY_CODEC: Final = (b"mif1", b"msf1")  # brands that do not name the codec; the compatible ones do
_READABLE: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"%PDF-", "application/pdf"),
)

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
    for magic, kind in _READABLE:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4):  # the reserved words distinguish it from text
        return "image/bmp"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "image/x-portable-anymap"
    if _is_heic(head):
        return _heic()
    unsupported = _unsupported_name(head)
    if unsupported is None and b"%PDF-" in head[: _MAX_PDF_OFFSET + 5]:
        return "application/pdf"
    raise _rejection(head, unsupported)


def title(kind: str) -> str:
    """Return the common name of a media type: PNG, TIFF, PDF."""
    return kind.rpartition("/")[2].removeprefix("x-portable-").upper()


def _is_heic(head: bytes) -> bool:
    """Tell whether a file is HEIC by its file type box (ISO 23008-12) and four-byte brands."""
    if head[4:8] != b"ftyp":
        return False
    size = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = {head[at : at + 4] for at in range(16, size, 4)}
    major_brand = head[8:12]
    return major_brand in _HEIC or (major_brand in _ANY_CODEC and not compatible.isdisjoint(_HEIC))


def _heic() -> str:
    """Return the media type if HEIC can be decoded here; raises Rejected otherwise."""
    if not heif.installed():
        remedy = "install 'ocr-daemon[heif]' to have such photos read, or convert it to JPEG"
        raise Rejected("unsupported", f"this is a HEIC photo; {remedy}")
    return "image/heic"


def _rejection(head: bytes, unsupported: str | None) -> Rejected:
    if any(magic.startswith(head) for magic, _ in _READABLE):
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
    if head[4:8] == b"ftyp":
        return _container_name(head[8:12])
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
    return "an AVIF image" if brand in (b"avif", b"avis", *_ANY_CODEC) else "a video"


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
