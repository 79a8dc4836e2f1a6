"""BMPs of every depth, with masks, palettes and headers of all versions."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np


def bmp_of(
    values: np.ndarray,
    bits: int,
    *,
    masks: Sequence[int] = (),
    palette: Sequence[tuple[int, int, int]] = (),
    header: int = 40,
    top_down: bool = False,
) -> bytes:
    """Write integers H,W of `bits` bits; `masks` are those of red, green, blue and alpha."""
    height, width = values.shape
    rows = values if top_down else values[::-1]
    pixels = _packed(rows, bits)
    pixels = np.pad(pixels, ((0, 0), (0, -pixels.shape[1] % 4))).tobytes()
    compression = 3 if masks else 0
    fields = struct.pack("<HHIIiiII", 1, bits, compression, len(pixels), 0, 0, len(palette), 0)
    head = struct.pack("<Iii", header, width, -height if top_down else height) + fields
    all_masks = b"".join(struct.pack("<I", mask) for mask in masks)
    if header > 40:
        head = (head + all_masks).ljust(header, b"\0")
    else:
        head += all_masks
    head += b"".join(bytes((*entry, 0)) for entry in palette)
    start = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels


def _packed(rows: np.ndarray, bits: int) -> np.ndarray:
    """Return H,n bytes."""
    if bits < 8:
        digits = rows[..., None] >> np.arange(bits - 1, -1, -1) & 1
        return np.packbits(digits.astype(np.uint8).reshape(len(rows), -1), axis=1)
    octets = [rows >> shift & 255 for shift in range(0, bits, 8)]
    return np.stack(octets, axis=-1).astype(np.uint8).reshape(len(rows), -1)
