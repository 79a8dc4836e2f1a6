"""Line segmentation of a clean page, by one of two methods; crops.py cuts the lines out.

The fast method works bottom-up, from ink to connected components, words and lines, and measures
everything relative to the height of letters. Ink (ink.py) is what differs from its background, less
the ruling lines of tables. Connected components (components.py) are classified into letters, small
ones, and those that reach across rows. Letters closer than a fraction of their height form a word
(words.py); words on one base line with neither a ruling line nor a gutter between them form a line
(lines.py). Gaps and heights are compared with those of the neighbours, so that a heading and a
footnote are found alike. Ruling lines that may separate table cells come from the same ink
(ruling.py).

The thorough method is a text detection network (dbnet.py) that costs ten times as much and finds
text on any background. Vertical text has its own module (vertical.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ocr.segment import components, crops, ink, lines, ruling, vertical, words
from daemon.ocr.segment.dbnet import TextDetector
from daemon.ocr.segment.ink import InkMask
from daemon.ocr.segment.rects import draw_rects
from daemon.ocr.segment.seal_text import seal_lines
from daemon.ocr.segment.vertical import is_tall, tall_crops, without_columns

__all__ = [
    "TextDetector",
    "detect_lines",
    "find_columns",
    "find_lines_and_rules",
    "find_ruling_lines",
    "is_blank_page",
    "is_tall",
    "seal_lines",
    "tall_crops",
    "without_columns",
]

if TYPE_CHECKING:
    from daemon.core.records import Pixels
    from daemon.ocr.records import CleanPage, LineCrop, RulingLines
    from daemon.ocr.segment.components import Components
    from daemon.ocr.segment.rects import Rects

_MIN_LETTER_HEIGHT = 9.5  # pixels; where the typical letter is lower, the page is enlarged
_CROP_MARGIN = 0.12  # of the height of a line, added around its crop


def find_lines_and_rules(clean: CleanPage) -> tuple[list[LineCrop], RulingLines]:
    """Return the text lines, in no particular order, and the ruling lines of a page.

    `LineCrop.image` is cut from `clean.gray`, dark on light. A blank page has neither.
    """
    page_ink, classified = _ink_and_components(clean.gray)
    line_crops = [
        _crop(clean.gray, rect, page_ink.scale) for rect in _line_rects(page_ink, classified)
    ]
    return line_crops, ruling.find(page_ink)


def detect_lines(clean: CleanPage, detector: TextDetector) -> list[LineCrop]:
    """Return the text lines that the network detects, slanted ones rectified."""
    line_crops = (crops.crop_quad(clean.gray, corners) for corners in detector.quads(clean.gray))
    return [line for line in line_crops if min(line.image.shape) > 1]


def find_columns(clean: CleanPage) -> list[LineCrop]:
    """Return what may be columns of vertical text, each as a row; their readings decide."""
    columns = vertical.find_columns(clean.gray)
    return [vertical.crop_column(clean.gray, column) for column in columns]


def find_ruling_lines(clean: CleanPage) -> RulingLines:
    """Return the ruling lines alone, where the network finds the text lines."""
    return ruling.find(InkMask.of(clean.gray))


def _ink_and_components(gray: Pixels) -> tuple[InkMask, Components]:
    """Return the ink of a page and its components, at twice the size where letters are tiny."""
    page_ink = InkMask.of(gray)
    classified = components.find(page_ink.text)
    if classified.typical_height >= _MIN_LETTER_HEIGHT:
        return page_ink, classified
    page_ink = InkMask.of(gray, enlarged=2.0)
    return page_ink, components.find(page_ink.text)


def _line_rects(page_ink: InkMask, classified: Components) -> Rects:
    """Return the rectangles of the lines, in pixels of the ink mask."""
    found_words = words.attach_small(
        words.join_letters(classified.letters, page_ink.mask.shape), classified.small
    )
    separators = draw_rects(page_ink.vertical, classified.rule_fragments)
    rects = lines.join_words(found_words, page_ink.mask, separators)
    rects = lines.widen(lines.widen(rects, classified.tall, 0.6), classified.checkboxes, 0.8)
    return lines.filter_plausible(rects)


def is_blank_page(clean: CleanPage) -> bool:
    """Tell whether nothing on the page differs enough from its background to be ink."""
    return ink.is_blank(clean.gray)


def _crop(gray: Pixels, rect: Rects, scale: float) -> LineCrop:
    """Return the crop of the line in `rect` (4) with its margin."""
    left, top, right, bottom = (float(v) * scale for v in rect)
    margin = _CROP_MARGIN * (bottom - top)
    return crops.crop_upright(gray, left - margin, top - margin, right + margin, bottom + margin)
