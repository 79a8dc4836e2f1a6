"""TIFFs of every layout: depth, planes, tiles, predictor, byte and bit order.

The directory lies before the strips, so that a file that is cut loses strips and nothing else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
STRUCT_CODES = {1: "B", 3: "H", 4: "I", 7: "B"}
Tag = tuple[int, Sequence[int]]  # type and values


@dataclass(frozen=True)
class Layout:
    """How `tiff_of` stores samples; `tile` is the side of a tile, `rows` those of a strip."""

    bits: int = 8
    photometric: int = 1
    planar: bool = False
    tile: int = 0
    rows: int = 0
    extra: int | None = None
    order: str = "<"
    compression: int = 1
    predictor: bool = False
    reversed_bits: bool = False
    palette: Sequence[int] = ()
    pack: Callable[[bytes], bytes] | None = None
    tags: dict[int, Tag] = field(default_factory=dict)


def levels(image: np.ndarray, bits: int) -> np.ndarray:
    """Return 8-bit values as integers of `bits` bits."""
    return np.round(image / 255 * ((1 << bits) - 1)).astype(np.int64)


def shown(values: np.ndarray, bits: int) -> np.ndarray:
    """Return what a viewer shows of integers of `bits` bits: 0..255."""
    return values * 255 / ((1 << bits) - 1)


def tiff_of(values: np.ndarray, layout: Layout) -> bytes:
    """Write integers H,W or H,W,n."""
    samples = values if values.ndim == 3 else values[..., None]
    height, width, count = samples.shape
    planes = np.split(samples, count, axis=2) if layout.planar else [samples]
    chunks = [_stored(piece, layout) for plane in planes for piece in _pieces(plane, layout)]
    tags: dict[int, Tag] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [layout.bits] * count),
        259: (3, [layout.compression]),
        262: (3, [layout.photometric]),
        266: (3, [2 if layout.reversed_bits else 1]),
        277: (3, [count]),
        284: (3, [2 if layout.planar else 1]),
        317: (3, [2 if layout.predictor else 1]),
    }
    if layout.extra is not None:
        tags[338] = (3, [layout.extra])
    if layout.palette:
        tags[320] = (3, layout.palette)
    if layout.tile:
        tags |= {322: (3, [layout.tile]), 323: (3, [layout.tile])}
    else:
        tags[278] = (4, [layout.rows or height])
    return directory_first(tags | layout.tags, chunks, layout.order, tiled=bool(layout.tile))


def directory_first(
    tags: dict[int, Tag], chunks: Sequence[bytes], order: str = "<", *, tiled: bool = False
) -> bytes:
    """Return a TIFF with these tags and chunks, the offsets and sizes of which are added."""
    offsets, sizes = (324, 325) if tiled else (273, 279)
    lengths = [len(chunk) for chunk in chunks]
    tags = tags | {offsets: (4, [0] * len(chunks)), sizes: (4, lengths)}
    values_at = 8 + 2 + 12 * len(tags) + 4
    extra = sum(len(_values(tag, order)) for tag in tags.values() if len(_values(tag, order)) > 4)
    starts = np.cumsum([values_at + extra, *lengths])[:-1]
    tags[offsets] = (4, [int(start) for start in starts])
    entries, tail = b"", b""
    for number, tag in sorted(tags.items()):
        kind, values = tag
        data = _values(tag, order)
        place = data.ljust(4, b"\0")
        if len(data) > 4:
            place = struct.pack(order + "I", values_at + len(tail))
            tail += data
        entries += struct.pack(order + "HHI", number, kind, len(values)) + place
    head = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags))
    return head + entries + bytes(4) + tail + b"".join(chunks)


def _values(tag: Tag, order: str) -> bytes:
    kind, values = tag
    if kind == 5:
        return b"".join(struct.pack(order + "II", value, 1) for value in values)
    data = struct.pack(f"{order}{len(values)}{STRUCT_CODES[kind]}", *values)
    return data + bytes(len(data) % 2) if len(data) > 4 else data


def _pieces(plane: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """Cut a plane into strips, or into tiles that are filled beyond the edges of the page."""
    height, width, _ = plane.shape
    if not layout.tile:
        rows = layout.rows or height
        return [plane[top : top + rows] for top in range(0, height, rows)]
    side = layout.tile
    padded = np.pad(plane, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    return [
        padded[top : top + side, left : left + side]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def _stored(piece: np.ndarray, layout: Layout) -> bytes:
    if layout.predictor:
        piece = np.diff(piece, axis=1, prepend=0) % (1 << layout.bits)
    data = _packed(piece.reshape(len(piece), -1), layout.bits, layout.order)
    data = layout.pack(data) if layout.pack else data
    return data.translate(REVERSED) if layout.reversed_bits else data


def _packed(rows: np.ndarray, bits: int, order: str) -> bytes:
    if bits in (8, 16):
        return rows.astype(f"{order}u{bits // 8}").tobytes()
    digits = rows[..., None] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(digits.astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()


def packbits(data: bytes) -> bytes:
    """Encode as literal runs."""
    runs = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


PACKED: dict[int, Callable[[bytes], bytes]] = {8: zlib.compress, 32773: packbits}
