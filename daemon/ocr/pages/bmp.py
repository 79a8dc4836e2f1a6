"""BMP of 2, 16 and 32 bits a pixel, uncompressed; OpenCV decodes the other depths.

OpenCV takes the masks of colours for the usual ones, and makes white of 5 bits a light gray; MuPDF
turns black what has an empty colour space. Sources: Microsoft's BITMAPINFOHEADER, BITMAPV5HEADER.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from daemon.core.tiff import MalformedFileError
from daemon.ocr.pages import transparency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

_INFO_HEADER: Final = 40  # bytes; the old header of 12 has no such depths
_MASKS_AT: Final = 54  # in the file: behind the first 40 bytes of the header, or in a longer one
_RGB, _BITFIELDS, _ALPHA_BITFIELDS = 0, 3, 6  # values of compression
_ALPHA_FROM: Final = 56  # bytes of a header that has a mask of alpha
_USUAL_MASKS: Final = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_BAND: Final = 256  # rows that are converted at once
_WHITE: Final = 255


def decode(data: bytes) -> tuple[Pixels, bool] | None:
    """Return H,W,3 BGR, and whether all rows are there; None for a depth that is not read here."""
    try:
        start, size = struct.unpack_from("<II", data, 10)
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        if size < _INFO_HEADER or bits not in (2, 16, 32):
            return None
        if compression not in (_RGB, _BITFIELDS, _ALPHA_BITFIELDS) or (bits == 2 and compression):
            return None
        masks = _masks(data, size, bits, compression)
    except struct.error as error:
        raise MalformedFileError("its header is incomplete") from error
    if width <= 0:
        raise MalformedFileError("it has no columns")
    stride = (width * bits + 31) // 32 * 4
    stored = np.frombuffer(data, np.uint8, offset=min(start, len(data)))
    rows = min(abs(height), len(stored) // stride)
    if not rows:
        return None
    stored = stored[: rows * stride].reshape(rows, stride)
    image: Pixels = np.full((abs(height), width, 4), _WHITE, np.uint8)
    for top in range(0, rows, _BAND):
        band = stored[top : top + _BAND]
        shown = _of_palette(data, size, band, width) if bits == 2 else _of_masks(band, masks, bits)
        image[top : top + len(band)] = shown[:, :width]
    if height > 0:  # from the lowest row up
        image = image[::-1]
    has_alpha = bits == 32 and masks[3] and bool(image[..., 3].any())
    opaque = transparency.composite(np.ascontiguousarray(image)) if has_alpha else image[..., :3]
    return np.ascontiguousarray(opaque), rows == abs(height)


def _masks(data: bytes, size: int, bits: int, compression: int) -> tuple[int, int, int, int]:
    """Return the masks of red, green, blue and alpha (0: none)."""
    if compression == _RGB or bits == 2:
        return _USUAL_MASKS.get(bits, (0, 0, 0, 0))
    red, green, blue = struct.unpack_from("<III", data, _MASKS_AT)
    has_alpha = size >= _ALPHA_FROM or compression == _ALPHA_BITFIELDS
    alpha = struct.unpack_from("<I", data, _MASKS_AT + 12)[0] if has_alpha else 0
    return red, green, blue, alpha


def _of_masks(band: Pixels, masks: tuple[int, int, int, int], bits: int) -> Pixels:
    """Return rows,W,4 BGRA of rows of bytes; without a mask, colours are 0 and alpha is 255."""
    values = np.ascontiguousarray(band).view(f"<u{bits // 8}")
    red, green, blue, alpha = masks
    result = np.zeros((*values.shape, 4), np.uint8)
    result[..., 3] = _WHITE
    for channel, mask in enumerate((blue, green, red, alpha)):
        if mask:
            result[..., channel] = _scaled(values, mask)
    return result


def _scaled(values: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """Return the bits of a mask scaled to 0..255."""
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    found = (values.astype(np.uint32) & np.uint32(mask)) >> np.uint32(shift)
    surplus = max(0, most.bit_length() - 16)  # so that the product fits in 32 bits
    most, found = most >> surplus, found >> np.uint32(surplus)
    return ((found * np.uint32(255) + np.uint32(most // 2)) // np.uint32(most)).astype(np.uint8)


def _of_palette(data: bytes, size: int, band: Pixels, width: int) -> Pixels:
    """Return rows,W,4 BGRA of rows of bytes with four pixels each."""
    palette = np.zeros((4, 4), np.uint8)
    entries = np.frombuffer(data, np.uint8, offset=min(14 + size, len(data)))[:16]
    entries = entries[: len(entries) // 4 * 4].reshape(-1, 4)
    palette[: len(entries)] = entries
    indices = (band[:, :, None] >> np.array([6, 4, 2, 0], np.uint8)) & 3
    return np.asarray(palette[indices.reshape(len(band), -1)[:, :width]], np.uint8)
