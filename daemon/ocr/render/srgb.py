"""The ICC profile of sRGB, made from the numbers of IEC 61966-2-1.

A matrix profile (ICC.1:2001-04, version 2.4) of three primaries, adapted to D50, and one curve.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final

_WHITE: Final = (0.9642, 1.0, 0.8249)  # D50, the white of all profiles
_PRIMARIES: Final = (
    (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410),
)  # fmt: skip
_CURVE_POINTS: Final = 1024
_NAME: Final = "sRGB IEC61966-2.1"


@cache
def profile() -> bytes:
    """Return the profile, the same bytes each time."""
    curve = struct.pack(">4s4xI", b"curv", _CURVE_POINTS) + b"".join(
        struct.pack(">H", round(65535 * _linear(i / (_CURVE_POINTS - 1))))
        for i in range(_CURVE_POINTS)
    )
    red, green, blue = map(_xyz, _PRIMARIES)
    tags = {
        b"desc": _description(_NAME), b"cprt": b"text\0\0\0\0No copyright, use freely\0",
        b"wtpt": _xyz(_WHITE), b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue,
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    return _assembled(tags)


def _linear(value: float) -> float:
    """Return the light of a value, both 0..1."""
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(65536 * value) for value in values))


def _description(text: str) -> bytes:
    ascii_text = text.encode("ascii") + b"\0"
    head = struct.pack(">4s4xI", b"desc", len(ascii_text)) + ascii_text
    return head + bytes(4 + 4 + 2 + 1 + 67)  # no Unicode and no Macintosh description


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Return header, table and contents of the tags; equal contents are stored once."""
    places: dict[bytes, int] = {}
    data, start = b"", 128 + 4 + 12 * len(tags)
    for content in tags.values():
        if content not in places:
            places[content] = start + len(data)
            data += content + bytes(-len(content) % 4)
    table = struct.pack(">I", len(tags)) + b"".join(
        struct.pack(">4sII", tag, places[content], len(content)) for tag, content in tags.items()
    )
    size = 128 + len(table) + len(data)
    header = struct.pack(
        ">I4xI4s4s4s6H4s4x4s4s4s8xI3i", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ",
        2026, 1, 1, 0, 0, 0, b"acsp", b"\0\0\0\0", b"\0\0\0\0", b"\0\0\0\0", 0,
        *(round(65536 * value) for value in _WHITE),
    )  # fmt: skip
    return header.ljust(128, b"\0") + table + data
