"""Pieces of text lines: glyphs joined to words, and lines cut where a column or a cell ends.

Where the glyphs lie decides, not the order in which they were drawn. The spaces of a PDF are
unreliable: many programs only move to the next word, some draw a space in every gap.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from daemon.ocr.pages.glyphs import Bounds, Glyph, GlyphLine

# of the size of the font, all of them
_MIN_SPACE: Final = 0.15  # a gap as wide is a space: tight lines of TeX have 0.18
_WIDE_GAP: Final = 1.5  # a gap as wide separates columns or cells,
_GUTTER: Final = 0.8  # and so does this one, if it is
_GUTTER_RATIO: Final = 2.5  # times as wide as the other gaps of its line: not in a justified line
_MIN_GAPS: Final = 3  # other gaps, at least, for that
_LEADERS: Final = frozenset(".·…_‥")
_MAX_LEADER_GAP: Final = 3.0  # between dots that lead to the end of a line
_MAX_JOINED_GAP: Final = 0.5  # pieces of one line as close as this are joined again
_MAX_OVERLAP: Final = 0.3  # by which they may overlap: kerning
_SAME_BASELINE: Final = 0.1  # by which their baselines may differ
_MAX_SIZE_RATIO: Final = 1.15  # of the fonts of pieces that are joined

_MIN_STEPS: Final = 3  # distances of glyphs that show a pitch, at least
_SAME_STEP: Final = 0.03  # share of the pitch by which they may differ
_MIN_SAME_STEPS: Final = 0.8  # share of them that are the same
_MIN_STEP: Final = 1.5  # times the pitch: glyphs as far apart have a space between them


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words on one line without a wide gap; each word is a tuple of glyphs, no spaces."""

    words: tuple[tuple[Glyph, ...], ...]
    direction: tuple[float, float]
    is_vertical: bool
    block: int

    @property
    def text(self) -> str:
        """Its words with a space between them."""
        return " ".join("".join(glyph.text for glyph in word) for word in self.words)

    @property
    def size(self) -> float:
        """The median size of its glyphs in points."""
        return median(glyph.size for word in self.words for glyph in word)


def cut(lines: Sequence[GlyphLine]) -> list[Piece]:
    """Return the pieces of the lines; those that continue each other on a line are joined."""
    pieces = [piece for line in lines for piece in _cut_line(line)]
    return _joined(pieces)


def _cut_line(line: GlyphLine) -> Iterator[Piece]:
    """Yield the pieces of one line."""
    words = list(_words(line))
    if not words:
        return
    gaps = [_gap(a[-1], b[0], line.direction) for a, b in pairwise(words)]
    start = 0
    for k, gap in enumerate(gaps, start=1):
        size = max(words[k - 1][-1].size, words[k][0].size)
        if _is_leader(words[k - 1]) or _is_leader(words[k]):
            is_cut = gap >= _MAX_LEADER_GAP * size
        else:
            is_cut = gap >= _WIDE_GAP * size or (gap >= _GUTTER * size and _stands_out(gaps, k - 1))
        if is_cut:
            yield Piece(tuple(words[start:k]), line.direction, line.is_vertical, line.block)
            start = k
    yield Piece(tuple(words[start:]), line.direction, line.is_vertical, line.block)


def _is_leader(word: Sequence[Glyph]) -> bool:
    """Tell whether a word is only dots, which lead the eye to the end of the line."""
    return all(glyph.text in _LEADERS for glyph in word)


def _stands_out(gaps: Sequence[float], index: int) -> bool:
    """Tell whether a gap is much wider than the others of its line."""
    others = [gap for k, gap in enumerate(gaps) if k != index]
    return len(others) >= _MIN_GAPS and gaps[index] >= _GUTTER_RATIO * median(others)


def _words(line: GlyphLine) -> Iterator[tuple[Glyph, ...]]:
    """Yield the words of a line: glyphs between spaces and between gaps as wide as a space."""
    pitch = _pitch(line)
    word: list[Glyph] = []
    for glyph in line.glyphs:
        if word and (glyph.is_space or _is_apart(word[-1], glyph, line.direction, pitch)):
            yield tuple(word)
            word = []
        if not glyph.is_space:
            word.append(glyph)
    if word:
        yield tuple(word)


def _is_apart(
    glyph: Glyph, following: Glyph, direction: tuple[float, float], pitch: float | None
) -> bool:
    """Tell whether there is a space between two glyphs that follow each other."""
    if pitch is not None:
        return _step(glyph, following, direction) >= _MIN_STEP * pitch
    return _gap(glyph, following, direction) >= _MIN_SPACE * max(glyph.size, following.size)


def _pitch(line: GlyphLine) -> float | None:
    """Return the distance of the glyphs in points if it is the same for all, as in boxes of forms.

    The gaps between letters of different width are then no measure of a space.
    """
    steps = [
        _step(a, b, line.direction)
        for a, b in pairwise(line.glyphs)
        if not a.is_space and not b.is_space
    ]
    if len(steps) < _MIN_STEPS:
        return None
    middle = median(steps)
    same = sum(abs(step - middle) <= _SAME_STEP * middle for step in steps)
    return middle if middle > 0 and same >= _MIN_SAME_STEPS * len(steps) else None


def _step(glyph: Glyph, following: Glyph, direction: tuple[float, float]) -> float:
    """Return the distance of the origins of two glyphs along the line."""
    x, y = following.origin[0] - glyph.origin[0], following.origin[1] - glyph.origin[1]
    return x * direction[0] + y * direction[1]


def _gap(glyph: Glyph, following: Glyph, direction: tuple[float, float]) -> float:
    """Return the distance of two glyphs along the line, whichever comes first; below 0: overlap."""
    low, high = _extent(glyph.box, direction)
    next_low, next_high = _extent(following.box, direction)
    return max(next_low - high, low - next_high)


def _extent(box: Bounds, direction: tuple[float, float]) -> tuple[float, float]:
    """Return the range of a box along a direction."""
    x, y = direction
    ends = (
        min(box[0] * x, box[2] * x) + min(box[1] * y, box[3] * y),
        max(box[0] * x, box[2] * x) + max(box[1] * y, box[3] * y),
    )
    return ends


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces, those that adjoin on one baseline as one; each at its first place.

    Programs that place each word or letter, perhaps out of order, leave a line in many pieces.
    """
    result: dict[int, Piece] = {}
    for baseline in _baselines(pieces):
        place, piece = baseline[0], pieces[baseline[0]]
        for k in baseline[1:]:
            if _adjoins(piece, pieces[k]):
                place, piece = min(place, k), _join(piece, pieces[k])
            else:
                result[place] = piece
                place, piece = k, pieces[k]
        result[place] = piece
    return [result[k] for k in sorted(result)]


def _baselines(pieces: Sequence[Piece]) -> list[list[int]]:
    """Return the indexes of the pieces of each baseline, in the direction of the line."""
    groups: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
    for k, piece in enumerate(pieces):
        x, y = piece.direction
        groups[round(100 * x), round(100 * y), piece.is_vertical].append(k)
    baselines: list[list[int]] = []
    for group in groups.values():
        group.sort(key=lambda k: _height(pieces[k]))
        first = -1
        for k in group:
            tolerance = _SAME_BASELINE * pieces[k].size
            if first >= 0 and _height(pieces[k]) - _height(pieces[first]) <= tolerance:
                baselines[-1].append(k)
            else:
                baselines.append([k])
                first = k
    return [sorted(each, key=lambda k: (_range(pieces[k]), k)) for each in baselines]


def _height(piece: Piece) -> float:
    """Return the distance of the baseline from the origin, across the direction of the line."""
    x, y = piece.words[0][0].origin
    return y * piece.direction[0] - x * piece.direction[1]


def _range(piece: Piece) -> tuple[float, float]:
    """Return where a piece begins and ends along its direction."""
    extents = [_extent(g.box, piece.direction) for word in piece.words for g in word]
    return min(low for low, _ in extents), max(high for _, high in extents)


def _adjoins(piece: Piece, following: Piece) -> bool:
    """Tell whether a piece continues another one, which begins before it, on its baseline."""
    size, other = piece.size, following.size
    gap = _range(following)[0] - _range(piece)[1]
    is_led = _is_leader(piece.words[-1]) or _is_leader(following.words[0])
    return (
        -_MAX_OVERLAP * size <= gap < (_MAX_LEADER_GAP if is_led else _MAX_JOINED_GAP) * size
        and max(size, other) <= _MAX_SIZE_RATIO * min(size, other)
        and not _is_right_to_left(piece.text + following.text)
    )


def _is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def _join(piece: Piece, following: Piece) -> Piece:
    """Return two pieces as one; its words are joined where the gap is no space."""
    gap = _gap(piece.words[-1][-1], following.words[0][0], piece.direction)
    if gap < _MIN_SPACE * max(piece.size, following.size):
        middle: tuple[tuple[Glyph, ...], ...] = (piece.words[-1] + following.words[0],)
        words = piece.words[:-1] + middle + following.words[1:]
    else:
        words = piece.words + following.words
    return replace(piece, words=words)
