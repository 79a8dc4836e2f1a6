"""Line segmentation of a clean page, by two methods whose lines are united by place (combine.py).

One method works bottom-up, from ink to connected components, words and lines, and measures
everything relative to the height of letters. Ink (ink.py) is what differs from its background, less
the ruling lines of tables. Connected components (components.py) are classified into letters, small
ones, and those that reach across rows. Letters closer than a fraction of their height form a word
(words.py); words on one base line with neither a ruling line nor a gutter between them form a line
(lines.py). Gaps and heights are compared with those of the neighbours, so that a heading and a
footnote are found alike. Ruling lines that may separate table cells come from the same ink
(ruling.py).

The other method is a text detection network (dbnet.py) that finds text on any background and at any
slope, but with less exact edges; faint text it finds on the page without its lines, amplified
(faint_text.py). crops.py cuts the lines out. Vertical text has its own module
(vertical.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Box
from daemon.ocr.polarity import page_dark_on_light
from daemon.ocr.records import RulingLines
from daemon.ocr.segment import (
    combine,
    components,
    crops,
    faint_text,
    ink,
    lines,
    ruling,
    vertical,
    words,
)
from daemon.ocr.segment.dbnet import TextDetector
from daemon.ocr.segment.ink import InkMask
from daemon.ocr.segment.rects import draw_rects
from daemon.ocr.segment.seal_text import seal_lines
from daemon.ocr.segment.vertical import as_column, without_columns

__all__ = [
    "TextDetector",
    "as_column",
    "detect_lines",
    "find_columns",
    "find_faint_lines",
    "find_lines_and_rules",
    "find_lines_within",
    "find_ruling_lines",
    "is_blank_page",
    "is_explained",
    "seal_lines",
    "without_columns",
]

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.records import CleanPage, LineCrop
    from daemon.ocr.segment.components import Components
    from daemon.ocr.segment.quads import Quads
    from daemon.ocr.segment.rects import Rects

_MIN_LETTER_HEIGHT = 9.5  # pixels; where the typical letter is lower, the page is enlarged
_CROP_MARGIN = 0.12  # of the height of a line, added around its crop
_STRIP = 2.5  # times the width: a longer page is processed in strips that bound the memory
_STRIP_LAP = 0.25  # times the width that strips share


def find_lines_and_rules(
    clean: CleanPage, detector: TextDetector | None = None
) -> tuple[list[LineCrop], RulingLines]:
    """Return the text lines, in no particular order, and the ruling lines of a page.

    With a `detector`, the lines are those of the ink where the network sees text, and those of the
    network that the ink misses; without, all those of the ink. `LineCrop.image` is cut from
    `clean.gray`, dark on light. A blank page has neither.
    """
    rects, rules = _ink_lines(clean.gray)
    if detector is None:
        return [_crop(clean.gray, rect) for rect in rects], rules
    detection = detector.detect(page_dark_on_light(clean.gray))
    rects, quads = combine.combine(rects, detection, clean.gray)
    return [
        *(_crop(clean.gray, rect) for rect in rects),
        *_quad_crops(clean.gray, quads),
    ], rules


def detect_lines(clean: CleanPage, detector: TextDetector) -> list[LineCrop]:
    """Return the text lines that the network detects, slanted ones rectified."""
    detection = detector.detect(page_dark_on_light(clean.gray))
    return _quad_crops(clean.gray, detection.quads)


def find_lines_within(clean: CleanPage, region: LineCrop, detector: TextDetector) -> list[LineCrop]:
    """Return the lines that the network finds in a region of the page, enlarged."""
    found = _quad_crops(clean.gray, detector.detect_enlarged(clean.gray, region.box))
    return [line for line in found if not line.is_tall]


def is_explained(clean: CleanPage, region: LineCrop, lines: Sequence[LineCrop]) -> bool:
    """Tell whether a region has no text but `lines`, which were found in it."""
    return crops.is_explained(clean.gray, region.box, lines)


def find_faint_lines(
    clean: CleanPage, text_boxes: Iterable[Box], rules: RulingLines, detector: TextDetector
) -> list[LineCrop]:
    """Return lines of low contrast outside `text_boxes` and ruling lines, with more contrast."""
    masked = [*text_boxes, *rules.horizontal, *rules.vertical]
    return [line for line in faint_text.find(clean.gray, masked, detector) if not line.is_tall]


def _quad_crops(gray: Pixels, quads: Quads) -> list[LineCrop]:
    line_crops = (crops.crop_quad(gray, corners) for corners in quads)
    return [line for line in line_crops if min(line.image.shape) > 1]


def find_columns(clean: CleanPage) -> list[LineCrop]:
    """Return what may be columns of vertical text, each as a row; their readings decide."""
    columns = vertical.find_columns(clean.gray)
    return [vertical.crop_column(clean.gray, column) for column in columns]


def find_ruling_lines(clean: CleanPage) -> RulingLines:
    """Return the ruling lines alone, where the network finds the text lines."""
    return ruling.find(InkMask.of(clean.gray))


def _ink_lines(gray: Pixels) -> tuple[NDArray[np.float64], RulingLines]:
    """Return the rectangles of the lines of ink, N,4 in pixels of the page, and the ruling lines.

    Each line belongs to the strip of a long page whose middle part has the centre of the line.
    """
    height, width = gray.shape
    tops = strip_starts(height, round(_STRIP * width), round(_STRIP_LAP * width))
    found, horizontal, vertical = [np.empty((0, 4))], [], []
    for number, top in enumerate(tops):
        strip = gray[top : top + round(_STRIP * width)] if len(tops) > 1 else gray
        page_ink, classified = _ink_and_components(strip)
        rects = _line_rects(page_ink, classified) * page_ink.scale + np.array([0, top, 0, top])
        lap = round(_STRIP_LAP * width) / 2
        low = top + lap if number else float("-inf")
        high = tops[number + 1] + lap if number + 1 < len(tops) else float("inf")
        centre = (rects[:, 1] + rects[:, 3]) / 2
        found.append(rects[(centre >= low) & (centre < high)])
        rules = ruling.find(page_ink)
        horizontal += [_lowered(box, top) for box in rules.horizontal]
        vertical += [_lowered(box, top) for box in rules.vertical]
    return np.concatenate(found), RulingLines(tuple(horizontal), tuple(vertical))


def strip_starts(length: int, strip: int, lap: int) -> list[int]:
    """Return where strips of a page begin that cover `length` and share at least `lap` pixels."""
    count = 1 + max(0, -((strip - length) // max(1, strip - lap)))
    return [round(k * (length - strip) / (count - 1)) if k else 0 for k in range(count)]


def _lowered(box: Box, by: int) -> Box:
    return Box(box.left, box.top + by, box.right, box.bottom + by)


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


def _crop(gray: Pixels, rect: NDArray[np.float64]) -> LineCrop:
    """Return the crop of the line in `rect` (4) with its margin."""
    left, top, right, bottom = (float(v) for v in rect)
    margin = _CROP_MARGIN * (bottom - top)
    return crops.crop_upright(gray, left - margin, top - margin, right + margin, bottom + margin)
