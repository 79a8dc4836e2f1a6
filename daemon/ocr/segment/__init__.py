"""Lines on a clean page, by either of two finders; crops.py cuts out what is to be read.

The fast one goes ink -> marks -> words -> lines, everything measured in heights of letters. Ink
(ink.py) is what differs from its ground, less the rules of tables. Marks (marks.py) are its
connected pieces, told apart into letters, small ones and those that reach across rows. Letters that
stand closer than a fraction of their own height are a word (words.py); words that stand on one base
line with neither rule nor gutter between them are a line (lines.py). Gaps and heights are compared
with those beside them, so that a heading and its footnote are found alike.

The thorough one is a network (db.py) that costs ten times as much and knows text on any ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ocr.segment import crops, ink, lines, marks, words
from daemon.ocr.segment.db import TextDetector

__all__ = ["TextDetector", "detect_lines", "find_lines", "is_blank"]

if TYPE_CHECKING:
    from daemon.ocr.segment.spans import Spans
    from daemon.records import CleanPage, Line, Pixels

_TINY = 9.5  # pixels; letters are looked at enlarged where a middling one is lower
_MARGIN = 0.12  # of a line's height, around the crop


def find_lines(clean: CleanPage) -> list[Line]:
    """Return the lines of text as found, in no order to rely on; a blank page is an empty list.

    `Line.image` is the part of `clean.gray` under `Line.box`, dark on light.
    """
    drawn, down, found, scale = _marked(clean.gray, 1.0)
    if found.typical < _TINY:
        drawn, down, found, scale = _marked(clean.gray, 2.0)
    found_words = words.with_small(words.join(found.letters, drawn.shape), found.small)
    spans = lines.join(found_words, drawn, lines.posted(down, found.posts))
    spans = lines.widened(lines.widened(spans, found.tall, 0.6), found.frames, 0.8)
    return [_cut(clean.gray, span, scale) for span in lines.plausible(spans)]


def detect_lines(clean: CleanPage, detector: TextDetector) -> list[Line]:
    """Return the lines of text as the network finds them, slanted ones laid level."""
    cut = (crops.slanted(clean.gray, corners) for corners in detector.quads(clean.gray))
    return [line for line in cut if min(line.image.shape) > 1]


def is_blank(clean: CleanPage) -> bool:
    """Tell whether nothing on the page differs enough from its ground to be ink."""
    return ink.is_none(clean.gray)


def _marked(gray: Pixels, enlarged: float) -> tuple[Pixels, Pixels, marks.Marks, float]:
    drawn, scale = ink.find(gray, enlarged)
    across, down = ink.rules(drawn)
    return drawn, down, marks.find(ink.without(drawn, across, down)), scale


def _cut(gray: Pixels, span: Spans, scale: float) -> Line:
    """Return the line under `span` (4) with its margin."""
    left, top, right, bottom = (float(v) * scale for v in span)
    margin = _MARGIN * (bottom - top)
    return crops.upright(gray, left - margin, top - margin, right + margin, bottom + margin)
