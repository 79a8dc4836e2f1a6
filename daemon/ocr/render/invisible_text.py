"""The invisible text layer of a page, each word at its box, in the order of the sidecar.

Each word is scaled along the line (Tz) to the width of its box, whatever its letters are, and
followed by a space as wide as the gap where the line has one, so that copied text has spaces. All
words of a line have one font size and one baseline, at the angle at which the line was read: that
of the page's `orientation` and `skew` and of the line's `direction`. A vertical line is drawn as
one that is turned clockwise by 90 degrees, as Tesseract does: its baseline is the left side of the
column, so that readers that order lines find the next column to the left, and selecting a
character marks its square. The operators are those of ISO 32000-1, 9.3 and 9.4.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from daemon.core.line_text import reading_turn, words_and_spaces, xml_legal
from daemon.ocr.render.glyphless import DESCENT, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.core.records import Box, PageText, TextLine, Word

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: x' = a x + c y + e, y' = b x + d y + f."""
Point = tuple[float, float]

FONT_NAME: Final = "OcrDaemon"  # of the font, and its name among the resources of a page
_INVISIBLE: Final = 3  # text rendering mode: neither fill nor stroke
_MIN_GAP: Final = 0.01  # of the font size: the width of a space between words that touch
_MIN_SKEW: Final = 0.02  # radians; below, the box of a word is taken as not rotated


@dataclass(slots=True)
class Glyphs:
    """The characters that a document uses; each gets a code, from 1 on, at its first use."""

    codes: dict[str, int] = field(default_factory=dict)

    def code(self, character: str) -> int:
        """Return the code of a character."""
        return self.codes.setdefault(character, len(self.codes) + 1)

    def encoded(self, text: str) -> str:
        """Return a text as a hexadecimal string of two-byte codes."""
        return "<" + "".join(f"{self.code(character):04x}" for character in text) + ">"


def width_of(character: str) -> int:
    """Return the width of a character in units of the font; Chinese characters are an em wide."""
    return UNITS if unicodedata.east_asian_width(character) in "WF" else UNITS // 2


def recognized_lines(page: PageText) -> list[TextLine]:
    """Return the lines of a page that were read from its pixels, not from its text layer."""
    if page.text_source == "text_layer":
        return []
    lines = [line for block in page.blocks for line in block.lines]
    return [line for line in lines if any(word.confidence is not None for word in line.words)]


def text_operators(page: PageText, to_user: Matrix, glyphs: Glyphs, font: str) -> bytes:
    """Return the operators that draw the text of a page; b"" where none was read.

    `to_user` maps pixels of the page as shown to PDF user space; `font` is the name of the font
    among the resources of the page.
    """
    runs = [
        operator
        for line in recognized_lines(page)
        for operator in _line(line, page, to_user, glyphs, font)
    ]
    if not runs:
        return b""
    return "\n".join([f"q BT {_INVISIBLE} Tr", *runs, "ET Q", ""]).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Run:
    """A word of a line: its centre on the page as shown and its length along the line, pixels."""

    text: str
    centre: Point
    length: float
    is_followed_by_space: bool


def _line(
    line: TextLine, page: PageText, to_user: Matrix, glyphs: Glyphs, font: str
) -> Iterator[str]:
    skew = math.radians(page.skew) if abs(math.radians(page.skew)) >= _MIN_SKEW else 0.0
    orientation = reading_turn(line, page)
    height = _height([word.box for word in line.words], orientation, skew)
    angle = skew - math.radians(orientation)  # clockwise on the page as shown
    direction = (math.cos(angle), math.sin(angle))
    up = (math.sin(angle), -math.cos(angle))
    direction_user, up_user = _map_vector(direction, to_user), _map_vector(up, to_user)
    size = height * math.hypot(*up_user)
    if size <= 0:
        return
    yield f"/{font} {size:.3f} Tf"
    runs = list(_runs(line, orientation, skew, height))
    for run, next_run in zip(runs, (*runs[1:], None), strict=True):
        below = height / 2 - height * DESCENT / UNITS
        origin = _translate(_translate(run.centre, direction, -run.length / 2), up, -below)
        x, y = _map_point(origin, to_user)
        (dx, dy), (ux, uy) = _normalized(direction_user), _normalized(up_user)
        yield f"{dx:.5f} {dy:.5f} {ux:.5f} {uy:.5f} {x:.3f} {y:.3f} Tm"
        stretch = math.hypot(*direction_user) / size
        yield _show_text(run.text, run.length * stretch, glyphs)
        if run.is_followed_by_space and next_run is not None:
            gap = _distance(run, next_run, direction)
            yield _show_text(" ", max(gap * stretch, _MIN_GAP), glyphs)


def _runs(line: TextLine, orientation: int, skew: float, height: float) -> Iterator[_Run]:
    for word, is_followed_by_space in words_and_spaces(line):
        text = xml_legal(word.text)
        if text and word.confidence is not None:
            yield _Run(
                text,
                _centre(word),
                _length(word.box, orientation, skew, height),
                is_followed_by_space,
            )


def _show_text(text: str, ems: float, glyphs: Glyphs) -> str:
    """Return the operators that show a text stretched to a length in ems."""
    natural_ems = sum(map(width_of, text)) / UNITS
    return f"{100 * ems / natural_ems:.2f} Tz {glyphs.encoded(text)} Tj"


def _sides(box: Box, orientation: int) -> tuple[float, float]:
    """Return length and height of a box after the page is rotated for reading its line."""
    width, height = box.right - box.left, box.bottom - box.top
    return (height, width) if orientation in (90, 270) else (width, height)


def _height(boxes: list[Box], orientation: int, skew: float) -> float:
    """Return the letter height of a line from `boxes`, the upright boxes of its words.

    The box of a word of length w and height h, rotated by t, is w cos t + h sin t long and w sin t
    + h cos t high.
    """
    cosine, sine = math.cos(skew), abs(math.sin(skew))
    heights = []
    for box in boxes:
        length, height = _sides(box, orientation)
        heights.append((height * cosine - length * sine) / (cosine**2 - sine**2))
    positive = [height for height in heights if height >= 1]
    return median(positive) if positive else min(_sides(boxes[0], orientation))


def _length(box: Box, orientation: int, skew: float, height: float) -> float:
    length, _ = _sides(box, orientation)
    return max(1.0, (length - height * abs(math.sin(skew))) / math.cos(skew))


def _distance(run: _Run, next_run: _Run, direction: Point) -> float:
    """Return the gap between two runs along their line."""
    dx, dy = next_run.centre[0] - run.centre[0], next_run.centre[1] - run.centre[1]
    return dx * direction[0] + dy * direction[1] - (run.length + next_run.length) / 2


def _centre(word: Word) -> Point:
    return (word.box.left + word.box.right) / 2, (word.box.top + word.box.bottom) / 2


def _translate(point: Point, direction: Point, length: float) -> Point:
    return point[0] + direction[0] * length, point[1] + direction[1] * length


def _map_point(point: Point, matrix: Matrix) -> Point:
    x, y = _map_vector(point, matrix)
    return x + matrix[4], y + matrix[5]


def _map_vector(vector: Point, matrix: Matrix) -> Point:
    x, y = vector
    return matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y


def _normalized(vector: Point) -> Point:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length
