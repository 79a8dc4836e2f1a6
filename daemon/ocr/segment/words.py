"""Words: letters closer to each other than a fraction of their own height."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.segment.rects import expanded, group_bounds, group_medians, pairs_where

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.ocr.segment.rects import Rects


_MAX_WORDS = 8_000  # the largest words are used: a page of noise must end
_MAX_LETTER_GAP = 0.5  # of a letter's height: letters as close as this form a word
_MAX_SMALL_GAP = 0.6  # of a word's height: a comma as close as this belongs to it
_MAX_FRAGMENT_HEIGHT = 0.65  # of a word's height: a lower neighbour is a quote or an index of it
_MAX_CONNECTOR_GAP = 1.5  # of a word's height, to each side: a mark this close connects two words
_MIN_CONNECTOR = 0.12  # of a word's height: a smaller mark connects nothing
_MIN_STROKE = 0.6  # of a word's height: a level mark this long before it is a dash or 一 二 三


@dataclass(frozen=True, slots=True)
class WordRects:
    """Words with all their ink (`rects`, N,4) and the extent of most of it (`core`, N,4).

    The core is as high as the median letter of the word, so that neither one descender nor one
    letter merged with the next row moves the word off its base line.
    """

    rects: Rects
    core: Rects


def join_letters(letters: Rects, shape: tuple[int, ...]) -> WordRects:
    """Return the words: letters, drawn a little wider than they are, that touch each other."""
    canvas = np.zeros(shape, np.uint8)
    for left, top, right, bottom in letters.tolist():
        height = bottom - top
        reach, waist = int(_MAX_LETTER_GAP * height / 2 + 0.5), height // 5
        upper_left = (left - reach, top + waist)
        cv2.rectangle(canvas, upper_left, (right - 1 + reach, bottom - 1 - waist), (255,), -1)
    count, labels = cv2.connectedComponents(canvas, connectivity=4, ltype=cv2.CV_32S)
    middle_x = (letters[:, 0] + letters[:, 2]) // 2
    middle_y = (letters[:, 1] + letters[:, 3]) // 2
    group = labels[middle_y, middle_x] - 1
    rects = group_bounds(letters, group, count - 1)
    core = rects.copy()
    full_height = _is_full_height(letters, group, count - 1)
    for k in (1, 3):
        core[:, k] = group_medians(letters[full_height, k], group[full_height], count - 1)
    area = (rects[:, 2] - rects[:, 0]) * (rects[:, 3] - rects[:, 1])
    largest = np.argsort(-area, kind="stable")[:_MAX_WORDS]
    return WordRects(rects[largest], core[largest])


def _is_full_height(letters: Rects, group: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Tell of each letter whether it is at least half as high as the highest of its word."""
    height = letters[:, 3] - letters[:, 1]
    highest = np.zeros(count, np.int32)
    np.maximum.at(highest, group, height)
    return np.asarray(2 * height >= highest[group], bool)


def attach_small(words: WordRects, small: Rects) -> WordRects:
    """Return the words expanded by the dots, commas, dashes, quotes and indices beside them.

    A colon or a dash that stands apart between two words becomes a word itself, and so does a long
    level stroke before a word: many lines begin with 一、.
    """
    if not len(words.rects):
        return words
    fragments = np.zeros(len(words.rects), bool)
    fragments[_adjacent_pairs(words.rects, words.rects, _MAX_FRAGMENT_HEIGHT)[:, 1]] = True
    rects, core = words.rects[~fragments], words.core[~fragments]
    small = np.concatenate([small, words.rects[fragments]])
    pairs = _adjacent_pairs(rects, small, 2.0)
    wider = expanded(rects, small, pairs)
    core[:, [0, 2]] = wider[:, [0, 2]]
    unattached = np.delete(small, pairs[:, 1], axis=0)
    level_strokes = _level_strokes(core, unattached)
    wider = np.concatenate([wider, level_strokes.rects])
    core = np.concatenate([core, level_strokes.core])
    connectors = _connectors(core, np.concatenate([unattached, wider]))
    return WordRects(
        np.concatenate([wider, connectors.rects]), np.concatenate([core, connectors.core])
    )


def _level_strokes(core: Rects, marks: Rects) -> WordRects:
    """Return the long level strokes before a word of their row, with a core as high as the word."""
    mark, word = pairs_where(partial(_is_in_row, precedes=True), marks, core).T
    width, height = marks[mark, 2] - marks[mark, 0], core[word, 3] - core[word, 1]
    is_long = width >= _MIN_STROKE * height
    level_strokes, first_index = np.unique(mark[is_long], return_index=True)
    core_rects = marks[level_strokes]
    core_rects[:, [1, 3]] = core[word[is_long][first_index]][:, [1, 3]]
    return WordRects(marks[level_strokes], core_rects)


def _connectors(core: Rects, marks: Rects) -> WordRects:
    """Return the marks between two words of a row, with a core as high as the word before."""
    after_word = pairs_where(partial(_is_in_row, precedes=False), marks, core)
    precedes = pairs_where(partial(_is_in_row, precedes=True), marks, core)
    nearest = np.full(len(marks), -1)
    for mark, word in after_word[np.argsort(core[after_word[:, 1], 2], kind="stable")].tolist():
        nearest[mark] = word
    between = np.intersect1d(precedes[:, 0], after_word[:, 0])
    core_rects = marks[between]
    core_rects[:, [1, 3]] = core[nearest[between]][:, [1, 3]]
    return WordRects(marks[between], core_rects)


def _is_in_row(marks: Rects, words: Rects, *, precedes: bool) -> NDArray[np.bool_]:
    """Tell whether each mark is in the row of each word, M,N: before it if `precedes`."""
    left, top, right, bottom = words.T.astype(np.float32)
    mark_left, mark_top, mark_right, mark_bottom = marks.T.astype(np.float32)[:, :, None]
    height, mark_height = bottom - top, mark_bottom - mark_top
    gap = left - mark_right if precedes else mark_left - right
    y = (mark_top + mark_bottom) / 2
    in_row = (gap > 0) & (gap <= _MAX_CONNECTOR_GAP * height)
    in_row &= (y >= top - 0.15 * height) & (y <= bottom + 0.2 * height)
    width = mark_right - mark_left
    in_row &= (mark_height <= _MAX_FRAGMENT_HEIGHT * height) & (width <= 2 * height)
    return np.asarray(in_row & (np.maximum(width, mark_height) >= _MIN_CONNECTOR * height), bool)


def _adjacent_pairs(rects: Rects, small: Rects, size: float) -> NDArray[np.intp]:
    """Return the pairs, P,2, of words and small components that are adjacent.

    A small component must be in the row of the word and at most `size` of its height high and wide.
    """
    return pairs_where(partial(_is_adjacent, size=size), rects, small)


def _is_adjacent(rects: Rects, small: Rects, size: float) -> NDArray[np.bool_]:
    left, top, right, bottom = (rects[:, k, None] for k in range(4))
    height = bottom - top
    y = (small[:, 1] + small[:, 3]) / 2
    is_adjacent = (small[:, 2] >= left - _MAX_SMALL_GAP * height) & (y >= top - 0.15 * height)
    is_adjacent &= (small[:, 0] <= right + _MAX_SMALL_GAP * height) & (y <= bottom + 0.2 * height)
    extent = np.maximum(small[:, 2] - small[:, 0], small[:, 3] - small[:, 1])
    return np.asarray(is_adjacent & (extent <= size * height), bool)
