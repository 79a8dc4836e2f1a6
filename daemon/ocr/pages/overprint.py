"""Glyphs that are drawn again at almost the same place, to look bold or to have a shadow.

Programs without a bold font draw a text two to five times, each time a fraction of a point aside:
glyph by glyph, run by run, or the whole page. A shadow is a copy in another colour up to two
points aside to the right and below. A person sees the text once.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from daemon.ocr.pages.glyphs import Glyph, GlyphLine

_MAX_OFFSET: Final = 3.0  # points, and
_MAX_OFFSET_SHARE: Final = 0.3  # of the size of the font: copies lie no farther apart
_MIN_REACH: Final = 0.35  # points: fonts of a few points are drawn bold too
# of the width of the glyph: an offset along the line that is larger may be that of the next one,
# as between the two letters of "ll"
_CERTAIN_SHARE: Final = 0.45
_SAME_OFFSET: Final = 0.08  # points by which the offsets of the glyphs of one copy vary
_MIN_COPIED: Final = 0.8  # share of the glyphs of a line that have an original at one offset
_MIN_COPIES: Final = 2  # glyphs of a line with copies at an offset that make it one of copies
_MAX_SIZE_RATIO: Final = 1.1  # a shadow may be a little larger
_CELL: Final = 4.0  # points; the cells in which glyphs are looked up, at least _MAX_OFFSET


def without_copies(lines: Sequence[GlyphLine]) -> list[GlyphLine]:
    """Return the lines less the glyphs that repeat an earlier one; lines may become empty.

    A repetition beside the first ("yes yes", "22") is farther away than a copy, and is kept.
    """
    kept = _KeptGlyphs()
    result = []
    for line in lines:
        glyphs = _without_copies_in(line, kept)
        kept.add(glyphs)
        result.append(GlyphLine(glyphs, line.direction, line.is_vertical, line.block))
    return result


class _KeptGlyphs:
    """The glyphs that are kept so far, by text and place."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, int, int], list[Glyph]] = defaultdict(list)

    def add(self, glyphs: Sequence[Glyph]) -> None:
        """Remember the glyphs of a line, or one of them."""
        for glyph in glyphs:
            if not glyph.is_space:
                self._cells[(glyph.text, *_cell(glyph.origin))].append(glyph)

    def offsets_to(self, glyph: Glyph) -> list[tuple[float, float]]:
        """Return the offsets, in points, of the glyph to earlier ones of which it may be a copy."""
        column, row = _cell(glyph.origin)
        reach = _reach(glyph)
        offsets = []
        for x in (column - 1, column, column + 1):
            for y in (row - 1, row, row + 1):
                for other in self._cells.get((glyph.text, x, y), ()):
                    dx, dy = glyph.origin[0] - other.origin[0], glyph.origin[1] - other.origin[1]
                    larger = max(glyph.size, other.size)
                    if math.hypot(dx, dy) <= reach and larger <= _MAX_SIZE_RATIO * min(
                        glyph.size, other.size
                    ):
                        offsets.append((dx, dy))
        return offsets


def _without_copies_in(line: GlyphLine, kept: _KeptGlyphs) -> tuple[Glyph, ...]:
    """Return the glyphs of a line that are no copies of those `kept`, nor of each other."""
    visible = [glyph for glyph in line.glyphs if not glyph.is_space]
    offsets = [kept.offsets_to(glyph) for glyph in visible]
    common = _common_offset(offsets)
    if common is not None:
        copied = sum(any(_is_same(each, common) for each in of_glyph) for of_glyph in offsets)
        if copied >= _MIN_COPIED * len(visible) and (
            len(visible) > 1 or _is_certain(visible[0], common, line.direction)
        ):
            return ()
    return _without_single_copies(line, kept)


def _without_single_copies(line: GlyphLine, kept: _KeptGlyphs) -> tuple[Glyph, ...]:
    """Return the glyphs of a line less those that certainly repeat another one.

    A thin glyph is a copy where wide glyphs of the line have copies at the same offset.
    """
    offsets_of_copies = _offsets_of_copies(line, kept)
    own = _KeptGlyphs()
    result: list[Glyph] = []
    for glyph in line.glyphs:
        if not glyph.is_space:
            if any(
                _is_certain(glyph, offset, line.direction)
                or any(_is_same(offset, other) for other in offsets_of_copies)
                for offset in (*own.offsets_to(glyph), *kept.offsets_to(glyph))
            ):
                continue
            own.add((glyph,))
        result.append(glyph)
    return tuple(result)


def _offsets_of_copies(line: GlyphLine, kept: _KeptGlyphs) -> list[tuple[float, float]]:
    """Return the offsets at which several glyphs of a line certainly have copies."""
    own = _KeptGlyphs()
    counts: Counter[tuple[int, int]] = Counter()
    for glyph in line.glyphs:
        certain = [
            offset
            for offset in (*own.offsets_to(glyph), *kept.offsets_to(glyph))
            if not glyph.is_space and _is_certain(glyph, offset, line.direction)
        ]
        counts.update((round(x / _SAME_OFFSET), round(y / _SAME_OFFSET)) for x, y in certain)
        if not certain:
            own.add((glyph,))
    return [
        (x * _SAME_OFFSET, y * _SAME_OFFSET)
        for (x, y), count in counts.items()
        if count >= _MIN_COPIES
    ]


def _common_offset(offsets: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float] | None:
    """Return the offset that most glyphs have to an earlier one, None without any."""
    counts = Counter(
        (round(dx / _SAME_OFFSET), round(dy / _SAME_OFFSET))
        for of_glyph in offsets
        for dx, dy in of_glyph
    )
    if not counts:
        return None
    (x, y), _ = counts.most_common(1)[0]
    return x * _SAME_OFFSET, y * _SAME_OFFSET


def _is_same(offset: tuple[float, float], other: tuple[float, float]) -> bool:
    return max(abs(offset[0] - other[0]), abs(offset[1] - other[1])) <= _SAME_OFFSET


def _is_certain(glyph: Glyph, offset: tuple[float, float], direction: tuple[float, float]) -> bool:
    """Tell whether an offset is too small along the line to be that of the next glyph."""
    along = abs(offset[0] * direction[0] + offset[1] * direction[1])
    width, height = glyph.box[2] - glyph.box[0], glyph.box[3] - glyph.box[1]
    return along <= _CERTAIN_SHARE * abs(width * direction[0]) + _CERTAIN_SHARE * abs(
        height * direction[1]
    )


def _reach(glyph: Glyph) -> float:
    return min(_MAX_OFFSET, max(_MIN_REACH, _MAX_OFFSET_SHARE * glyph.size))


def _cell(point: tuple[float, float]) -> tuple[int, int]:
    return math.floor(point[0] / _CELL), math.floor(point[1] / _CELL)
