"""Does a file end as its format says it must? Plain Python: the service calls this on every file.

Stillness alone is fooled by a scanner that pauses between pages, and a PDF cut at 60 % still opens.
Reads are few and bounded, however large the file.
"""

from __future__ import annotations

import itertools
import os
import re
import struct
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import BinaryIO, Final

from daemon.core import fs, tiff
from daemon.core.tiff import MalformedFileError

_HEAD: Final = 4096
_TAIL: Final = 65_536
_CHUNK: Final = 1 << 20
_MOST_SCANNED: Final = 64 << 20  # of a JPEG with more than `_TAIL` bytes after its end
_MOST_STEPS: Final = 200_000
_MOST_PAGES: Final = 2_000
_STRIPS: Final = (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES)
# by its first box: what it is called, and boxes of which it has one each when it is whole
_BOXED: Final = {
    b"jP  ": ("JPEG 2000", [{b"jp2c"}]),
    b"ftyp": ("photo", [{b"meta", b"moov"}, {b"mdat"}]),  # HEIC, and video that is refused
}
_JPEG_END: Final = b"\xff\xd9"
_PNM_HEADER: Final = re.compile(
    rb"P([456])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})"
    rb"(?:(?:\s|#[^\n]*\n)+(\d{1,5}))?\s"
)


def missing_end(path: Path) -> str | None:
    """Return None for a file that looks complete or is of no known format, else what is missing.

    Never raises for odd content; an OSError passes through, and is what a link or a fifo gets.
    """
    with fs.open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
        try:
            return _judge(file, head, size)
        except (MalformedFileError, struct.error):
            return "the header is not whole yet"


def _judge(file: BinaryIO, head: bytes, size: int) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(file, size)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(file, size)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(file, size)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return None if _tail(file, size, 64).rstrip(b"\0").endswith(b";") else _no("GIF", "trailer")
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return _bmp(head, size)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _promised("WebP", 8 + struct.unpack_from("<I", head, 4)[0], size)
    if head[4:8] in _BOXED:
        return _boxes(*_BOXED[head[4:8]], file, size)
    if head.startswith(b"\xff\x4f\xff\x51"):
        return None if _tail(file, size, 2) == _JPEG_END else _no("JPEG 2000", "end marker")
    if b"%PDF-" in head[:1029]:
        return _pdf(file, head, size)
    return _pnm(head, size)


def _pdf(file: BinaryIO, head: bytes, size: int) -> str | None:
    """%%EOF near the end; a linearised PDF has an early one too, but says how long it is."""
    linearised = re.search(rb"/Linearized\b[^>]*?/L\s+(\d{1,12})", head)
    if linearised and int(linearised[1]) > size:
        return _promised("PDF", int(linearised[1]), size)
    return None if b"%%EOF" in _tail(file, size, 2048) else _no("PDF", "%%EOF")


def _png(file: BinaryIO, size: int) -> str | None:
    at = 8
    for _ in range(_MOST_STEPS):
        length, name = struct.unpack(">I4s", _read_at(file, at, 8))
        at += 12 + length
        if at > size:
            break
        if name == b"IEND":
            return None
    return _no("PNG", "IEND chunk")


def _jpeg(file: BinaryIO, size: int) -> str | None:
    """The end marker, looked for after the first scan: a thumbnail in the header has its own."""
    scan = _first_scan(file)
    tail_at = max(scan, size - _TAIL)
    if _JPEG_END in _read_at(file, tail_at, _TAIL) or _scanned(file, scan, tail_at):
        return None
    return _no("JPEG", "end marker")


def _first_scan(file: BinaryIO) -> int:
    """Return where the compressed picture starts."""
    at: int = 2
    for _ in range(_MOST_STEPS):
        mark, marker = struct.unpack(">BB", _read_at(file, at, 2))
        if mark != 0xFF or marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
            continue
        (length,) = struct.unpack(">H", _read_at(file, at + 2, 2))
        at += 2 + length
        if marker == 0xDA:
            return at
    raise MalformedFileError("no scan")


def _scanned(file: BinaryIO, start: int, end: int) -> bool:
    """Look for the end marker before the tail: phones append whole films to their pictures."""
    for at in range(start, min(end, start + _MOST_SCANNED), _CHUNK):
        if _JPEG_END in _read_at(file, at, _CHUNK + 1):
            return True
    return False


def _tiff(file: BinaryIO, size: int) -> str | None:
    """Every directory with its values, every strip and tile lies inside the file."""
    chain = tiff.read_chain(lambda at, length: _read_at(file, at, length), _STRIPS, _MOST_PAGES)
    if chain.ending == "truncated":
        return _no("TIFF", "next page")
    if any(directory.end > size for directory in chain.directories):
        return _no("TIFF", "last tag")
    whole = all(_strips_end(directory.tags) <= size for directory in chain.directories)
    return None if whole else _no("TIFF", "last strip")


def _strips_end(tags: Mapping[int, tuple[int, ...]]) -> int:
    """Return where the last strip or tile of a page ends."""
    pairs = ((tiff.STRIP_OFFSETS, tiff.STRIP_BYTES), (tiff.TILE_OFFSETS, tiff.TILE_BYTES))
    places = (zip(tags.get(at, ()), tags.get(size, ()), strict=False) for at, size in pairs)
    return max((sum(place) for place in itertools.chain(*places)), default=0)


def _bmp(head: bytes, size: int) -> str | None:
    """The rows of an uncompressed bitmap, which say more than the size in its header."""
    declared, pixels_at, header = struct.unpack_from("<I4xII", head, 2)
    if header < 40:
        return _promised("BMP", declared, size)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", head, 18)
    if compression not in (0, 3):  # neither plain nor bit fields: run lengths
        return _promised("BMP", declared, size)
    rows = (abs(width) * bits + 31) // 32 * 4 * abs(height)
    return _promised("BMP", pixels_at + rows, size)


def _boxes(kind: str, needed: Sequence[Set[bytes]], file: BinaryIO, size: int) -> str | None:
    """The boxes of an ISO base media file, each of which says where the next begins."""
    at, seen = 0, set[bytes]()
    for _ in range(_MOST_STEPS):
        if at == size:
            whole = not any(seen.isdisjoint(alternatives) for alternatives in needed)
            return None if whole else _no(kind, "picture")
        length, name = struct.unpack(">I4s", _read_at(file, at, 8))
        seen.add(name)
        if length == 1:
            (length,) = struct.unpack(">Q", _read_at(file, at + 8, 8))
        if length == 0:  # the last box reaches to the end of the file
            ended = name != b"jp2c" or _tail(file, size, 2) == _JPEG_END
            return None if ended else _no(kind, "end marker")
        at += max(length, 8)
        if at > size:
            break
    return _promised(kind, at, size)


def _pnm(head: bytes, size: int) -> str | None:
    """Binary PBM, PGM and PPM; the text forms and foreign files have no end to look for."""
    match = _PNM_HEADER.match(head)
    if match is None:
        return None
    kind, width, height = match[1], int(match[2]), int(match[3])
    if kind == b"4":
        bytes_per_row, header = (width + 7) // 8, match.end(3) + 1
    else:
        samples = 3 if kind == b"6" else 1
        deep = 2 if int(match[4] or 255) > 255 else 1
        bytes_per_row, header = width * samples * deep, match.end()
    return _promised("PNM", header + bytes_per_row * height, size)


def _promised(name: str, promised: int, size: int) -> str | None:
    if size >= promised:
        return None
    return f"the {name} has {size} of {promised} bytes yet"


def _no(name: str, what: str) -> str:
    return f"the {name} has no {what} yet"


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    return _read_at(file, max(size - length, 0), length)


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return at most `length` bytes; none behind the end, where some filesystems refuse to seek."""
    if not 0 <= offset < os.fstat(file.fileno()).st_size:
        return b""
    file.seek(offset)
    return file.read(length)
