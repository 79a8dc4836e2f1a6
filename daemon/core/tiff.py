"""Reads the directories of a TIFF (classic or BigTIFF) without decoding pixels.

Used by `inbox` (does every strip lie inside the file?), by `ocr/pages` (how large is each page?)
and for EXIF data, which has the format of a TIFF. Offsets are untrusted: reading ends at a cycle,
and when overlapping directories exceed the cost of any real scan.
Source: TIFF 6.0, section 2; BigTIFF by Adobe and libtiff.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

ReadAt = Callable[[int, int], bytes]
"""Called with `offset` and `length`; returns fewer bytes at the end of the file."""

WIDTH, HEIGHT, BITS, PHOTOMETRIC = 256, 257, 258, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_BYTES = 273, 274, 277, 279
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, TILE_OFFSETS, TILE_BYTES = 282, 283, 296, 324, 325
SUBFILE, EXTRA_SAMPLES, COMPRESSION, FILL_ORDER, ROWS_PER_STRIP = 254, 338, 259, 266, 278
PLANAR, T4_OPTIONS, PREDICTOR, COLOUR_MAP, SAMPLE_FORMAT = 284, 292, 317, 320, 339
TILE_WIDTH, TILE_HEIGHT, JPEG_TABLES = 322, 323, 347

_MAX_VALUES: Final = 65_536  # strips of one row each, for the highest possible page
_MAX_ENTRIES: Final = 4096
_MAX_TOTAL_ENTRIES: Final = 250_000  # 2 000 pages and their thumbnails have 80 000
_MAX_TOTAL_VALUES: Final = 1 << 20
# type -> struct code and values per count; floats are read as their bits, since none is needed
_TYPES: Final = {
    **dict.fromkeys((1, 2, 6, 7), ("B", 1)),  # byte, text, signed, undefined
    **dict.fromkeys((3, 8), ("H", 1)),
    **dict.fromkeys((4, 9, 11, 13), ("I", 1)),
    **dict.fromkeys((5, 10), ("I", 2)),  # rational
    **dict.fromkeys((12, 16, 17, 18), ("Q", 1)),
}


class MalformedFileError(ValueError):
    """The bytes are no valid TIFF, or are incomplete."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The header of one page: its offset and the values of the requested tags.

    A rational counts as two values, numerator and denominator. `end` is the largest offset at which
    the values of any of its tags end, requested or not.
    """

    offset: int
    tags: Mapping[int, tuple[int, ...]]
    end: int = 0

    def first(self, tag: int, default: int) -> int:
        """Return the first value of a tag, or `default`."""
        values = self.tags.get(tag)
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Chain:
    """The directories in order, and why reading ended.

    "too_long" means more than the permitted number of directories, or of entries and values.
    """

    directories: tuple[Directory, ...]
    ending: Literal["complete", "loop", "truncated", "too_long"]


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Byte order, and whether offsets have the doubled size of BigTIFF."""

    order: str
    big: bool

    def unpack(self, read_at: ReadAt, codes: str, offset: int) -> tuple[int, ...]:
        codes = self.order + codes
        size = struct.calcsize(codes)
        data = read_at(offset, size)
        if len(data) < size:
            raise MalformedFileError("it refers to data beyond its end")
        return struct.unpack(codes, data)

    def entry(self, data: bytes) -> _Entry:
        """Parse one entry of a directory."""
        tag, kind, count = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), data)
        field = data[12:] if self.big else data[8:]
        if kind not in _TYPES:
            return _Entry(tag, kind, 0, field, 0, 0)
        code, per_count = _TYPES[kind]
        size = count * per_count * struct.calcsize("=" + code)
        if size <= len(field):
            return _Entry(tag, kind, count, field, 0, 0)
        (offset,) = struct.unpack(self.order + ("Q" if self.big else "I"), field)
        return _Entry(tag, kind, count, field, offset, offset + size)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tag of a directory before its values are read.

    `end` is the offset at which its values end, 0 if they lie within the entry. `count` is 0 for an
    unknown type.
    """

    tag: int
    kind: int
    count: int
    field: bytes
    offset: int
    end: int


def read_chain(
    read_at: ReadAt, wanted: Collection[int], max_directories: int, max_values: int = _MAX_VALUES
) -> Chain:
    """Read up to `max_directories` directories, and the first `max_values` values of each tag.

    Raises MalformedFileError if not even one directory is complete.
    """
    layout, offset = _read_header(read_at)
    reader = _DirectoryReader(read_at, layout, wanted, max_values)
    found: list[Directory] = []
    seen = set()
    while offset:
        if offset in seen:
            return Chain(tuple(found), "loop")
        if len(found) == max_directories or reader.is_over_budget:
            return Chain(tuple(found), "too_long")
        seen.add(offset)
        try:
            directory, offset = reader.read_directory(offset)
        except MalformedFileError:
            if not found:
                raise
            return Chain(tuple(found), "truncated")
        found.append(directory)
    if not found:
        raise MalformedFileError("it has no page")
    return Chain(tuple(found), "complete")


def point_header_at(data: bytearray, directory: Directory) -> None:
    """Make `directory` the first of the file, so that a decoder reads this page."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2 if order == "<" else 3] == 43:
        struct.pack_into(order + "Q", data, 8, directory.offset)
    else:
        struct.pack_into(order + "I", data, 4, directory.offset)


def _read_header(read_at: ReadAt) -> tuple[_Encoding, int]:
    head = read_at(0, 4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        raise MalformedFileError("its header is incomplete")
    (version,) = struct.unpack(order + "H", head[2:])
    layout = _Encoding(order, version == 43)
    (offset,) = layout.unpack(read_at, *(("Q", 8) if layout.big else ("I", 4)))
    return layout, offset


@dataclass(slots=True)
class _DirectoryReader:
    """Reads directories, and counts their entries and values."""

    read_at: ReadAt
    layout: _Encoding
    wanted: Collection[int]
    max_values: int
    entries: int = 0
    values: int = 0

    @property
    def is_over_budget(self) -> bool:
        return self.entries > _MAX_TOTAL_ENTRIES or self.values > _MAX_TOTAL_VALUES

    def read_directory(self, offset: int) -> tuple[Directory, int]:
        """Return the directory at `offset` and the offset of the next one (0: none)."""
        layout = self.layout
        count_code, entry_size, next_code = ("Q", 20, "Q") if layout.big else ("H", 12, "I")
        (count,) = layout.unpack(self.read_at, count_code, offset)
        if not 0 < count <= _MAX_ENTRIES:
            raise MalformedFileError("the size of a page directory is impossible")
        start = offset + struct.calcsize("=" + count_code)
        block = self.read_at(start, count * entry_size)
        if len(block) < count * entry_size:
            raise MalformedFileError("a page directory is incomplete")
        self.entries += count
        entries = (block[at : at + entry_size] for at in range(0, len(block), entry_size))
        tags, end = self._read_tags(map(layout.entry, entries))
        (following,) = layout.unpack(self.read_at, next_code, start + len(block))
        return Directory(offset, tags, end), following

    def _read_tags(self, entries: Iterable[_Entry]) -> tuple[dict[int, tuple[int, ...]], int]:
        """Return the values of the wanted tags, and the end offset of the values of all tags."""
        tags: dict[int, tuple[int, ...]] = {}
        end = 0
        for entry in entries:
            end = max(end, entry.end)
            if entry.tag in self.wanted and entry.tag not in tags:
                tags[entry.tag] = self._read_values(entry)
                self.values += len(tags[entry.tag])
        return tags, end

    def _read_values(self, entry: _Entry) -> tuple[int, ...]:
        """Return the values of an entry: from the entry if they fit, else from its offset."""
        if not entry.count:
            return ()
        code, per_count = _TYPES[entry.kind]
        codes = f"{min(entry.count * per_count, self.max_values)}{code}"
        if not entry.end:
            return struct.unpack_from(self.layout.order + codes, entry.field)
        return self.layout.unpack(self.read_at, codes, entry.offset)
