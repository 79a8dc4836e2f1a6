"""The directories of a TIFF, classic or big, read without decoding a pixel.

Used by `inbox` (does every strip lie inside the file?), by `ocr/pages` (how large is each page?)
and for EXIF, which is a TIFF of its own. Offsets may lie: a cycle ends the walk, and so does a file
whose directories, laid over one another, would cost more than any scan's.
Source: TIFF 6.0, section 2; BigTIFF by Adobe and libtiff.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
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
_ENTRIES_IN_ALL: Final = 250_000  # 2 000 pages and their thumbnails have 80 000
_VALUES_IN_ALL: Final = 1 << 20
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

    A rational counts as two values, numerator and denominator. `reach` is where the values of all
    its tags end, read or not.
    """

    offset: int
    tags: Mapping[int, tuple[int, ...]]
    reach: int = 0

    def first(self, tag: int, default: int) -> int:
        """Return the tag's first value."""
        values = self.tags.get(tag)
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Chain:
    """The directories in order, and how the chain ended: well, in a loop, torn, or too long.

    It is too long too where what was read of it has cost too much.
    """

    directories: tuple[Directory, ...]
    ending: Literal["end", "loop", "torn", "long"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are laid out: byte order, and the sizes that BigTIFF doubled."""

    order: str
    big: bool

    def unpack(self, read_at: ReadAt, notifications: str, offset: int) -> tuple[int, ...]:
        notifications = self.order + notifications
        size = struct.calcsize(notifications)
        data = read_at(offset, size)
        if len(data) < size:
            raise TornError("it points outside of itself")
        return struct.unpack(notifications, data)

    def entry(self, data: bytes) -> _Entry:
        """Take an entry apart."""
        tag, kind, count = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), data)
        field = data[12:] if self.big else data[8:]
        if kind not in _TYPES:
            return _Entry(tag, kind, 0, field, 0, 0)
        notification, per_count = _TYPES[kind]
        size = count * per_count * struct.calcsize("=" + notification)
        if size <= len(field):
            return _Entry(tag, kind, count, field, 0, 0)
        (offset,) = struct.unpack(self.order + ("Q" if self.big else "I"), field)
        return _Entry(tag, kind, count, field, offset, offset + size)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tag of a directory, not read yet; `reach` is where its values end, 0 within the entry.

    The count is 0 for a type that is not known.
    """

    tag: int
    kind: int
    count: int
    field: bytes
    offset: int
    reach: int


def read_chain(
    read_at: ReadAt, wanted: Collection[int], most: int, each: int = _MOST_VALUES
) -> Chain:
    """Walk the directories, at most `most` of them; raise TornError when not even one is whole.

    Of each wanted tag the first `each` values are read.
    """
    layout, offset = _read_header(read_at)
    walk = _Walk(read_at, layout, wanted, each)
    found: list[Directory] = []
    seen = set()
    while offset:
        if offset in seen:
            return Chain(tuple(found), "loop")
        if len(found) == most or walk.is_dear:
            return Chain(tuple(found), "long")
        seen.add(offset)
        try:
            directory, offset = walk.read_directory(offset)
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


@dataclass(slots=True)
class _Walk:
    """Reads directories, and counts what they cost."""

    read_at: ReadAt
    layout: _Layout
    wanted: Collection[int]
    each: int
    entries: int = 0
    values: int = 0

    @property
    def is_dear(self) -> bool:
        return self.entries > _ENTRIES_IN_ALL or self.values > _VALUES_IN_ALL

    def read_directory(self, offset: int) -> tuple[Directory, int]:
        """Return the directory at `offset` and the offset of the next one (0: none)."""
        layout = self.layout
        count_letter, entry_size, next_letter = ("Q", 20, "Q") if layout.big else ("H", 12, "I")
        (count,) = layout.unpack(self.read_at, count_letter, offset)
        if not 0 < count <= _MOST_ENTRIES:
            raise TornError("a directory has no sensible size")
        start = offset + struct.calcsize("=" + count_letter)
        block = self.read_at(start, count * entry_size)
        if len(block) < count * entry_size:
            raise TornError("the directory is cut")
        self.entries += count
        entries = (block[at : at + entry_size] for at in range(0, len(block), entry_size))
        tags, reach = self._read_tags(map(layout.entry, entries))
        (following,) = layout.unpack(self.read_at, next_letter, start + len(block))
        return Directory(offset, tags, reach), following

    def _read_tags(self, entries: Iterable[_Entry]) -> tuple[dict[int, tuple[int, ...]], int]:
        """Return the values of the wanted tags, and where the values of all of them end."""
        tags: dict[int, tuple[int, ...]] = {}
        reach = 0
        for entry in entries:
            reach = max(reach, entry.reach)
            if entry.tag in self.wanted and entry.tag not in tags:
                tags[entry.tag] = self._read_values(entry)
                self.values += len(tags[entry.tag])
        return tags, reach

    def _read_values(self, entry: _Entry) -> tuple[int, ...]:
        """Return an entry's values: inside the entry when they fit, else where it points."""
        if not entry.count:
            return ()
        notification, per_count = _TYPES[entry.kind]
        notifications = f"{min(entry.count * per_count, self.each)}{notification}"
        if not entry.reach:
            return struct.unpack_from(self.layout.order + notifications, entry.field)
        return self.layout.unpack(self.read_at, notifications, entry.offset)
