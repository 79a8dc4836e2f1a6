"""Small files that unpack to much: what they hold is made in pieces, so that making them is cheap.

Each is a real one, not a header that lies (those are in `kinds`): a decoder that trusts it would
ask for `BOMB` bytes or go on for ever.
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
    """Return every bomb by its name, whose ending is its format."""
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


def endless_drawing(levels: int = 11) -> bytes:
    """Return a page that draws a form ten times, which draws the next ten times, and so on."""
    call, form = b"/F Do " * 10, b"<</Type/XObject/Subtype/Form/BBox[0 0 90 90]"
    page = _LEAF % b"/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>"
    objects = [_CATALOGUE, _ONE_PAGE % 1, page, b"<</Length 5>>stream\n/F Do\nendstream"]
    for number in range(6, 6 + levels):
        inner = b"/Resources<</XObject<</F %d 0 R>>>>/Length %d>>stream\n" % (number, len(call))
        objects.append(form + inner + call + b"\nendstream")
    return pdfs.pdf_by_hand([*objects, form + b"/Length 11>>stream\n0 0 5 5 re f\nendstream"])


def deflated(size: int, head: bytes = b"") -> bytes:
    """Return what inflates to `head` and `size` zero bytes."""
    packer, piece = zlib.compressobj(6), bytes(_PIECE)
    parts = [packer.compress(head), *(packer.compress(piece) for _ in range(size // _PIECE))]
    return b"".join([*parts, packer.flush()])


def _pdf_drawing(filters: bytes, content: bytes) -> bytes:
    """Return a page whose drawing is `content` behind `filters`."""
    stream = b"<<%s/Length %d>>stream\n" % (filters, len(content)) + content + b"\nendstream"
    return pdfs.pdf_by_hand([_CATALOGUE, _ONE_PAGE % 1, _LEAF % b"/Contents 4 0 R", stream])


def _pdf_with_object_stream(content: bytes) -> bytes:
    head = b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(content)
    objects = [_CATALOGUE, _ONE_PAGE % 1, _LEAF % b"", head + content + b"\nendstream"]
    return pdfs.pdf_by_hand(objects)


def _tree(levels: int) -> Sequence[bytes]:
    """Return a page tree whose every node has ten times the same child: 10 ** levels pages."""
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
