"""The lines of a page as pieces in the frame in which the page was read: upright and level.

A piece is a part of a line without a wide gap: a cell of a form, a column, a label and its value
where they stand close together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.line_text import words_and_spaces
from daemon.core.records import Box, PageText, TextLine, Word
from daemon.ocr.fields.folding import Key, fold, is_chinese

_WIDE_GAP: Final = 1.4  # heights of the line, between two words
_MAX_SKEW: Final = 40.0  # degrees up to which the height of a word follows from its upright box


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle in the upright frame, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Its height, at least a pixel."""
        return max(1.0, self.bottom - self.top)

    def is_level_with(self, other: Extent) -> bool:
        """Tell whether half of the lower one's height is shared."""
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return shared >= 0.5 * min(self.height, other.height)


@dataclass(frozen=True, slots=True)
class LinePiece:
    """Words of a line that stand together: their text, folded text, and the word of each character.

    `extents` are those of the words. `line` numbers the lines of the page in reading order.
    """

    line: int
    text: str
    folded: str
    key: Key
    words: tuple[Word, ...]
    extents: tuple[Extent, ...]
    owners: tuple[int, ...]
    rotation: int
    vertical: bool

    @property
    def extent(self) -> Extent:
        """The rectangle around its words."""
        return Extent(
            min(each.left for each in self.extents),
            min(each.top for each in self.extents),
            max(each.right for each in self.extents),
            max(each.bottom for each in self.extents),
        )

    def extent_of(self, start: int, end: int) -> Extent:
        """Return the rectangle of some of its characters, in the upright frame."""
        parts = list(self._parts(start, end))
        lefts = [_between(self.extents[k].left, self.extents[k].right, a) for k, a, _ in parts]
        rights = [_between(self.extents[k].left, self.extents[k].right, b) for k, _, b in parts]
        return Extent(
            min(lefts),
            min(self.extents[k].top for k, _, _ in parts),
            max(rights),
            max(self.extents[k].bottom for k, _, _ in parts),
        )

    def box_of(self, start: int, end: int) -> Box:
        """Return the box of some of its characters, in the original frame."""
        return Box.around(
            _part_of(self.words[k].box, a, b, 270 if self.vertical else self.rotation)
            for k, a, b in self._parts(start, end)
        )

    def confidence_of(self, start: int, end: int) -> float | None:
        """Return the lowest confidence of the words of some characters, None from a text layer."""
        found = [self.words[k].confidence for k, _, _ in self._parts(start, end)]
        known = [confidence for confidence in found if confidence is not None]
        return min(known) if known else None

    def gap_before(self, place: int) -> float:
        """Return the pixels between the word of a character and the word before it."""
        k = self.owners[place]
        return self.extents[k].left - self.extents[k - 1].right if k else 0.0

    def _parts(self, start: int, end: int) -> Iterator[tuple[int, float, float]]:
        """Yield each word of some characters, and which part of it they are, from 0 to 1."""
        places = [k for k in range(start, end) if not self.text[k].isspace()] or [start]
        for word in dict.fromkeys(self.owners[k] for k in places):
            own = [k for k, owner in enumerate(self.owners) if owner == word]
            own = [k for k in own if not self.text[k].isspace()] or own
            widths = [2 if is_chinese(self.text[k]) else 1 for k in own]
            inside = [j for j, k in enumerate(own) if start <= k < end] or [0]
            total = sum(widths)
            yield word, sum(widths[: inside[0]]) / total, sum(widths[: inside[-1] + 1]) / total


def pieces_of(page: PageText) -> list[LinePiece]:
    """Return the pieces of a page, line by line in reading order."""
    lines = [line for block in page.blocks for line in block.lines]
    return [piece for k, line in enumerate(lines) for piece in _split(page, k, line)]


def whole_lines(pieces: Sequence[LinePiece]) -> list[LinePiece]:
    """Return the lines of a page, each as one piece."""
    lines: dict[int, list[LinePiece]] = {}
    for piece in pieces:
        lines.setdefault(piece.line, []).append(piece)
    return [each[0] if len(each) == 1 else joined(each) for each in lines.values()]


def joined(pieces: Sequence[LinePiece]) -> LinePiece:
    """Return pieces that follow each other as one, with a space between two."""
    owners: list[int] = []
    count = 0
    for piece in pieces:
        owners += [count] if owners else []
        owners += [count + owner for owner in piece.owners]
        count += len(piece.words)
    text, folded = (" ".join(getattr(each, name) for each in pieces) for name in ("text", "folded"))
    return LinePiece(
        pieces[0].line, text, folded, Key.of(folded),
        tuple(word for each in pieces for word in each.words),
        tuple(extent for each in pieces for extent in each.extents),
        tuple(owners), pieces[0].rotation, pieces[0].vertical,
    )  # fmt: skip


def _split(page: PageText, number: int, line: TextLine) -> Iterator[LinePiece]:
    """Yield the pieces of a line; one that runs downwards or is turned is one piece."""
    is_turned = line.direction != "horizontal"
    run: list[tuple[Word, Extent, bool]] = []
    for word, has_space in words_and_spaces(line):
        extent = _upright(word.box, page)
        if run and not is_turned and _is_wide(run[-1][1], extent):
            yield _piece(page, number, run, vertical=False)
            run = []
        run.append((word, extent, has_space))
    if run:
        yield _piece(page, number, run, vertical=is_turned)


def _is_wide(left: Extent, right: Extent) -> bool:
    return right.left - left.right > _WIDE_GAP * min(left.height, right.height)


def _piece(
    page: PageText, number: int, run: Sequence[tuple[Word, Extent, bool]], *, vertical: bool
) -> LinePiece:
    text, owners = "", []
    for k, (word, _, has_space) in enumerate(run):
        owners += [k] * (len(word.text) + (has_space and k + 1 < len(run)))
        text += word.text + " " * (has_space and k + 1 < len(run))
    folded = fold(text)
    return LinePiece(
        number, text, folded, Key.of(folded), tuple(word for word, _, _ in run),
        tuple(extent for _, extent, _ in run), tuple(owners), page.orientation, vertical,
    )  # fmt: skip


def _upright(box: Box, page: PageText) -> Extent:
    """Return where a box lies on the page as it was read: turned by its orientation, and level."""
    left, top, right, bottom = _turned(box, page)
    width, height = right - left, bottom - top
    if not 0.05 < abs(page.skew) < _MAX_SKEW:
        return Extent(left, top, right, bottom)
    angle = math.radians(page.skew)
    sine, cosine = math.sin(angle), math.cos(angle)
    x, y = (left + right) / 2, (top + bottom) / 2
    x, y = x * cosine + y * sine, y * cosine - x * sine
    # of the upright box around a turned word: width = w cos + h sin, height = w sin + h cos
    divisor = cosine**2 - sine**2
    across = (width * cosine - height * abs(sine)) / divisor
    down = (height * cosine - width * abs(sine)) / divisor
    across, down = max(across, 0.5 * min(width, height)), max(down, 0.3 * min(width, height))
    return Extent(x - across / 2, y - down / 2, x + across / 2, y + down / 2)


def _turned(box: Box, page: PageText) -> tuple[float, float, float, float]:
    match page.orientation:
        case 90:
            return page.height - box.bottom, box.left, page.height - box.top, box.right
        case 180:
            return (
                page.width - box.right, page.height - box.bottom,
                page.width - box.left, page.height - box.top,
            )  # fmt: skip
        case 270:
            return box.top, page.width - box.right, box.bottom, page.width - box.left
    return box.left, box.top, box.right, box.bottom


def _between(start: float, end: float, part: float) -> float:
    return start + (end - start) * part


def _part_of(box: Box, start: float, end: float, rotation: int) -> Box:
    """Return a part of the box of a word along its text; both limits go from 0 to 1.

    `rotation` is how the page is turned clockwise to be read.
    """
    if rotation == 0:
        left, right = _between(box.left, box.right, start), _between(box.left, box.right, end)
        return Box(math.floor(left), box.top, math.ceil(right), box.bottom)
    if rotation == 180:
        left, right = _between(box.right, box.left, end), _between(box.right, box.left, start)
        return Box(math.floor(left), box.top, math.ceil(right), box.bottom)
    if rotation == 90:  # such text runs upwards on the page as shown
        top, bottom = _between(box.bottom, box.top, end), _between(box.bottom, box.top, start)
    else:
        top, bottom = _between(box.top, box.bottom, start), _between(box.top, box.bottom, end)
    return Box(box.left, math.floor(top), box.right, math.ceil(bottom))
