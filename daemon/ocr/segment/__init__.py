"""Lines on a clean page, by either of two finders; crops.py cuts out what is to be read.

The fast one goes ink -> marks -> words -> lines, everything measured in heights of letters. Ink
(ink.py) is what differs from its ground, less the rules of tables. Marks (marks.py) are its
connected pieces, told apart into letters, small ones and those that reach across rows. Letters that
stand closer than a fraction of their own height are a word (words.py); words that stand on one base
line with neither rule nor gutter between them are a line (lines.py). Gaps and heights are compared
with those beside them, so that a heading and its footnote are found alike. What rules may part
cells is told from the same ink (ruling.py).

The thorough one is a network (db.py) that costs ten times as much and knows text on any ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ocr.segment import components, crops, ink, lines, ruling, words
from daemon.ocr.segment.dbnet import TextDetector
from daemon.ocr.segment.ink import Ink
from daemon.ocr.segment.rects import painted

__all__ = ["TextDetector", "detect_lines", "find", "find_rules", "is_blank"]

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import CleanPage, Line, Rules
    from daemon.ocr.segment.components import Marks
    from daemon.ocr.segment.rects import Spans

_TINY = 9.5  # pixels; letters are looked at enlarged where a middling one is lower
_MARGIN = 0.12  # of a line's height, around the crop


def find(clean: CleanPage) -> tuple[list[Line], Rules]:
    """Return the lines of text, in no order to rely on, and the rules that may part cells.

    `Line.image` is what `clean.gray` has there, dark on light. A blank page has neither.
    """
    drawing, found = _marked(clean.gray)
    cut = [_cut(clean.gray, span, drawing.scale) for span in _spans(drawing, found)]
    return cut, ruling.find(drawing)


def detect_lines(clean: CleanPage, detector: TextDetector) -> list[Line]:
    """Return the lines of text as the network finds them, slanted ones laid level."""
    cut = (crops.slanted(clean.gray, corners) for corners in detector.quads(clean.gray))
    return [line for line in cut if min(line.image.shape) > 1]


def find_rules(clean: CleanPage) -> Rules:
    """Return the rules alone, where another finds the lines."""
    return ruling.find(Ink.of(clean.gray))


def _marked(gray: Pixels) -> tuple[Ink, Marks]:
    """Return the ink of a page and its marks, enlarged where letters are tiny."""
    drawing = Ink.of(gray)
    found = components.find(drawing.text)
    if found.typical >= _TINY:
        return drawing, found
    drawing = Ink.of(gray, enlarged=2.0)
    return drawing, components.find(drawing.text)


def _spans(drawing: Ink, found: Marks) -> Spans:
    """Return the spans of the lines, in pixels of the drawing."""
    found_words = words.with_small(words.join(found.letters, drawing.all.shape), found.small)
    walls = painted(drawing.down, found.posts)
    spans = lines.join(found_words, drawing.all, walls)
    spans = lines.widened(lines.widened(spans, found.tall, 0.6), found.frames, 0.8)
    return lines.plausible(spans)


def is_blank(clean: CleanPage) -> bool:
    """Tell whether nothing on the page differs enough from its ground to be ink."""
    return ink.is_none(clean.gray)


def _cut(gray: Pixels, span: Spans, scale: float) -> Line:
    """Return the line under `span` (4) with its margin."""
    left, top, right, bottom = (float(v) * scale for v in span)
    margin = _MARGIN * (bottom - top)
    return crops.upright(gray, left - margin, top - margin, right + margin, bottom + margin)
