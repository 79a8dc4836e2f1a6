"""What of a page looks like text and is not published: where it lies, and whether it is too much.

Everything that the line finder takes for text is either published or listed. A page of which more
than a small share is missing is partial, so that `done` means that the text was read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.records import Failure, UnreadRegion
from daemon.ocr.polarity import even_share
from daemon.ocr.records import SINGLE_CHARACTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box, PageText, Pixels, TextLine, UnreadReason
    from daemon.ocr.assemble.frame import CoordinateFrame
    from daemon.ocr.records import LineCrop, RecognizedLine

# Times as long as high: a shorter region is a single mark, and most of these are icons, tick boxes
# and stains (57 development pages: 70 of 104 rejected readings are shorter, 3 of them a character).
_MIN_RATIO = 1.5
_MIN_RATIO_OF_BLANK = 2.0  # the same where the recogniser sees no character: marks reach 1.9
_MIN_WORD = 2  # characters read in a word of a foreign script, or in two large letters
_MIN_PAPER = 0.5  # share of its pixels that are even background: of photographs less
_MIN_RATIO_OF_LEADER = 4.0  # times as long as high: the dots before a page number
_MAX_FLAT = 0.35  # share of the rows of pixels of a leader or a rule that have ink
_TOO_SMALL = 9.0  # pixels: the height of a line below which letters cannot be told apart
# Of the text of a page, by length: on 57 development pages of print at most 0.05 is missing, on
# pages with handwriting, foreign scripts or damage 0.1 and more.
_MAX_SHARE = 0.1
_MIN_LENGTH = 5.0  # characters: less is not worth a warning

_MIN_IN_CODE = 0.6  # of a region that lies within a code: its modules look like letters
_MAX_COVERED = 0.6  # of a region: what published lines cover is not missing

_MIN_HEIGHT_OF_ROWS = 24  # pixels: a region as high as this may have two rows of text
_MAX_CANDIDATES = 12  # regions of a page that are detected again

FAILURE = "unread"


@dataclass(frozen=True, slots=True)
class UnreadText:
    """The regions whose text is missing, and their share of the text of the page, 0..1."""

    regions: tuple[UnreadRegion, ...] = ()
    share: float = 0.0
    length: float = 0.0

    @property
    def failure(self) -> Failure | None:
        """The reason why the page is partial; None where what is missing is little."""
        is_empty = self.share == 1.0  # nothing is published: an empty page has nothing unread
        if not is_empty and (self.share < _MAX_SHARE or self.length < _MIN_LENGTH):
            return None
        count = len(self.regions)
        places = "a place that looks" if count == 1 else f"{count} places that look"
        percent = max(1, round(100 * self.share))
        small = sum(region.reason == "too_small" for region in self.regions)
        remedy = (
            "scan it at a higher resolution"
            if 2 * small > count
            else "read them in the original, or scan it sharper"
        )
        return Failure(
            FAILURE, f"{places} like text could not be read, {percent} % of the text; {remedy}"
        )


def find(
    rejected: Sequence[tuple[LineCrop, RecognizedLine]],
    published: Sequence[LineCrop],
    layer: Sequence[TextLine],
    frame: CoordinateFrame,
) -> UnreadText:
    """Return what of the lines that were found is not published.

    `layer` is the text layer of the page, which is text of the page as well.
    """
    is_empty = not published and not layer
    missing = [
        (line, reading)
        for line, reading in rejected
        if (_is_line(line, reading) or (is_empty and _is_word(line, reading)))
        and not is_published(line.box, published)
    ]
    length = sum(_ratio(line) for line, _ in missing)
    total = length + sum(map(_ratio, published)) + sum(len(line.text) / 2 for line in layer)
    regions = tuple(
        UnreadRegion(
            frame.original_box(line.quad),
            _reason(line, reading),
        )
        for line, reading in missing
    )
    return UnreadText(regions, length / total if total else 0.0, length)


def outside_codes(page: PageText) -> PageText:
    """Return a page without the unread regions that its codes are; it is done if none is left."""
    codes = [code.box for code in page.codes or ()]
    left = tuple(
        region
        for region in page.unread
        if not any(_share_inside(region.box, code) >= _MIN_IN_CODE for code in codes)
    )
    if left == page.unread:
        return page
    is_done = not left and page.failure is not None and page.failure.kind == FAILURE
    page = replace(page, unread=left)
    return replace(page, status="done", failure=None) if is_done else page


def _share_inside(box: Box, outer: Box) -> float:
    width = min(box.right, outer.right) - max(box.left, outer.left)
    height = min(box.bottom, outer.bottom) - max(box.top, outer.top)
    area = (box.right - box.left) * (box.bottom - box.top)
    return max(0, width) * max(0, height) / max(1, area)


def _is_line(line: LineCrop, reading: RecognizedLine) -> bool:
    """Tell whether a region is as long as text: neither a single mark nor a dot leader."""
    is_upright = line.direction == "horizontal"
    if line.is_tall and is_upright and _ratio(line) < SINGLE_CHARACTER:
        return False
    if _ratio(line) >= _MIN_RATIO_OF_LEADER and _is_flat(line.image):
        return False
    return _ratio(line) >= (_MIN_RATIO if reading.text.strip() else _MIN_RATIO_OF_BLANK)


def _is_word(line: LineCrop, reading: RecognizedLine) -> bool:
    """Tell whether a region of any shape may be a word, which an empty page does not have."""
    text = reading.text.strip()
    is_text = len(text) >= _MIN_WORD and any(map(str.isalnum, text))
    return is_text and even_share(line.image) >= _MIN_PAPER


def _is_flat(image: Pixels) -> bool:
    """Tell whether few rows of pixels have ink, as those of dots and dashes on a base line."""
    darkest, paper = np.percentile(image, (1, 90))
    ink = image < (darkest + paper) / 2
    return bool(0 < ink.any(axis=1).mean() < _MAX_FLAT)


def candidates_for_second_pass(
    rejected: Sequence[tuple[LineCrop, RecognizedLine]],
) -> list[int]:
    """Return the indexes of the largest rejected lines: there may be several rows in each."""
    sizes = {
        k: line.image.size
        for k, (line, _) in enumerate(rejected)
        if line.direction == "horizontal" and min(line.image.shape) >= _MIN_HEIGHT_OF_ROWS
    }
    return sorted(sizes, key=lambda k: -sizes[k])[:_MAX_CANDIDATES]


def is_published(box: Box, published: Sequence[LineCrop]) -> bool:
    """Tell whether published lines cover most of a box: it is a part of them that was read."""
    area = (box.right - box.left) * (box.bottom - box.top)
    covered = sum(
        max(0, min(box.right, line.box.right) - max(box.left, line.box.left))
        * max(0, min(box.bottom, line.box.bottom) - max(box.top, line.box.top))
        for line in published
    )
    return covered >= _MAX_COVERED * area


def _reason(line: LineCrop, reading: RecognizedLine) -> UnreadReason:
    if min(line.image.shape) < _TOO_SMALL:
        return "too_small"
    return "low_confidence" if reading.text.strip() else "not_legible"


def _ratio(line: LineCrop) -> float:
    """Return about how many characters are as long as the line."""
    short, long = sorted(line.image.shape)
    return float(long / max(1, short))
