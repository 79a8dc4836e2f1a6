"""Image headers, parsed in plain Python before any decoder runs.

Width and height are those of the stored pixels; the orientation is EXIF's 1..8. Sources: PNG (W3C),
GIF89a, BMP (BITMAPINFOHEADER), WebP container (RFC 9649), Netpbm, JPEG 2000 (ISO 15444-1 annexes A
and I).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from daemon.core import tiff
from daemon.core.tiff import MalformedFileError

_MAX_CHUNKS: Final = 100_000
_INCHES_PER_METRE: Final = 0.0254
_DPI_RANGE: Final = (10.0, 10_000.0)
_SQUARE: Final = 1.15  # ratio of resolutions below which pixels are square: 204 x 196 dpi is a fax
_MAX_RATIO: Final = 4.0  # of resolutions that a device has; 240 x 72 dpi is a dot-matrix printer's
_BMP_INFO: Final = 40  # bytes of the header from which BMP has a resolution
JP2_SHARE: Final = 1 / 3
"""Of a page's pixels: OpenJPEG took 1 690 MB for 115 megapixels, about 15 bytes a pixel."""


@dataclass(frozen=True, slots=True)
class Header:
    """The properties that decide how, and whether, an image is decoded; `samples` per pixel.

    `dpi` is the horizontal resolution, `pixel_height` the height of a pixel in widths of it.
    """

    width: int
    height: int
    orientation: int = 1
    dpi: float | None = None
    alpha: bool = False
    samples: int = 3
    pixel_height: float = 1.0


def plausible_dpi(value: float) -> float | None:
    """Return the resolution, or None where the value is implausible."""
    low, high = _DPI_RANGE
    return round(value, 2) if low <= value <= high else None


def pixel_height(across: float, down: float) -> float:
    """Return the height of a pixel in widths of it, from pixels per length across and down.

    1.0 where the ratio is about that, and where it is none of any device: then it is an error.
    """
    if across <= 0 or down <= 0:
        return 1.0
    ratio = across / down
    larger = max(ratio, 1 / ratio)
    return round(ratio, 4) if _SQUARE < larger <= _MAX_RATIO else 1.0


def read_exif(block: bytes) -> tuple[int, float | None, float]:
    """Return orientation (1 if unknown), dpi and pixel height of an EXIF block.

    A damaged one has none of them.
    """
    wanted = (tiff.ORIENTATION, tiff.X_RESOLUTION, tiff.Y_RESOLUTION, tiff.RESOLUTION_UNIT)
    block = block.removeprefix(b"Exif\0\0")
    try:
        chain = tiff.read_chain(lambda at, size: block[at : at + size], wanted, 1)
    except MalformedFileError:
        return 1, None, 1.0
    directory = chain.directories[0]
    return orientation_of(directory), dpi_of(directory), pixel_height_of(directory)


def orientation_of(directory: tiff.Directory) -> int:
    """Return 1..8; 1 for invalid values."""
    value = directory.first(tiff.ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def dpi_of(directory: tiff.Directory) -> float | None:
    """Return the horizontal resolution in dots per inch where the unit is inch or centimetre."""
    resolution = directory.tags.get(tiff.X_RESOLUTION, ())
    per_inch = {2: 1.0, 3: 2.54}.get(directory.first(tiff.RESOLUTION_UNIT, 2))
    if len(resolution) < 2 or not resolution[1] or per_inch is None:
        return None
    return plausible_dpi(per_inch * resolution[0] / resolution[1])


def pixel_height_of(directory: tiff.Directory) -> float:
    """Return the height of a pixel in widths of it; without a unit the ratio counts too."""
    across = directory.tags.get(tiff.X_RESOLUTION, ())
    down = directory.tags.get(tiff.Y_RESOLUTION, ())
    if len(across) < 2 or len(down) < 2 or not across[1] or not down[1]:
        return 1.0
    return pixel_height(across[0] / across[1], down[0] / down[1])


def read_png(data: bytes) -> Header:
    """Walk the chunks to the last; everything relevant except EXIF precedes the pixels.

    OpenCV allocates the size that a chunk declares before checking that the file contains it: 51
    bytes took 2.1 GB. It decodes nothing of a truncated file either, so a truncated chunk is an
    error here.
    """
    _, name, width, height, _, colour = _unpack(">I4sIIBB", data, 8)
    if name != b"IHDR":
        raise MalformedFileError("its header (IHDR) is missing")
    orientation, dpi, square, alpha = 1, None, 1.0, colour in (4, 6)
    for name, content in _png_chunks(data):
        if name == b"pHYs" and len(content) == 9:
            across, down, unit = _unpack(">IIB", content, 0)
            dpi = plausible_dpi(across * _INCHES_PER_METRE) if unit == 1 else None
            square = pixel_height(across, down)
        elif name == b"tRNS":
            alpha = True
        elif name == b"eXIf":
            orientation, *_ = read_exif(bytes(content))
    return Header(width, height, orientation, dpi, alpha, 1 if colour == 0 else 3, square)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and the content of each chunk up to IEND."""
    view, at = memoryview(data), 8
    for _ in range(_MAX_CHUNKS):
        size, name = _unpack(">I4s", data, at)
        if at + 12 + size > len(data):
            raise MalformedFileError("it ends in the middle of its data")
        yield name, view[at + 8 : at + 8 + size]
        at += 12 + size
        if name == b"IEND":
            return
    raise MalformedFileError("its end is missing")


def read_gif(data: bytes) -> Header:
    """Return the larger of the canvas and the first frame: decoders allocate both."""
    width, height, flags = _unpack("<HHB", data, 6)
    at = 13 + _palette_bytes(flags)
    while data[at : at + 1] == b"!":  # extensions before the first frame
        at += 2
        while size := _unpack("<B", data, at)[0]:
            at += 1 + size
        at += 1
    mark, left, top, frame_width, frame_height = _unpack("<cHHHH", data, at)
    if mark != b",":
        raise MalformedFileError("it has no picture")
    return Header(max(width, left + frame_width), max(height, top + frame_height), alpha=True)


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def read_bmp(data: bytes) -> Header:
    """Read the old 12-byte core header or the first 40 bytes of every later one."""
    (size,) = _unpack("<I", data, 14)
    if size == 12:
        width, height = _unpack("<HH", data, 18)
        return Header(width, height)
    width, height = _unpack("<ii", data, 18)
    across, down = _unpack("<ii", data, 38) if size >= _BMP_INFO else (0, 0)
    return Header(
        abs(width),
        abs(height),
        dpi=plausible_dpi(across * _INCHES_PER_METRE),
        pixel_height=pixel_height(across, down),
    )


def read_webp(data: bytes) -> Header:
    """Read the first chunk, and EXIF where the container has it."""
    name = data[12:16]
    if name == b"VP8X":
        flags, width, height = _unpack("<B3x3s3s", data, 20)
        orientation, dpi, square = _webp_exif(data) if flags & 0x08 else (1, None, 1.0)
        width, height = (1 + int.from_bytes(side, "little") for side in (width, height))
        alpha = bool(flags & 0x10)
        return Header(width, height, orientation, dpi, alpha, pixel_height=square)
    if name == b"VP8L":
        (bits,) = _unpack("<I", data, 21)
        return Header(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), alpha=bool(bits >> 28 & 1))
    if name == b"VP8 ":
        width, height = _unpack("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    raise MalformedFileError("it has no picture")


def _webp_exif(data: bytes) -> tuple[int, float | None, float]:
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            break
        name, size = _unpack("<4sI", data, at)
        if name == b"EXIF":
            return read_exif(bytes(data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return 1, None, 1.0


def read_pnm(data: bytes) -> Header:
    """Read the first two numbers after the magic; comments run from # to the end of the line."""
    match = re.match(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s", data[:4096])
    if match is None:
        raise MalformedFileError("its width and height are missing")
    return Header(int(match[1]), int(match[2]))


def read_jp2(data: bytes) -> Header:
    """Find the codestream (in a box, or bare) and read its SIZ marker."""
    at = 0 if data[:4] == b"\xff\x4f\xff\x51" else _codestream(data)
    if data[at : at + 4] != b"\xff\x4f\xff\x51":
        raise MalformedFileError("its header (SIZ) is missing")
    right, bottom, left, top = _unpack(">IIII", data, at + 8)
    (samples,) = _unpack(">H", data, at + 40)
    return Header(right - left, bottom - top, samples=samples)


def _codestream(data: bytes) -> int:
    at = 0
    for _ in range(_MAX_CHUNKS):
        size, name = _unpack(">I4s", data, at)
        head = 16 if size == 1 else 8
        if name == b"jp2c":
            return at + head
        size = _unpack(">Q", data, at + 8)[0] if size == 1 else size
        if size < head:
            break
        at += size
    raise MalformedFileError("it has no picture")


def _unpack(layout: str, data: bytes | memoryview, at: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(layout, data, at)
    except (struct.error, OverflowError) as error:
        raise MalformedFileError("its header is incomplete") from error
