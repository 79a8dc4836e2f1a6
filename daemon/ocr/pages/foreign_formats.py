"""Names of the formats that are not read, by the first bytes of a file.

Sources: the signatures that the formats' own specifications give; TGA has none, and is known by the
plausible values of its header (Truevision TGA 2.0, appendix A).
"""

from __future__ import annotations

import re
import struct
from typing import Final

from daemon.core import signatures

_IMAGES: Final = (
    (b"8BPS", "a Photoshop document"),
    (b"gimp xcf", "a GIMP image"),
    (b"\x97JB2\r\n\x1a\n", "a JBIG2 image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"II\xbc", "a JPEG XR image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance image"),
    (b"#?RGBE", "a Radiance image"),
    (b"P7\n", "a PAM image"),
    (b"PF\n", "a PFM image"),
    (b"Pf\n", "a PFM image"),
    (b"DDS ", "a DDS image"),
    (b"icns", "an icon of macOS (ICNS)"),
    (b"\x59\xa6\x6a\x95", "a Sun raster image"),
    (b"\x01\xda\0", "an SGI image"),
    (b"\x01\xda\1", "an SGI image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"qoif", "a QOI image"),
    (b"BPG\xfb", "a BPG image"),
    (b"FLIF", "a FLIF image"),
    (b"farbfeld", "a farbfeld image"),
    (b"\x8aMNG\r\n\x1a\n", "an MNG animation"),
    (b"\x8bJNG\r\n\x1a\n", "a JNG image"),
    (b"/* XPM */", "an XPM image"),
    (b"id=ImageMagick", "a MIFF image"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"FUJIFILMCCD-RAW", "a raw photo of a camera"),
    (b"IIRO", "a raw photo of a camera"),
    (b"IIRS", "a raw photo of a camera"),
    (b"IIU\0", "a raw photo of a camera"),
    (b"FOVb", "a raw photo of a camera"),
)
_OTHERS: Final = (
    (b"AT&TFORM", "a DjVu document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document"),
    (b"\xffWPC", "a WordPerfect document"),
    (b"ITSF", "a Windows help file (CHM)"),
    (b"CAJ\0", "a CAJ document"),
    (b"HN\x01\0", "a CAJ document"),
    (b"KDH ", "a CAJ document"),
    (b"\x1bE", "a PCL print file"),
    (b"\x1b%-12345X", "a print file of a printer"),
    (b") HP-PCL XL", "a PCL print file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an XZ archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"RIFF", "a RIFF sound or video"),
    (b"\x1a\x45\xdf\xa3", "a Matroska video"),
    (b"OggS", "an Ogg sound or video"),
    (b"ID3", "an MP3 sound"),
    (b"fLaC", "a FLAC sound"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
# what lies elsewhere than at the start: offset, bytes, name
_INSIDE: Final = (
    (8, b"ILBM", "an IFF image"),
    (128, b"DICM", "a DICOM image"),
    (40, b" EMF", "a Windows metafile (EMF)"),
)
_TAR: Final = (257, b"ustar", "a TAR archive")
_AVIF: Final = (b"avif", b"avis", *signatures.HEIF_BRANDS)
_RAW_BRANDS: Final = (b"crx ",)
# of a TGA: length of its comment, colour map or not, kind; the map; origin, size, depth and flags
_TGA: Final = struct.Struct("<BBBHHBHHHHBB")
_TGA_HEADS: Final = {
    (1, 1), (1, 9), (0, 2), (0, 3), (0, 10), (0, 11), (1, 2), (1, 10),
}  # fmt: skip
_TGA_DEPTHS: Final = (8, 15, 16, 24, 32)
_TGA_INTERLEAVED: Final = 0x40  # bits of the flags that no file has
_ICON: Final = re.compile(rb"\0\0[\1\2]\0[^\0]\0", re.DOTALL)  # with their number, some of them
_PCX: Final = re.compile(rb"\x0a[\0\2-\5][\0\1][\1\2\4\x08]", re.DOTALL)


def image_name(head: bytes) -> str | None:
    """Return the name of an image format that is not read, with its article; None for others."""
    for magic, name in _IMAGES:
        if head.startswith(magic):
            return name
    for at, magic, name in _INSIDE:
        if head[at : at + len(magic)] == magic:
            return name
    brand = signatures.file_brand(head)
    if brand is not None:
        return _brand_name(brand)
    if _ICON.match(head):
        return "an icon (ICO)" if head[2] == 1 else "a cursor (CUR)"
    if _PCX.match(head) and _has_pcx_size(head):
        return "a PCX image"
    if _is_svg(head):
        return "an SVG drawing"
    is_tga = _is_tga(head) and not signatures.has_pdf_header(head)
    return "a TGA image" if is_tga else None


def other_name(head: bytes) -> str | None:
    """Return the name of a document, archive, or sound that is not read; None for others."""
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head.startswith(b"PK\x03\x04"):
        return _zip_name(head)
    at, magic, name = _TAR
    if head[at : at + len(magic)] == magic:
        return name
    if signatures.file_brand(head) is not None:
        return "a video"
    return _markup_name(head)


def _zip_name(head: bytes) -> str:
    if b"mimetypeapplication/vnd.oasis.opendocument" in head:
        return "an OpenDocument file"
    if b"mimetypeapplication/epub" in head:
        return "an EPUB book"
    if b".fdseq" in head or b"FixedDoc" in head or b".fpage" in head:
        return "an XPS document"
    if b"OFD.xml" in head:
        return "an OFD document"
    if b"[Content_Types].xml" in head:
        return "a Microsoft Office document"
    return "a ZIP archive"


def _brand_name(brand: bytes) -> str | None:
    if brand in _AVIF:
        return "an AVIF image"
    return "a raw photo of a camera" if brand in _RAW_BRANDS else None


def _markup_name(head: bytes) -> str | None:
    text = _text(head)
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return "an XML document" if text.startswith(b"<?xml") else None


def _is_svg(head: bytes) -> bool:
    text = _text(head)
    return text.startswith((b"<?xml", b"<svg", b"<!doctype svg")) and b"<svg" in text


def _text(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()


def _has_pcx_size(head: bytes) -> bool:
    """Tell whether the window of a PCX is not empty."""
    if len(head) < 12:
        return False
    left, top, right, bottom = struct.unpack_from("<HHHH", head, 4)
    return bool(left <= right and top <= bottom)


def _is_tga(head: bytes) -> bool:
    if len(head) < _TGA.size:
        return False
    fields: tuple[int, ...] = _TGA.unpack_from(head)
    _, has_map, kind, _, map_size, map_depth, _, _, width, height, depth, flags = fields
    has_plausible_map = map_size > 0 and map_depth in _TGA_DEPTHS if has_map else not map_depth
    return (
        (has_map, kind) in _TGA_HEADS
        and has_plausible_map
        and depth in _TGA_DEPTHS
        and min(width, height) > 0
        and flags < _TGA_INTERLEAVED
    )
