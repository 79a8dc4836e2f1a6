"""Lines on a clean page: ink -> marks -> words -> lines, everything measured in heights of letters.

Ink (ink.py) is what differs from its ground, less the rules of tables. Marks (marks.py) are its
connected pieces, told apart into letters, small ones and those that reach across rows. Letters
that stand closer than a fraction of their own height are a word (words.py); words that stand on one
base line with neither rule nor gutter between them are a line (lines.py). What rules may part
cells is told from the same ink (ruling.py). Gaps and heights are
compared with those beside them, so that a heading and its footnote are found alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.segment import ink, lines, marks, ruling, words
from daemon.records import Box, CleanPage, Line, Rules

if TYPE_CHECKING:
    from daemon.ocr.segment.spans import Spans
    from daemon.records import Pixels

_MARGIN = 0.12  # of a line's height, around the crop
_DARK = 110  # gray level below which half of a crop must lie to be light text on a dark ground


def find_lines(clean: CleanPage) -> list[Line]:
    """Return the lines of text as `find` does, without the rules."""
    return find(clean)[0]


def find(clean: CleanPage) -> tuple[list[Line], Rules]:
    """Return the lines of text, in no order to rely on, and the rules that may part cells.

    `Line.image` is the part of `clean.gray` under `Line.box`, dark on light; a blank page has
    neither lines nor rules.
    """
    drawn, scale = ink.find(clean.gray)
    across, down = ink.rules(drawn)
    found = marks.find(ink.without(drawn, across, down))
    found_words = words.with_small(words.join(found.letters, drawn.shape), found.small)
    spans = lines.join(found_words, drawn, lines.posted(down, found.posts))
    spans = lines.widened(lines.widened(spans, found.tall, 0.6), found.frames, 0.8)
    cut = [_cut(clean.gray, span, scale) for span in lines.plausible(spans)]
    return cut, ruling.find(drawn, across, down, scale)


def _cut(gray: Pixels, span: Spans, scale: float) -> Line:
    """Return the line under `span` (4) with its margin; light text on dark is turned over."""
    left, top, right, bottom = (float(v) * scale for v in span)
    margin = _MARGIN * (bottom - top)
    height, width = gray.shape
    box = Box(
        left=max(0, round(left - margin)),
        top=max(0, round(top - margin)),
        right=min(width, round(right + margin)),
        bottom=min(height, round(bottom + margin)),
    )
    image = gray[box.top : box.bottom, box.left : box.right]
    return Line(box=box, image=255 - image if np.median(image) < _DARK else image)
