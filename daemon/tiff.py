"""The directories of a TIFF, classic or big, read without decoding a pixel.

Used by `inbox` (does every strip lie inside the file?), by `ocr/pages` (how large is each page?)
and for EXIF, which is a TIFF of its own. Offsets may lie: reads are bounded, a cycle ends the walk.
Source: TIFF 6.0, section 2; BigTIFF by Adobe and libtiff.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

ReadAt = Callable[[int, int], bytes]
"""Give at most `length` bytes at `offset`; fewer at the end of the file."""

WIDTH, HEIGHT, BITS, PHOTOMETRIC = 256, 257, 258, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_BYTES = 273, 274, 277, 279
X_RESOLUTION, RESOLUTION_UNIT, TILE_OFFSETS, TILE_BYTES = 282, 296, 324, 325
SUBFILE, EXTRA_SAMPLES = 254, 338

_MOST_VALUES: Final = 65_536  # strips of one row each, of a page as high as it can be
_MOST_ENTRIES: Final = 4096
# type -> struct letter and values per count; a float is taken by its bits, for nobody asks for one
_TYPES: Final = {
    **dict.fromkeys((1, 2, 6, 7), ("B", 1)),  # byte, text, signed, undefined
    **dict.fromkeys((3, 8), ("H", 1)),
    **dict.fromkeys((4, 9, 11, 13), ("I", 1)),
    **dict.fromkeys((5, 10), ("I", 2)),  # rational
    **dict.fromkeys((12, 16, 17, 18), ("Q", 1)),
}


class TornError(ValueError):
    """The bytes do not hold what they promise."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One page's header: where it stands and the values of the tags that were asked for.

    A rational counts as two values, numerator and denominator.
    """

    offset: int
    tags: Mapping[int, tuple[int, ...]]

    def first(self, tag: int, default: int) -> int:
        """Return the tag's first value."""
        values = self.tags.get(tag)
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Chain:
    """The directories in order, and how the chain ended: well, in a loop, torn, or too long."""

    directories: tuple[Directory, ...]
    ending: Literal["end", "loop", "torn", "long"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are laid out: byte order, and the sizes that BigTIFF doubled."""

    order: str
    big: bool

    def unpack(self, read_at: ReadAt, letters: str, offset: int) -> tuple[int, ...]:
        letters = self.order + letters
        size = struct.calcsize(letters)
        data = read_at(offset, size)
        if len(data) < size:
            raise TornError("it points outside of itself")
        return struct.unpack(letters, data)


def read_chain(read_at: ReadAt, wanted: Collection[int], most: int) -> Chain:
    """Walk the directories, at most `most` of them; raise TornError when not even one is whole."""
    layout, offset = _read_header(read_at)
    found: list[Directory] = []
    seen = set()
    while offset:
        if offset in seen:
            return Chain(tuple(found), "loop")
        if len(found) == most:
            return Chain(tuple(found), "long")
        seen.add(offset)
        try:
            directory, offset = _read_directory(read_at, layout, offset, wanted)
        except TornError:
            if not found:
                raise
            return Chain(tuple(found), "torn")
        found.append(directory)
    if not found:
        raise TornError("no directory")
    return Chain(tuple(found), "end")


def point_header_at(data: bytearray, directory: Directory) -> None:
    """Make `directory` the first of the file, so that a decoder reads this page and no other."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2 if order == "<" else 3] == 43:
        struct.pack_into(order + "Q", data, 8, directory.offset)
    else:
        struct.pack_into(order + "I", data, 4, directory.offset)


def _read_header(read_at: ReadAt) -> tuple[_Layout, int]:
    head = read_at(0, 4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        raise TornError("no byte order")
    (version,) = struct.unpack(order + "H", head[2:])
    layout = _Layout(order, version == 43)
    (offset,) = layout.unpack(read_at, *(("Q", 8) if layout.big else ("I", 4)))
    return layout, offset


def _read_directory(
    read_at: ReadAt, layout: _Layout, offset: int, wanted: Collection[int]
) -> tuple[Directory, int]:
    """Return the directory at `offset` and the offset of the next one (0: none)."""
    count_letter, entry_size, next_letter = ("Q", 20, "Q") if layout.big else ("H", 12, "I")
    (count,) = layout.unpack(read_at, count_letter, offset)
    if not 0 < count <= _MOST_ENTRIES:
        raise TornError("a directory has no sensible size")
    start = offset + struct.calcsize("=" + count_letter)
    block = read_at(start, count * entry_size)
    if len(block) < count * entry_size:
        raise TornError("the directory is cut")
    tags = {}
    for at in range(0, len(block), entry_size):
        (tag,) = struct.unpack_from(layout.order + "H", block, at)
        if tag in wanted:
            tags[tag] = _read_values(read_at, layout, block[at : at + entry_size])
    (following,) = layout.unpack(read_at, next_letter, start + len(block))
    return Directory(offset, tags), following


def _read_values(read_at: ReadAt, layout: _Layout, entry: bytes) -> tuple[int, ...]:
    """Return an entry's values: inside the entry when they fit, else where it points."""
    kind, count = struct.unpack_from(layout.order + ("HQ" if layout.big else "HI"), entry, 2)
    if kind not in _TYPES or not 0 < count <= _MOST_VALUES:
        return ()
    letter, per_count = _TYPES[kind]
    field = entry[12:] if layout.big else entry[8:]
    letters = f"{count * per_count}{letter}"
    if struct.calcsize("=" + letters) <= len(field):
        return struct.unpack_from(layout.order + letters, field)
    (offset,) = struct.unpack(layout.order + ("Q" if layout.big else "I"), field)
    return layout.unpack(read_at, letters, offset)
