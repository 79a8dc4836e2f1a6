"""Fuzz target: for any HEIC photo, its page is decoded or rejected; nothing hangs or takes memory.

libheif and libde265 see the bytes as in a worker. Mutations keep the structure of boxes, so that
they reach the decoders behind it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.core import signatures
from tests.fuzz import pages

CONTAINERS = (b"meta", b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf")
_BRAND = b"heic"


def check(path: Path) -> None:
    """Raise when a photo ends in anything but pixels or a one-line rejection.

    The brand is set to the one that the daemon hands to libheif, whatever the photo is.
    """
    data = path.read_bytes()
    if data[4:8] == b"ftyp" and len(data) >= 12:
        path.write_bytes(data[:8] + _BRAND + data[12:])
    pages.check(path)


def mutate(
    data: bytes, max_size: int, rng: random.Random, change: Callable[[bytes, int], bytes]
) -> bytes:
    """Change the content of one box, and its length only if no offset points behind it."""
    boxes = list(leaves(data, 0, len(data)))
    if not boxes or rng.random() < 0.1:
        return change(data, max_size)
    start, end = rng.choice(boxes)
    content = change(data[start:end], end - start)[: end - start]
    return data[:start] + content.ljust(end - start, b"\0") + data[end:]


def leaves(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the content of each box without boxes in it begins and ends (ISO 14496-12)."""
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        last = end if size == 0 else min(end, start + size)
        if size != 0 and size < 8:
            return
        inner = start + 8 + (4 if kind == b"meta" else 0)  # meta begins with version and flags
        if kind in CONTAINERS:
            yield from leaves(data, inner, last)
        elif last > start + 8:
            yield start + 8, last
        start = last


assert _BRAND in signatures.HEIC_BRANDS
