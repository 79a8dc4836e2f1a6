"""Decompression bombs: small files that unpack to much. They are generated in pieces, cheaply.

Each is a real one, not one with a false header (those are in `kinds`): a decoder that trusts it
would allocate `BOMB` bytes or never end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from tests.support.samples import images, pdfs
from tests.support.samples.tiffs import TiffPage, tiff

BOMB = 1 << 30
_PIECE = 1 << 20
_CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
_ONE_PAGE = b"<</Type/Pages/Kids[3 0 R]/Count %d>>"
_LEAF = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 90]%s>>"


def bombs() -> dict[str, bytes]:
    """Return every bomb by file name."""
    zeros, twice = deflated(BOMB), zlib.compress(deflated(BOMB >> 4))
    billions = [_CATALOGUE, _ONE_PAGE % (2**31 - 1), _LEAF % b""]
    tiles = {322: 8992, 323: 8992, 324: 8, 325: 16}
    return {
        "flate-image.pdf": pdfs.pdf_around(zeros, "FlateDecode", width=9, height=9),
        "flate-of-flate.pdf": _pdf_drawing(b"/Filter[/FlateDecode/FlateDecode]", twice),
        "object-stream.pdf": _pdf_with_object_stream(deflated(BOMB, b"1 0 ")),
        "count-of-2-billion.pdf": pdfs.pdf_by_hand(billions),
        "tree-of-tens.pdf": pdfs.pdf_by_hand(_tree(10)),
        "text-chunk.png": _png_with(b"zTXt", b"key\0\0" + zeros),
        "profile-chunk.png": _png_with(b"iCCP", b"key\0\0" + zeros),
        "many-frames.gif": _gif_of_frames(20_000),
        "tile-lie.tif": tiff([TiffPage(9000, 9000, bytes(16), tiles)]),
        "many-samples.tif": tiff([TiffPage(10_000, 10_000, bytes(16), {277: 60_000})]),
        "deflated.tif": tiff([TiffPage(100, 100, zeros, {259: 8})]),
    }


def endless_drawing(levels: int = 11, call: bytes = b"/F Do ") -> bytes:
    """Return a PDF page that draws a form ten times, which draws the next ten times, and so on."""
    call, form = call * 10, b"<</Type/XObject/Subtype/Form/BBox[0 0 90 90]"
    page = _LEAF % b"/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>"
    objects = [_CATALOGUE, _ONE_PAGE % 1, page, b"<</Length 5>>stream\n/F Do\nendstream"]
    for number in range(6, 6 + levels):
        inner = b"/Resources<</XObject<</F %d 0 R>>>>/Length %d>>stream\n" % (number, len(call))
        objects.append(form + inner + call + b"\nendstream")
    return pdfs.pdf_by_hand([*objects, form + b"/Length 11>>stream\n0 0 5 5 re f\nendstream"])


def deflated(size: int, head: bytes = b"") -> bytes:
    """Return a stream of one repeated piece that inflates to `head` and `size` zero bytes."""
    packer, raw = zlib.compressobj(6), zlib.compressobj(6, zlib.DEFLATED, -15)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = raw.compress(bytes(_PIECE)) + raw.flush(zlib.Z_FULL_FLUSH)
    high, low = divmod(zlib.adler32(head), 1 << 16)
    high = (high + size * low) % 65521  # Adler-32 of the zeros: only the upper half changes
    return begin + piece * (size // _PIECE) + b"\x03\0" + struct.pack(">HH", high, low)


def _pdf_drawing(filters: bytes, content: bytes) -> bytes:
    """Return a PDF page whose content stream is `content`, encoded with `filters`."""
    stream = b"<<%s/Length %d>>stream\n" % (filters, len(content)) + content + b"\nendstream"
    return pdfs.pdf_by_hand([_CATALOGUE, _ONE_PAGE % 1, _LEAF % b"/Contents 4 0 R", stream])


def _pdf_with_object_stream(content: bytes) -> bytes:
    head = b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(content)
    objects = [_CATALOGUE, _ONE_PAGE % 1, _LEAF % b"", head + content + b"\nendstream"]
    return pdfs.pdf_by_hand(objects)


def _tree(levels: int) -> Sequence[bytes]:
    """Return a page tree whose nodes have the same child ten times: 10 ** levels pages."""
    nodes = [_CATALOGUE]
    for level in range(levels):
        kids = b"%d 0 R " % (level + 3) * 10
        nodes.append(b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, 10 ** (levels - level)))
    return [*nodes, _LEAF % b""]


def _png_with(name: bytes, content: bytes) -> bytes:
    header = images.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
    pixels = images.png_chunk(b"IDAT", zlib.compress(bytes(9 * 10)))
    bomb, end = images.png_chunk(name, content), images.png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + bomb + pixels + end


def _gif_of_frames(count: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", 1000, 1000, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return screen + frame * count + b";"
