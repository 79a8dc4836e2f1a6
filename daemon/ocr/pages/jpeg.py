"""JPEG marker segments: the header, and whether the image is complete.

libjpeg silently fills missing data with gray, so the end is checked here. Source: ITU-T T.81 annex
B; JFIF 1.02.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages.headers import Header, pixel_height, plausible_dpi, read_exif

_PROGRESSIVE: Final = (0xC2, 0xC6, 0xCA, 0xCE)
_FRAMES: Final = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_UNUSUAL: Final = {
    0xC3: "lossless coding",
    0xC5: "hierarchical coding",
    0xC6: "hierarchical coding",
    0xC7: "hierarchical coding",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "arithmetic coding",
    0xCD: "hierarchical coding",
    0xCE: "hierarchical coding",
    0xCF: "hierarchical coding",
    0xF7: "the lossless coding JPEG-LS",
}
_USUAL_DEPTH: Final = 8  # bits a sample
_APP0, _APP1, _SCAN, _END = 0xE0, 0xE1, 0xDA, 0xD9
END: Final = bytes((0xFF, _END))
# in a scan 0xFF is followed by a stuffed zero, and restart markers D0..D7 are part of it
_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def read_jpeg(data: bytes) -> Header:
    """Return the size of the frame, the EXIF orientation and the resolution (JFIF before EXIF)."""
    frame, orientation, jfif_dpi, exif_dpi = None, 1, None, None
    jfif_height, exif_height = 1.0, 1.0
    for marker, start, end in _segments(data):
        if marker == _APP0 and data[start : start + 5] == b"JFIF\0":
            jfif_dpi, jfif_height = _density(data, start)
        elif marker == _APP1 and data[start : start + 6] == b"Exif\0\0":
            orientation, exif_dpi, exif_height = read_exif(bytes(data[start:end]))
        elif marker in _FRAMES and end - start >= 6:
            height, width, samples = struct.unpack_from(">HHB", data, start + 1)
            frame = Header(width, height, samples=samples)
    if frame is None:
        raise MalformedFileError("it has no picture")
    square = jfif_height if jfif_dpi or jfif_height != 1.0 else exif_height
    return replace(frame, orientation=orientation, dpi=jfif_dpi or exif_dpi, pixel_height=square)


def is_progressive(data: bytes) -> bool:
    """Tell whether the decoder must hold all coefficients at once."""
    return any(marker in _PROGRESSIVE for marker, _, _ in _segments(data))


def unusual_coding(data: bytes) -> str | None:
    """Return the name of a coding that few decoders read, None for a usual one."""
    for marker, start, end in _segments(data):
        if marker in _FRAMES and end > start:
            depth = data[start]
            if depth != _USUAL_DEPTH:
                return f"{depth} bits a sample"
            return _UNUSUAL.get(marker)
    return None


def ends_early(data: bytes) -> bool:
    """Tell whether no end marker follows the scans; bytes after the end marker are ignored."""
    at = max((end for _, _, end in _segments(data)), default=2)
    while match := _MARKER.search(data, at):
        at = match.end()
        if data[at - 1] == _END:
            return False
        if at + 2 > len(data):
            return True
        at += struct.unpack_from(">H", data, at)[0]
    return True


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment's content up to the first scan's header."""
    at = 2
    while match := _MARKER.search(data, at):
        marker, start = data[match.end() - 1], match.end() + 2
        if start > len(data) or marker == _END:
            return
        end = start - 2 + struct.unpack_from(">H", data, start - 2)[0]
        yield marker, start, min(end, len(data))
        if marker == _SCAN:
            return
        at = end


def _density(data: bytes, start: int) -> tuple[float | None, float]:
    """Return the horizontal dpi and the height of a pixel; without a unit the ratio counts too."""
    if start + 12 > len(data):
        return None, 1.0
    unit, across, down = struct.unpack_from(">BHH", data, start + 7)
    per_inch = {1: 1.0, 2: 2.54}.get(unit)
    dpi = None if per_inch is None else plausible_dpi(across * per_inch)
    return dpi, pixel_height(across, down)
