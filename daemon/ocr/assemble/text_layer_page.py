"""Placing of a text layer for layout analysis: each direction of text in a frame where it is level.

A table may lie sideways on its page, and a note runs up the margin: both are read by their own
direction. Columns of vertical Chinese are read from the right: turned by a quarter, they are rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daemon.core.records import Box, Direction
from daemon.ocr.records import RulingLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Page, TextLine

_ANGLES: Final[dict[Direction, int]] = {
    "horizontal": 0,
    "rotated_90": 90,
    "rotated_180": 180,
    "rotated_270": 270,
    "vertical": 90,  # its columns are ordered as the lines of text that is turned clockwise
}
_DIRECTIONS: Final[dict[int, Direction]] = {
    0: "horizontal",
    90: "rotated_90",
    180: "rotated_180",
    270: "rotated_270",
}
# Shares of a box that are above the letters and below them: boxes of a text layer reach from the
# ascender to the descender of the font, those of a scan hold ink.
_ABOVE: Final = 0.12
_BELOW: Final = 0.08


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """The lines of one direction, and their boxes and ruling lines in a frame where it is level.

    `height` is that of the page in the frame. `lines` are as published.
    """

    lines: tuple[TextLine, ...]
    boxes: tuple[Box, ...]
    rules: RulingLines
    height: int
    turn: _Turn

    @property
    def boxes_and_texts(self) -> list[tuple[Box, str]]:
        """The boxes and texts of all lines."""
        return [(box, line.text) for box, line in zip(self.boxes, self.lines, strict=True)]

    def to_original(self, box: Box) -> Box:
        """Map a box from the frame of the layout to original pixels."""
        return self.turn.back(box)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A rotation of a page of `width` and `height` pixels that makes text level.

    `angle` is how far the text lies turned clockwise, a multiple of 90 degrees.
    """

    angle: int
    width: int
    height: int

    def level(self, box: Box) -> Box:
        """Return a box of the page in the frame where the text is level."""
        left, top, right, bottom = box.left, box.top, box.right, box.bottom
        width, height = self.width, self.height
        match self.angle:
            case 90:
                return Box(top, width - right, bottom, width - left)
            case 180:
                return Box(width - right, height - bottom, width - left, height - top)
            case 270:
                return Box(height - bottom, left, height - top, right)
        return box

    def back(self, box: Box) -> Box:
        """Return a box of that frame as a box of the page."""
        level_width, level_height = self.level_size
        return _Turn((360 - self.angle) % 360, level_width, level_height).level(box)

    @property
    def level_size(self) -> tuple[int, int]:
        """Width and height of the page in the frame where the text is level."""
        is_sideways = self.angle in (90, 270)
        return (self.height, self.width) if is_sideways else (self.width, self.height)


def place(page: Page, lines: Sequence[TextLine]) -> tuple[int, list[PlacedLayer]]:
    """Return how the page is turned to be read, in degrees clockwise, and its lines by direction.

    There must be lines. The direction of most of the text comes first, and is horizontal in the
    page as it is read.
    """
    letters: Counter[Direction] = Counter()
    for line in lines:
        letters[line.direction] += len(line.text)
    directions: list[Direction] = sorted(letters, key=lambda d: (-letters[d], d != "horizontal"))
    main = directions[0]
    orientation = 0 if main == "vertical" else (360 - _ANGLES[main]) % 360
    return orientation, [
        _layer(page, [line for line in lines if line.direction == direction], orientation)
        for direction in directions
    ]


def _layer(page: Page, lines: Sequence[TextLine], orientation: int) -> PlacedLayer:
    """Return the lines of one direction, which is then relative to the page as it is read."""
    direction = lines[0].direction
    turn = _Turn(_ANGLES[direction], page.width, page.height)
    rules = [turn.level(rule) for rule in (*page.horizontal_rules, *page.vertical_rules)]
    read = direction if direction == "vertical" else _turned(direction, orientation)
    return PlacedLayer(
        tuple(replace(line, direction=read) for line in lines),
        tuple(_ink_box(turn.level(line.box)) for line in lines),
        RulingLines(
            tuple(r for r in rules if r.right - r.left >= r.bottom - r.top),
            tuple(r for r in rules if r.right - r.left < r.bottom - r.top),
        ),
        turn.level_size[1],
        turn,
    )


def _turned(direction: Direction, orientation: int) -> Direction:
    return _DIRECTIONS[(_ANGLES[direction] + orientation) % 360]


def _ink_box(box: Box) -> Box:
    height = box.bottom - box.top
    return Box(
        box.left,
        box.top + round(_ABOVE * height),
        box.right,
        max(box.top + round(_ABOVE * height) + 1, box.bottom - round(_BELOW * height)),
    )
