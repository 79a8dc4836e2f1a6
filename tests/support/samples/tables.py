"""Pages of text and rules with their known texts, to test layout without a recogniser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from daemon.core.options import Preprocessing
from daemon.core.records import Box, Page
from daemon.ocr import preprocess, segment
from daemon.ocr.records import RulingLines
from tests.support.samples.pictures import Image

Span = tuple[int, int, int, int]  # top, bottom, left, right in rows and columns, ends exclusive


@dataclass
class DrawnPage:
    """A page, H,W gray; `written` has each text with the centre of its ink, x and y."""

    width: int = 1240
    height: int = 1000
    written: list[tuple[str, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image: Image = np.full((self.height, self.width), 255, np.uint8)

    def write(self, text: str, left: int, base: int, size: float = 0.8) -> None:
        """Draw a line of text; Chinese as strokes in squares, which needs no font."""
        ink = np.zeros_like(self.image)
        if text.isascii():
            face = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(ink, text, (left, base), face, size, (255,), 2, cv2.LINE_AA)
        else:
            for k in range(len(text)):
                _square(ink, left + round(34 * size) * k, base, round(30 * size))
        self.image = np.minimum(self.image, 255 - ink)
        y, x = np.nonzero(ink > 100)
        self.written.append((text, (x.min() + x.max()) / 2, (y.min() + y.max()) / 2))

    def rule(self, x0: int, y0: int, x1: int, y1: int, thick: int = 2) -> None:
        cv2.line(self.image, (x0, y0), (x1, y1), (0,), thick)

    def found(self, degrees: float = 0.0) -> tuple[list[tuple[Box, str]], RulingLines, int]:
        """Return what a flawless recogniser finds on the page, rotated by `degrees`."""
        middle = (self.width / 2, self.height / 2)
        turn = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
        size = (self.width, self.height)
        image = cv2.warpAffine(self.image, turn, size, borderValue=255)
        page = Page(1, *size, image=cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
        clean = preprocess.clean(page, Preprocessing())
        lines, rules = segment.find_lines_and_rules(clean)
        back = cv2.invertAffineTransform(clean.to_page)
        places = [(t, back @ (*(turn @ (x, y, 1.0)), 1.0)) for t, x, y in self.written]
        read = [(line.box, _within(line.box, places)) for line in lines]
        return read, rules, clean.gray.shape[0]


def _square(ink: Image, left: int, base: int, side: int) -> None:
    """Draw a shape as dense as a Chinese character, with horizontal and vertical strokes."""
    top = base - side
    right, middle = left + side - 4, left + side // 2 - 2
    cv2.rectangle(ink, (left, top + side // 3), (right, base), (255,), 2)
    cv2.line(ink, (left, top + side // 5), (right, top + side // 5), (255,), 2)
    cv2.line(ink, (left, base - side // 3), (right, base - side // 3), (255,), 2)
    cv2.line(ink, (middle, top), (middle, base), (255,), 2)


def _within(box: Box, places: Sequence[tuple[str, np.ndarray]]) -> str:
    inside = [
        (x, text)
        for text, (x, y) in places
        if box.left <= x < box.right and box.top <= y < box.bottom
    ]
    return " ".join(text for _, text in sorted(inside)) or "?"


def grid(
    drawn_page: DrawnPage,
    x: Sequence[int],
    y: Sequence[int],
    texts: Mapping[Span, str | Sequence[str]],
    without: str = "",
) -> None:
    """Draw cells between the positions `x` and `y`; the sides in `without` have no border."""
    for (top, bottom, left, right), content in texts.items():
        for number, line in enumerate([content] if isinstance(content, str) else content):
            if line:
                drawn_page.write(line, x[left] + 12, y[top] + 34 + 34 * number)
        sides = {
            "left": (left, (x[left], y[top], x[left], y[bottom])),
            "right": (len(x) - 1 - right, (x[right], y[top], x[right], y[bottom])),
            "top": (top, (x[left], y[top], x[right], y[top])),
            "bottom": (len(y) - 1 - bottom, (x[left], y[bottom], x[right], y[bottom])),
        }
        for side, (from_edge, ends) in sides.items():
            if from_edge or side not in without.split():
                drawn_page.rule(*ends)
