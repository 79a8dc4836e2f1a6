"""Words: letters that stand closer than a fraction of their own height."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.segment.rects import grown, medians, pairs_of, union

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.ocr.segment.rects import Spans


_MOST = 8_000  # the largest words that are looked at: a page of noise must end
_LETTER_GAP = 0.5  # of a letter's height: letters as close as this are one word
_SMALL_GAP = 0.6  # of a word's height: so far away a comma still belongs to it
_SCRAP = 0.65  # of a word's height: what is smaller beside it is a quote or an index of it
_BRIDGE_GAP = 1.5  # of a word's height: as far from each of two words a mark leads to the other
_DUST = 0.12  # of a word's height: smaller marks lead nowhere
_STROKE = 0.6  # of a word's height: a level mark as long before it is a dash, or one of 一 二 三


@dataclass(frozen=True, slots=True)
class Words:
    """Words with all their ink (`spans`, N,4) and where most of it stands (`core`, N,4).

    The core is as high as the word's middling letter, so that neither one descender nor one letter
    grown into the next row moves the word off its base line.
    """

    spans: Spans
    core: Spans


def join(letters: Spans, shape: tuple[int, ...]) -> Words:
    """Return the words: letters painted a little wider than they are run into one another."""
    canvas = np.zeros(shape, np.uint8)
    for left, top, right, bottom in letters.tolist():
        height = bottom - top
        reach, waist = int(_LETTER_GAP * height / 2 + 0.5), height // 5
        upper_left = (left - reach, top + waist)
        cv2.rectangle(canvas, upper_left, (right - 1 + reach, bottom - 1 - waist), (255,), -1)
    count, labels = cv2.connectedComponents(canvas, connectivity=4, ltype=cv2.CV_32S)
    middle_x = (letters[:, 0] + letters[:, 2]) // 2
    middle_y = (letters[:, 1] + letters[:, 3]) // 2
    group = labels[middle_y, middle_x] - 1
    spans = union(letters, group, count - 1)
    core = spans.copy()
    whole = _of_size(letters, group, count - 1)
    for k in (1, 3):
        core[:, k] = medians(letters[whole, k], group[whole], count - 1)
    area = (spans[:, 2] - spans[:, 0]) * (spans[:, 3] - spans[:, 1])
    kept = np.argsort(-area, kind="stable")[:_MOST]
    return Words(spans[kept], core[kept])


def _of_size(letters: Spans, group: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Say of each letter whether it is at least half as high as the highest of its word."""
    height = letters[:, 3] - letters[:, 1]
    highest = np.zeros(count, np.int32)
    np.maximum.at(highest, group, height)
    return np.asarray(2 * height >= highest[group], bool)


def with_small(found: Words, small: Spans) -> Words:
    """Return the words grown around the dots, commas, dashes, quotes and indices beside them.

    A colon or a dash that stands apart between two words becomes a word itself, and so does a long
    stroke before a word: 一、 begins many a line.
    """
    if not len(found.spans):
        return found
    scraps = np.zeros(len(found.spans), bool)
    scraps[_beside(found.spans, found.spans, _SCRAP)[:, 1]] = True
    spans, core = found.spans[~scraps], found.core[~scraps]
    small = np.concatenate([small, found.spans[scraps]])
    pairs = _beside(spans, small, 2.0)
    wider = grown(spans, small, pairs)
    core[:, [0, 2]] = wider[:, [0, 2]]
    alone = np.delete(small, pairs[:, 1], axis=0)
    strokes = _strokes(core, alone)
    wider, core = np.concatenate([wider, strokes.spans]), np.concatenate([core, strokes.core])
    bridges = _bridges(core, np.concatenate([alone, wider]))
    return Words(np.concatenate([wider, bridges.spans]), np.concatenate([core, bridges.core]))


def _strokes(core: Spans, marks: Spans) -> Words:
    """Return the long level marks before a word of their row, with a core as high as that word."""
    mark, word = pairs_of(partial(_leads, onward=True), marks, core).T
    width, height = marks[mark, 2] - marks[mark, 0], core[word, 3] - core[word, 1]
    is_long = width >= _STROKE * height
    strokes, at = np.unique(mark[is_long], return_index=True)
    high = marks[strokes]
    high[:, [1, 3]] = core[word[is_long][at]][:, [1, 3]]
    return Words(marks[strokes], high)


def _bridges(core: Spans, marks: Spans) -> Words:
    """Return the marks between two words of a row, with a core as high as the word before."""
    before = pairs_of(partial(_leads, onward=False), marks, core)
    onward = pairs_of(partial(_leads, onward=True), marks, core)
    nearest = np.full(len(marks), -1)
    for mark, word in before[np.argsort(core[before[:, 1], 2], kind="stable")].tolist():
        nearest[mark] = word
    between = np.intersect1d(onward[:, 0], before[:, 0])
    high = marks[between]
    high[:, [1, 3]] = core[nearest[between]][:, [1, 3]]
    return Words(marks[between], high)


def _leads(marks: Spans, words: Spans, *, onward: bool) -> NDArray[np.bool_]:
    """Say whether each mark stands in the row of each word: M,N; before it if `onward`."""
    left, top, right, bottom = words.T.astype(np.float32)
    mark_left, mark_top, mark_right, mark_bottom = marks.T.astype(np.float32)[:, :, None]
    height, mark_height = bottom - top, mark_bottom - mark_top
    gap = left - mark_right if onward else mark_left - right
    y = (mark_top + mark_bottom) / 2
    leads = (gap > 0) & (gap <= _BRIDGE_GAP * height)
    leads &= (y >= top - 0.15 * height) & (y <= bottom + 0.2 * height)
    width = mark_right - mark_left
    leads &= (mark_height <= _SCRAP * height) & (width <= 2 * height)
    return np.asarray(leads & (np.maximum(width, mark_height) >= _DUST * height), bool)


def _beside(spans: Spans, small: Spans, size: float) -> NDArray[np.intp]:
    """Return the pairs, P,2, of spans and marks that touch.

    A mark must stand in the span's row and be at most `size` of its height high and wide.
    """
    return pairs_of(partial(_touch, size=size), spans, small)


def _touch(spans: Spans, small: Spans, size: float) -> NDArray[np.bool_]:
    left, top, right, bottom = (spans[:, k, None] for k in range(4))
    height = bottom - top
    y = (small[:, 1] + small[:, 3]) / 2
    beside = (small[:, 2] >= left - _SMALL_GAP * height) & (y >= top - 0.15 * height)
    beside &= (small[:, 0] <= right + _SMALL_GAP * height) & (y <= bottom + 0.2 * height)
    extent = np.maximum(small[:, 2] - small[:, 0], small[:, 3] - small[:, 1])
    return np.asarray(beside & (extent <= size * height), bool)
