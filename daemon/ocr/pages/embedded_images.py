"""Decompression-bomb check of images in a PDF page, by their own headers, before MuPDF decodes.

MuPDF downscales most images while decoding, whatever their size. Three kinds must be held in full:
JPEG 2000 (about 15 bytes a pixel), progressive JPEG (all coefficients) and JBIG2 (one bit a pixel);
and /Width and /Height of the PDF may be wrong. Source of JBIG2: ITU-T T.88, 7.2 and 7.4.8.
"""

from __future__ import annotations

import struct
from typing import Final

import pymupdf

from daemon.core.errors import Rejected
from daemon.core.options import Limits
from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import headers, jpeg, renderer_messages

_JBIG2_SHARE: Final = 16.0  # times the pixels that a page may have
_PAGE_INFORMATION: Final = 48
_MAX_SEGMENTS: Final = 1000
_JBIG2_SIGNATURE: Final = b"\x97JB2\r\n\x1a\n"  # of a file, which some put into a PDF whole
_JBIG2_FILE_HEADER: Final = 13  # bytes: signature, flags, number of pages
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF
# Types of segments that jbig2dec decodes as others do: symbols, text, generic regions, page
# information, ends of page, stripe and file, tables, and extensions.
_COMMON_SEGMENTS: Final = {0, 6, 7, 38, 39, 48, 49, 50, 51, 52, 53, 62}
_MAX_IMAGES: Final = 50  # of a page are decoded again


def refuse_bombs(page: pymupdf.Page, number: int, limits: Limits) -> None:
    """Raise Rejected when an image on the page does not fit in memory."""
    for xref, *_, image_filter, _ in page.get_images(full=True):
        if image_filter not in ("JPXDecode", "DCTDecode", "JBIG2Decode"):
            continue
        try:
            stream = page.parent.xref_stream_raw(xref) or b""  # None for a damaged object
            width, height, share = _size_and_share(stream, image_filter)
        except MalformedFileError:
            continue  # MuPDF skips what it cannot decode
        allowed = limits.page_megapixels * share
        if width * height > allowed * 1e6:
            size = f"an image of {width} x {height} pixels"
            limit = f"{allowed:g} megapixels of its kind are allowed (limits.page_megapixels)"
            raise Rejected("too_large", f"page {number} holds {size}, {limit}; scan it smaller")


def _size_and_share(stream: bytes, image_filter: str) -> tuple[int, int, float]:
    """Return width, height and how many times the pixels of a page such an image may have."""
    if image_filter == "JBIG2Decode":
        return *_jbig2_size(stream), _JBIG2_SHARE
    if image_filter == "JPXDecode":
        header = headers.read_jp2(stream)
        return header.width, header.height, headers.JP2_SHARE
    header = jpeg.read_jpeg(stream)
    share = 1.0 if jpeg.is_progressive(stream) else float("inf")
    return header.width, header.height, share


def _jbig2_size(stream: bytes) -> tuple[int, int]:
    """Find the page information segment; an unknown height (striped pages) counts as 1."""
    at = 0
    for _ in range(_MAX_SEGMENTS):
        try:
            kind, start, length = _jbig2_segment(stream, at)
            if kind == _PAGE_INFORMATION:
                width, height = struct.unpack_from(">II", stream, start)
                return width, 1 if height == 0xFFFFFFFF else height
        except (struct.error, OverflowError) as error:
            raise MalformedFileError("no page information") from error
        at = start + length
    raise MalformedFileError("no page information")


def _jbig2_segment(stream: bytes, at: int) -> tuple[int, int, int]:
    """Return the type of the segment at `at`, the start of its data and their length."""
    number, flags, references = struct.unpack_from(">IBB", stream, at)
    count, at = references >> 5, at + 6
    if count == 7:  # the long form: 29 bits of count, then one retention bit for each and itself
        count = struct.unpack_from(">I", stream, at - 1)[0] & 0x1FFFFFFF
        at += 3 + (count + 8) // 8
    at += count * (1 if number <= 256 else 2 if number <= 65536 else 4)
    at += 4 if flags & 0x40 else 1
    return flags & 0x3F, at + 4, struct.unpack_from(">I", stream, at)[0]


def undecodable(page: pymupdf.Page) -> list[pymupdf.Rect]:
    """Return where the page shows images that cannot be decoded to their end, in points as stored.

    Each image is decoded once more, which is for pages on which one has failed.
    """
    areas = []
    for image in page.get_images(full=True)[:_MAX_IMAGES]:
        if not _decodes(page.parent, image[0]):
            try:
                shown = pymupdf.Rect(page.get_image_bbox(image))
                areas.append(shown * page.derotation_matrix)
            except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
                continue  # within a form, whose place is not known
    return areas


def _decodes(document: pymupdf.Document, xref: int) -> bool:
    renderer_messages.forget()
    try:
        pymupdf.Pixmap(document, xref)
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
        return False
    return not renderer_messages.peek().is_loss


def is_doubtful_jbig2(page: pymupdf.Page) -> bool:
    """Tell whether a JBIG2 image on the page ends early, or has parts that MuPDF decodes badly.

    jbig2dec says nothing when the data end early or a refinement goes wrong.
    """
    return any(
        _is_doubtful_jbig2(page.parent.xref_stream_raw(xref) or b"")
        for xref, *_, image_filter, _ in page.get_images(full=True)
        if image_filter == "JBIG2Decode"
    )


def _is_doubtful_jbig2(stream: bytes) -> bool:
    kinds, end = jbig2_segments(stream)
    return end != len(stream) or not _COMMON_SEGMENTS.issuperset(kinds)


def jbig2_ends_early(page: pymupdf.Page) -> bool:
    """Tell whether the data of a JBIG2 image on the page end before its last segment does."""
    return any(
        jbig2_segments(stream)[1] > len(stream)
        for xref, *_, image_filter, _ in page.get_images(full=True)
        if image_filter == "JBIG2Decode" and (stream := page.parent.xref_stream_raw(xref))
    )


def jbig2_segments(stream: bytes) -> tuple[list[int], int]:
    """Return the types of the segments and where the last one ends.

    A length that is unknown (all ones, allowed in immediate generic regions) goes to the end.
    """
    kinds: list[int] = []
    at = _JBIG2_FILE_HEADER if stream.startswith(_JBIG2_SIGNATURE) else 0
    while at < len(stream) and len(kinds) < _MAX_SEGMENTS:
        try:
            kind, start, length = _jbig2_segment(stream, at)
        except (struct.error, IndexError):
            return kinds, len(stream) + 1
        kinds.append(kind)
        if length == _UNKNOWN_LENGTH:
            return kinds, len(stream)
        at = start + length
    return kinds, at
