"""The invisible text of a page, word by word where the words are, in the order of the sidecar.

A word is as wide as its box whatever its letters are: it is scaled along the line (Tz), and a
space as wide as the gap follows where the line has one, so that who copies gets words. All words
of a line have one size and stand on one baseline, along which they run at whatever angle the page
was read: turned by `orientation` and `skew`. Operators are those of ISO 32000-1, 9.3 and 9.4.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from daemon.core.line_text import words_and_spaces, xml_legal
from daemon.ocr.render.glyphless import DESCENT, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.core.records import Box, PageText, TextLine, Word

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: x' = a x + c y + e, y' = b x + d y + f."""
Point = tuple[float, float]

_INVISIBLE: Final = 3  # the rendering mode that neither fills nor strokes
_LEAST_GAP: Final = 0.01  # of the size: so wide is a space between words that touch
_STEEP: Final = 0.02  # radians of skew below which a box is taken for its word's own


@dataclass(slots=True)
class Glyphs:
    """The characters that a document uses: each gets a code, from 1 on, as it comes."""

    codes: dict[str, int] = field(default_factory=dict)

    def code(self, character: str) -> int:
        """Return the code of a character."""
        return self.codes.setdefault(character, len(self.codes) + 1)

    def encoded(self, text: str) -> str:
        """Return a text as a hexadecimal string of codes of two bytes."""
        return "<" + "".join(f"{self.code(character):04x}" for character in text) + ">"


def width_of(character: str) -> int:
    """Return the width of a character in the font's units: Chinese ones fill the em."""
    return UNITS if unicodedata.east_asian_width(character) in "WF" else UNITS // 2


def written_lines(page: PageText) -> list[TextLine]:
    """Return the lines of a page that were read in its pixels; its own text it shows already."""
    if page.text_source == "text_layer":
        return []
    lines = [line for block in page.blocks for line in block.lines]
    return [line for line in lines if any(word.confidence is not None for word in line.words)]


def content(page: PageText, to_user: Matrix, glyphs: Glyphs, font: str) -> bytes:
    """Return the operators that write the text of a page, b"" where none was read.

    `to_user` leads from pixels of the page as shown to PDF user space, `font` is the font's name
    among the page's resources.
    """
    runs = [
        operator
        for line in written_lines(page)
        for operator in _line(line, page, to_user, glyphs, font)
    ]
    if not runs:
        return b""
    return "\n".join([f"q BT {_INVISIBLE} Tr", *runs, "ET Q", ""]).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Run:
    """A word set straight: its centre on the page as shown, its length along the line, pixels."""

    text: str
    centre: Point
    length: float
    is_parted: bool


def _line(
    line: TextLine, page: PageText, to_user: Matrix, glyphs: Glyphs, font: str
) -> Iterator[str]:
    skew = math.radians(page.skew) if abs(math.radians(page.skew)) >= _STEEP else 0.0
    height = _height([word.box for word in line.words], page.orientation, skew)
    direction = skew - math.radians(page.orientation)  # clockwise on the page as shown
    along = (math.cos(direction), math.sin(direction))
    up = (math.sin(direction), -math.cos(direction))
    along_user, up_user = _turned(along, to_user), _turned(up, to_user)
    size = height * math.hypot(*up_user)
    if size <= 0:
        return
    yield f"/{font} {size:.3f} Tf"
    runs = list(_runs(line, page.orientation, skew, height))
    for run, after in zip(runs, (*runs[1:], None), strict=True):
        below = height / 2 - height * DESCENT / UNITS
        origin = _moved(_moved(run.centre, along, -run.length / 2), up, -below)
        x, y = _mapped(origin, to_user)
        unit, rise = _unit(along_user), _unit(up_user)
        yield f"{unit[0]:.5f} {unit[1]:.5f} {rise[0]:.5f} {rise[1]:.5f} {x:.3f} {y:.3f} Tm"
        stretch = math.hypot(*along_user) / size
        yield _shown(run.text, run.length * stretch, glyphs)
        if run.is_parted and after is not None:
            gap = _distance(run, after, along)
            yield _shown(" ", max(gap * stretch, _LEAST_GAP), glyphs)


def _runs(line: TextLine, orientation: int, skew: float, height: float) -> Iterator[_Run]:
    for word, is_parted in words_and_spaces(line):
        text = xml_legal(word.text)
        if text and word.confidence is not None:
            yield _Run(text, _centre(word), _length(word.box, orientation, skew, height), is_parted)


def _shown(text: str, ems: float, glyphs: Glyphs) -> str:
    """Return the operators that show a text stretched to a length in ems."""
    natural = sum(map(width_of, text)) / UNITS
    return f"{100 * ems / natural:.2f} Tz {glyphs.encoded(text)} Tj"


def _sides(box: Box, orientation: int) -> tuple[float, float]:
    """Return length and height of a box as they are when the page is turned to be read."""
    width, height = box.right - box.left, box.bottom - box.top
    return (height, width) if orientation in (90, 270) else (width, height)


def _height(boxes: list[Box], orientation: int, skew: float) -> float:
    """Return the height of a line's letters, of which `boxes` are the upright boxes of the words.

    A word of length w and height h, turned by t, has a box w cos t + h sin t long, and
    w sin t + h cos t high.
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


def _distance(run: _Run, after: _Run, along: Point) -> float:
    """Return the gap between two runs along their line."""
    dx, dy = after.centre[0] - run.centre[0], after.centre[1] - run.centre[1]
    return dx * along[0] + dy * along[1] - (run.length + after.length) / 2


def _centre(word: Word) -> Point:
    return (word.box.left + word.box.right) / 2, (word.box.top + word.box.bottom) / 2


def _moved(point: Point, direction: Point, length: float) -> Point:
    return point[0] + direction[0] * length, point[1] + direction[1] * length


def _mapped(point: Point, matrix: Matrix) -> Point:
    x, y = _turned(point, matrix)
    return x + matrix[4], y + matrix[5]


def _turned(vector: Point, matrix: Matrix) -> Point:
    x, y = vector
    return matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y


def _unit(vector: Point) -> Point:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length
