"""Decompression of the strips and tiles of a TIFF, each as far as it goes.

A codec yields the decompressed bytes in pieces and ends where the data end or are damaged. None
decompresses more than the rows that a strip or tile has: a bomb costs no more than a page.
"""

from __future__ import annotations

import contextlib
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.ocr.pages import jpeg, pillow

if TYPE_CHECKING:
    from daemon.core.records import Pixels

NAMES: Final = {
    1: "none",
    2: "CCITT RLE",
    3: "CCITT group 3",
    4: "CCITT group 4",
    5: "LZW",
    6: "old JPEG",
    7: "JPEG",
    8: "deflate",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32771: "CCITT RLE with words",
    32773: "PackBits",
    32809: "ThunderScan",
    32895: "IT8",
    32908: "Pixar film",
    32909: "Pixar log",
    32946: "deflate",
    32947: "Kodak DCS",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI log",
    34677: "SGI log",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    34926: "Zstandard",
    34927: "WebP",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Names of the values of Compression: TIFF 6.0, its supplements, and tiff.h of libtiff."""

CCITT_GROUP_3, OLD_JPEG, JPEG, ZSTANDARD = 3, 6, 7, 50000
CCITT: Final = (2, 3, 4)
OF_OPENCV: Final = frozenset((1, 2, 3, 4, 5, JPEG, 8, 32773, 32946))
"""Compressions of the libtiff in OpenCV; of others it returns pages with nothing on them."""
KNOWN: Final = frozenset((1, 2, 3, 4, 5, OLD_JPEG, JPEG, 8, 32773, 32946, 34925))
"""Compressions that one of the decoders reads everywhere: a page that has one and cannot be decoded
is damaged. Zstandard is not among them (see `has_zstandard`)."""
_MAX_WHOLE: Final = 256 << 20  # bytes of a strip that is decompressed in one piece
_LZMA_MEMORY: Final = 128 << 20  # bytes; level 9 of xz takes 65 MB
_FED: Final = 1 << 16  # bytes of compressed data that a decompressor is given at once
_TWO_DIMENSIONAL: Final = 1  # bit of T4Options
_ADOBE_RGB: Final = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A strip or tile: its compressed bytes, and what decompressing them gives.

    `options` is T4Options and `tables` JPEGTables of the page.
    """

    content: bytes | memoryview
    width: int
    rows: int
    row_bytes: int
    options: int = 0
    tables: bytes = b""

    @property
    def size(self) -> int:
        """Bytes that the whole strip or tile has when it is decompressed."""
        return self.rows * self.row_bytes


Codec = Callable[[Chunk, int], Iterator[bytes | memoryview]]


class DamagedError(Exception):
    """The data of a strip or tile are damaged; what was decompressed before was yielded."""


def _stored(chunk: Chunk, piece: int) -> Iterator[memoryview]:
    content = memoryview(chunk.content)
    for at in range(0, min(len(content), chunk.size), piece):
        yield content[at : at + piece]


def _deflate(chunk: Chunk, piece: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    for rest in _fed(chunk.content):
        while rest and not inflater.eof:
            before = inflater.copy()
            try:
                found = inflater.decompress(rest, piece)
            except zlib.error as error:  # which has lost what this call had decompressed
                yield from _rows_before_damage(before, rest, chunk.row_bytes)
                raise DamagedError from error
            yield found
            rest = inflater.unconsumed_tail


def _rows_before_damage(inflater: zlib._Decompress, rest: bytes, row_bytes: int) -> Iterator[bytes]:
    with contextlib.suppress(zlib.error):
        while rest and not inflater.eof:
            yield inflater.decompress(rest, row_bytes)
            rest = inflater.unconsumed_tail


def _lzma(chunk: Chunk, piece: int) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
    for rest in _fed(chunk.content):
        while not decoder.eof and (rest or not decoder.needs_input):
            try:
                yield decoder.decompress(rest, min(piece, _FED))
            except lzma.LZMAError as error:
                raise DamagedError from error
            rest = b""


def _fed(content: bytes | memoryview) -> Iterator[bytes]:
    """Cut compressed data: decompressors copy what they have not used yet at every call."""
    for at in range(0, len(content), _FED):
        yield bytes(content[at : at + _FED])


def _lzw(chunk: Chunk, _: int) -> Iterator[bytes]:
    # codes of the first LZW of TIFF begin with their low bits: its clear code is 00 01
    start = bytes(chunk.content[:2])
    early, reverse = (0, 1) if len(start) == 2 and not start[0] and start[1] & 1 else (1, 0)
    return _by_mupdf(
        chunk, lambda stream: pymupdf.mupdf.fz_open_lzwd(stream, early, 9, reverse, reverse)
    )


def _packbits(chunk: Chunk, _: int) -> Iterator[bytes]:
    return _by_mupdf(chunk, pymupdf.mupdf.fz_open_rld)


def _ccitt_rle(chunk: Chunk, _: int) -> Iterator[bytes]:
    return _fax(chunk, 0, is_aligned=True)


def _ccitt_group_3(chunk: Chunk, _: int) -> Iterator[bytes]:
    # fill bits that align the end of a line to a byte are skipped in any case
    return _fax(chunk, chunk.options & _TWO_DIMENSIONAL, is_aligned=False)


def _ccitt_group_4(chunk: Chunk, _: int) -> Iterator[bytes]:
    return _fax(chunk, -1, is_aligned=False)


def _fax(chunk: Chunk, k: int, *, is_aligned: bool) -> Iterator[bytes]:
    return _by_mupdf(
        chunk,
        lambda stream: pymupdf.mupdf.fz_open_faxd(
            stream, k, 0, int(is_aligned), chunk.width, chunk.rows, 0, 1
        ),
    )


def _by_mupdf(
    chunk: Chunk, filtered: Callable[[pymupdf.mupdf.FzStream], pymupdf.mupdf.FzStream]
) -> Iterator[bytes]:
    """Read a filter of MuPDF to its end, or to the first damage."""
    if chunk.size > _MAX_WHOLE or not chunk.content:
        return
    mupdf = pymupdf.mupdf
    buffer = mupdf.fz_new_buffer_from_copied_data(chunk.content)
    try:
        stream = filtered(mupdf.fz_open_buffer(buffer))
        found, _ = mupdf.fz_read_best(stream, min(chunk.size, 1 << 20) + 1, chunk.size)
    except mupdf.FzErrorBase:
        return
    yield mupdf.fz_buffer_extract_copy(found)


def _zstandard(chunk: Chunk, _: int) -> Iterator[bytes]:
    """Let libtiff unpack it, from a page that has the bytes of a row for its gray pixels."""
    if chunk.size > _MAX_WHOLE:
        return
    page = _gray_tiff(chunk, ZSTANDARD)
    image = pillow.decode(page, ("TIFF",), chunk.row_bytes, chunk.rows)
    if image is not None:
        yield image.tobytes()


def _gray_tiff(chunk: Chunk, compression: int) -> bytes:
    """Return a TIFF whose only strip is the chunk, H,W of 8 bits: one pixel for each byte."""
    tags = {
        256: chunk.row_bytes,
        257: chunk.rows,
        258: 8,
        259: compression,
        262: 1,
        273: 0,
        277: 1,
        278: chunk.rows,
        279: len(chunk.content),
    }
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + bytes(4) + bytes(chunk.content)


def has_zstandard() -> bool:
    """Tell whether libtiff has this codec here."""
    one_pixel = Chunk(b"\x28\xb5\x2f\xfd\x20\x01\x09\0\0\0", width=1, rows=1, row_bytes=1)
    return any(_zstandard(one_pixel, 1))


CODECS: Final[dict[int, Codec]] = {
    1: _stored,
    2: _ccitt_rle,
    3: _ccitt_group_3,
    4: _ccitt_group_4,
    5: _lzw,
    8: _deflate,
    32773: _packbits,
    32946: _deflate,
    34925: _lzma,
    50000: _zstandard,
}


def decode_jpeg(chunk: Chunk, samples: int, *, is_rgb: bool) -> Pixels | None:
    """Decode a strip or tile that is a JPEG to H,W gray or H,W,3 BGR; torn ones end in gray.

    The tables of the page go before its own segments. Without a marker of Adobe, libjpeg takes
    three samples for YCbCr.
    """
    content = bytes(chunk.content)
    if content[:2] != b"\xff\xd8":
        return None
    tables = chunk.tables[2:-2] if chunk.tables[:2] == b"\xff\xd8" else b""
    marker = _ADOBE_RGB if is_rgb and samples == 3 else b""
    data = b"\xff\xd8" + marker + tables + content[2:] + b"\xff\xd9"
    flags = cv2.IMREAD_COLOR_BGR if samples == 3 else cv2.IMREAD_GRAYSCALE
    header = jpeg.read_jpeg(data)
    if header.width != chunk.width or header.height > chunk.rows:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else np.asarray(image, np.uint8)
