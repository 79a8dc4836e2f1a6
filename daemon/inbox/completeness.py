"""Completeness check: does a file end as its format requires?

The supervising process checks every file, so this is plain Python without a decoder. That a file
has stopped changing is not enough: a scanner pauses between pages, and a PDF that is cut at 60 %
still opens. Reads are few and bounded, however large the file is.
"""

from __future__ import annotations

import itertools
import os
import re
import struct
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import BinaryIO, Final

from daemon.core import fs, signatures, tiff
from daemon.core.tiff import MalformedFileError

_HEAD: Final = 4096
_TAIL: Final = 65_536
_CHUNK: Final = 1 << 20
_MAX_SCANNED: Final = 64 << 20  # of a JPEG with more than `_TAIL` bytes after its end
_MAX_STEPS: Final = 200_000
_MAX_PAGES: Final = 2_000
_STRIPS: Final = (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES)
# by the type of the first box: name of the format, and sets of boxes; a complete file has at
# least one box of each set
_BOX_FORMATS: Final = {
    b"jP  ": ("JPEG 2000", [{b"jp2c"}]),
    b"ftyp": ("photo", [{b"meta", b"moov"}, {b"mdat"}]),  # HEIC, and video that is refused
}
_JPEG_END: Final = b"\xff\xd9"
_PNM_HEADER: Final = re.compile(
    rb"P([456])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})"
    rb"(?:(?:\s|#[^\n]*\n)+(\d{1,5}))?\s"
)


def missing_end(path: Path) -> str | None:
    """Return what is missing, None for a file that looks complete or has no known format.

    No content makes it raise. An OSError passes through; a link or a fifo causes one.
    """
    with fs.open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
        try:
            return _check(file, head, size)
        except (MalformedFileError, struct.error):
            return "its header has not arrived completely"


def _check(file: BinaryIO, head: bytes, size: int) -> str | None:
    match signatures.media_type(head):
        case signatures.PNG:
            return _png(file, size)
        case signatures.JPEG:
            return _jpeg(file, size)
        case signatures.TIFF:
            return _tiff(file, size)
        case signatures.GIF:
            return _gif(file, size)
        case signatures.BMP:
            return _bmp(head, size)
        case signatures.WEBP:
            return _too_short("WebP", 8 + struct.unpack_from("<I", head, 4)[0], size)
    if head[4:8] in _BOX_FORMATS:
        return _boxes(*_BOX_FORMATS[head[4:8]], file, size)
    if head.startswith(signatures.JPEG_2000_CODESTREAM):
        return None if _tail(file, size, 2) == _JPEG_END else _missing("JPEG 2000", "end")
    return _pdf(file, head, size) if signatures.has_pdf_header(head) else _pnm(head, size)


def _gif(file: BinaryIO, size: int) -> str | None:
    is_complete = _tail(file, size, 64).rstrip(b"\0").endswith(b";")
    return None if is_complete else _missing("GIF", "end")


def _pdf(file: BinaryIO, head: bytes, size: int) -> str | None:
    """Look for %%EOF near the end; a linearised PDF has an early one too, but states its length."""
    linearised = re.search(rb"/Linearized\b[^>]*?/L\s+(\d{1,12})", head)
    if linearised and int(linearised[1]) > size:
        return _too_short("PDF", int(linearised[1]), size)
    return None if b"%%EOF" in _tail(file, size, 2048) else _missing("PDF", "end (%%EOF)")


def _png(file: BinaryIO, size: int) -> str | None:
    at = 8
    for _ in range(_MAX_STEPS):
        length, name = struct.unpack(">I4s", _read_at(file, at, 8))
        at += 12 + length
        if at > size:
            break
        if name == b"IEND":
            return None
    return _missing("PNG", "end (IEND chunk)")


def _jpeg(file: BinaryIO, size: int) -> str | None:
    """Look for the end marker after the first scan: a thumbnail in the header has its own."""
    scan = _first_scan(file)
    tail_at = max(scan, size - _TAIL)
    if _JPEG_END in _read_at(file, tail_at, _TAIL) or _scanned(file, scan, tail_at):
        return None
    return _missing("JPEG", "end")


def _first_scan(file: BinaryIO) -> int:
    """Return where the compressed image data start."""
    at: int = 2
    for _ in range(_MAX_STEPS):
        mark, marker = struct.unpack(">BB", _read_at(file, at, 2))
        if mark != 0xFF or marker == 0xFF:  # fill bytes may precede a marker
            at += 1
            continue
        (length,) = struct.unpack(">H", _read_at(file, at + 2, 2))
        at += 2 + length
        if marker == 0xDA:
            return at
    raise MalformedFileError("it has no picture")


def _scanned(file: BinaryIO, start: int, end: int) -> bool:
    """Look for the end marker before the tail: phones append whole videos to their photos."""
    for at in range(start, min(end, start + _MAX_SCANNED), _CHUNK):
        if _JPEG_END in _read_at(file, at, _CHUNK + 1):
            return True
    return False


def _tiff(file: BinaryIO, size: int) -> str | None:
    """Check that every directory with its values, every strip and tile lies inside the file."""
    chain = tiff.read_chain(lambda at, length: _read_at(file, at, length), _STRIPS, _MAX_PAGES)
    if chain.ending == "truncated":
        return _missing("TIFF", "next page")
    if any(directory.end > size for directory in chain.directories):
        return _missing("TIFF", "last tag")
    is_complete = all(_strips_end(directory.tags) <= size for directory in chain.directories)
    return None if is_complete else _missing("TIFF", "last strip")


def _strips_end(tags: Mapping[int, tuple[int, ...]]) -> int:
    """Return where the last strip or tile of a page ends."""
    pairs = ((tiff.STRIP_OFFSETS, tiff.STRIP_BYTES), (tiff.TILE_OFFSETS, tiff.TILE_BYTES))
    places = (zip(tags.get(at, ()), tags.get(size, ()), strict=False) for at, size in pairs)
    return max((sum(place) for place in itertools.chain(*places)), default=0)


def _bmp(head: bytes, size: int) -> str | None:
    """Check the rows of an uncompressed bitmap: the size in its header is less reliable."""
    declared, pixels_at, header = struct.unpack_from("<I4xII", head, 2)
    if header < 40:
        return _too_short("BMP", declared, size)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", head, 18)
    if compression not in (0, 3):  # neither plain nor bit fields: run lengths
        return _too_short("BMP", declared, size)
    rows = (abs(width) * bits + 31) // 32 * 4 * abs(height)
    return _too_short("BMP", pixels_at + rows, size)


def _boxes(kind: str, needed: Sequence[Set[bytes]], file: BinaryIO, size: int) -> str | None:
    """Walk the boxes of an ISO base media file, each of which states where the next begins."""
    at, seen = 0, set[bytes]()
    for _ in range(_MAX_STEPS):
        if at == size:
            is_complete = not any(seen.isdisjoint(alternatives) for alternatives in needed)
            return None if is_complete else _missing(kind, "picture")
        length, name = struct.unpack(">I4s", _read_at(file, at, 8))
        seen.add(name)
        if length == 1:
            (length,) = struct.unpack(">Q", _read_at(file, at + 8, 8))
        if length == 0:  # the last box reaches to the end of the file
            is_complete = name != b"jp2c" or _tail(file, size, 2) == _JPEG_END
            return None if is_complete else _missing(kind, "end")
        at += max(length, 8)
        if at > size:
            break
    return _too_short(kind, at, size)


def _pnm(head: bytes, size: int) -> str | None:
    """Check binary PBM, PGM and PPM; text forms and unknown files have no end to look for."""
    match = _PNM_HEADER.match(head)
    if match is None:
        return None
    kind, width, height = match[1], int(match[2]), int(match[3])
    if kind == b"4":
        bytes_per_row, header = (width + 7) // 8, match.end(3) + 1
    else:
        samples = 3 if kind == b"6" else 1
        sample_bytes = 2 if int(match[4] or 255) > 255 else 1
        bytes_per_row, header = width * samples * sample_bytes, match.end()
    return _too_short("PNM", header + bytes_per_row * height, size)


def _too_short(name: str, expected: int, size: int) -> str | None:
    if size >= expected:
        return None
    return f"the {name} is not complete: {size} of {expected} bytes have arrived"


def _missing(name: str, part: str) -> str:
    return f"the {name} is not complete: its {part} has not arrived"


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    return _read_at(file, max(size - length, 0), length)


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return at most `length` bytes; none after the end, where some filesystems refuse to seek."""
    if not 0 <= offset < os.fstat(file.fileno()).st_size:
        return b""
    file.seek(offset)
    return file.read(length)
