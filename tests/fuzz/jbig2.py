"""Fuzz target: a PDF around any JBIG2 stream is read or rejected, by MuPDF and by PDFium.

An input is the segments of a stream as they stand in a PDF (ITU-T T.88, 7.2, without file header).
Those of page 0 become its globals. Mutations keep the lengths in the headers of segments true.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pymupdf

from daemon.ocr.pages import pdfium
from tests.fuzz import pages
from tests.support import samples

PAGE_INFORMATION = 48
MAX_SIDE = 1000  # pixels of the picture in the PDF
PAGE_POINTS = 90  # side of the page: a small one is drawn fast, and decoded like a large one
DEFAULT_SIZE = (64, 56)
_KINDS = (0, 4, 6, 7, 16, 20, 22, 23, 36, 38, 39, 40, 42, 43, 48, 49, 50, 51, 52, 53, 62)


@dataclass(frozen=True, slots=True)
class Segment:
    """The header of a segment up to its data's length, its type and page, and its data."""

    header: bytes
    page: int
    data: bytes

    @property
    def kind(self) -> int:
        """The type of the segment."""
        return self.header[4] & 63

    def __bytes__(self) -> bytes:
        """The segment with the length of its data."""
        return self.header + struct.pack(">I", len(self.data)) + self.data


def check(path: Path) -> None:
    """Raise when a page ends in anything but pixels or a one-line rejection.

    PDFium is asked for its picture of every page, and not only where MuPDF complains.
    """
    path.write_bytes(pdf_of(path.read_bytes()))
    pages.check(path)
    drawn = pdfium.render(str(path), 1, (PAGE_POINTS, PAGE_POINTS), (), gray=True)
    assert drawn is None or drawn.shape == (PAGE_POINTS, PAGE_POINTS)


def pdf_of(stream: bytes) -> bytes:
    """Return a PDF with the stream as its only picture, as large as its page information says."""
    found, rest = segments(stream)
    width, height = DEFAULT_SIZE
    for segment in found:
        if segment.kind == PAGE_INFORMATION and len(segment.data) >= 8:
            size = struct.unpack(">II", segment.data[:8])
            width, height = (min(max(side, 1), MAX_SIDE) for side in size)
            break
    shared = b"".join(bytes(segment) for segment in found if segment.page == 0)
    own = b"".join(bytes(segment) for segment in found if segment.page != 0) + rest
    return _pdf(own, shared, width, height)


def mutate(
    data: bytes, max_size: int, rng: random.Random, change: Callable[[bytes, int], bytes]
) -> bytes:
    """Change the data of one segment, or drop, double, swap or rename segments."""
    found, rest = segments(data)
    if not found or rng.random() < 0.05:
        return change(data, max_size)
    at, other = rng.randrange(len(found)), rng.randrange(len(found))
    segment = found[at]
    act = rng.random()
    if act < 0.75 and segment.data:
        room = max(1, max_size - len(data) + len(segment.data))
        found[at] = replace(segment, data=change(segment.data, room))
    elif act < 0.8:
        found.insert(other, segment)
    elif act < 0.85:
        found[at], found[other] = found[other], found[at]
    elif act < 0.9:
        del found[at]
    elif act < 0.95:
        kind = rng.choice(_KINDS)
        header = segment.header[:4] + bytes([segment.header[4] & 0xC0 | kind]) + segment.header[5:]
        found[at] = replace(segment, header=header)
    else:
        found[at] = replace(segment, header=_renumbered(segment.header, rng))
    return (b"".join(map(bytes, found)) + rest)[:max_size]


def streams_in(pdf: bytes) -> list[bytes]:
    """Return the JBIG2 streams of a PDF, each behind its globals."""
    found = []
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        for xref in range(1, document.xref_length()):
            if "JBIG2Decode" not in document.xref_get_key(xref, "Filter")[1]:
                continue
            _, shared = document.xref_get_key(xref, "DecodeParms/JBIG2Globals")
            if shared == "null":
                _, shared = document.xref_get_key(xref, "DecodeParms[0]/JBIG2Globals")
            before = b""
            if shared.endswith(" R"):
                before = document.xref_stream(int(shared.split()[0])) or b""
            found.append(before + document.xref_stream_raw(xref))
    return found


def segments(stream: bytes) -> tuple[list[Segment], bytes]:
    """Return the segments of a stream, and the bytes that are no segment."""
    found, at = [], 0
    while header := _header(stream, at):
        length, page = struct.unpack(">I", stream[at + len(header) :][:4])[0], _page_of(header)
        start = at + len(header) + 4
        if length == 0xFFFFFFFF or start + length > len(stream):  # its end must be searched for
            break
        found.append(Segment(header, page, stream[start : start + length]))
        at = start + length
    return found, stream[at:]


def _header(stream: bytes, at: int) -> bytes | None:
    """Return a header up to the length of the data; None if the stream ends before."""
    if at + 11 > len(stream):
        return None
    number, flags, referred = struct.unpack(">IBB", stream[at : at + 6])
    count, end = referred >> 5, at + 6
    if count == 7:
        count = struct.unpack(">I", stream[at + 5 : at + 9])[0] & 0x1FFFFFFF
        end = at + 9 + (count + 8) // 8
    if count > len(stream):
        return None
    end += count * (1 if number <= 256 else 2 if number <= 65536 else 4)
    end += 4 if flags & 0x40 else 1
    return stream[at:end] if end + 4 <= len(stream) else None


def _page_of(header: bytes) -> int:
    wide = header[4] & 0x40
    return int.from_bytes(header[-4:] if wide else header[-1:], "big")


def _renumbered(header: bytes, rng: random.Random) -> bytes:
    """Refer to other segments, or belong to another page."""
    at = rng.randrange(5, len(header))
    return header[:at] + bytes([rng.randrange(8)]) + header[at + 1 :]


def _pdf(stream: bytes, shared: bytes, width: int, height: int) -> bytes:
    side = PAGE_POINTS
    content = b"q %d 0 0 %d 0 0 cm /I Do Q" % (side, side)
    image = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1"
        b"/ColorSpace/DeviceGray/Filter/JBIG2Decode/Length %d" % (width, height, len(stream))
    )
    image += b"/DecodeParms<</JBIG2Globals 6 0 R>>>>" if shared else b">>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R" % (side, side)
    return samples.pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page + b"/Resources<</XObject<</I 5 0 R>>>>>>",
            b"<</Length %d>>stream\n" % len(content) + content + b"\nendstream",
            image + b"stream\n" + stream + b"\nendstream",
            b"<</Length %d>>stream\n" % len(shared) + shared + b"\nendstream",
        ]
    )
