"""Lines: words that stand on one base line with neither rule nor gutter between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.segment.rects import CHUNK, grown, pairs_of, share, union, weighted_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.rects import Spans
    from daemon.ocr.segment.words import Words

_MOST = 2_500  # lines that are read of a page
_WORD_GAP = 1.5  # of a word's height: words as close as this are one line
_GUTTER = 12.0  # of a word's height: white as tall as this parts columns
_FLANKED = 0.06  # share of ink that the text on both sides of a gutter has
_OVERLAP = 0.6  # of the lower word's height that words of one line share
_RATIO = 2.2  # of two words' heights in one line
_SPACED = 3.0  # of its height: so far apart characters are set to fill a cell
_SQUARE = (0.75, 1.3)  # of its height is the width of a Chinese character
_STICKS_OUT = 0.3  # of a line's height that a word may reach above or below it
_BESIDE = 0.6  # of a line's height: so far away a box to be ticked still belongs to it


def join(found: Words, drawn: Pixels, walls: Pixels) -> Spans:
    """Return the lines: each word is joined with its neighbours where nothing parts them."""
    if not len(found.spans):
        return found.spans
    pairs = np.concatenate([_neighbours(found.core), _spaced_out(found.spans)])
    pairs = pairs[~_parted(found.core, pairs, walls) & ~_in_gutter(found.core, pairs, drawn)]
    group = _connected(len(found.spans), pairs)
    return np.stack(
        [_line(found.spans[group == k], found.core[group == k]) for k in range(group.max() + 1)]
    )


def _neighbours(core: Spans) -> NDArray[np.intp]:
    """Return the pairs of words, P,2, that stand side by side on one base line, left one first."""
    some = [_followers(core, k, core[k : k + CHUNK]) for k in range(0, len(core), CHUNK)]
    return np.concatenate(some)


def _followers(core: Spans, first: int, words: Spans) -> NDArray[np.intp]:
    """Return the neighbours to the right of `words`, which are part of `core` from `first` on."""
    left, top, _, bottom = core.T.astype(np.float32)
    height = bottom - top
    own_left, own_top, own_right, own_bottom = words.T.astype(np.float32)[:, :, None]
    own_height = own_bottom - own_top
    low, high = np.minimum(own_height, height), np.maximum(own_height, height)
    overlap = np.minimum(own_bottom, bottom) - np.maximum(own_top, top)
    gap = left - own_right
    later = np.arange(len(core)) > np.arange(first, first + len(words))[:, None]
    linked = (left > own_left) | (later & (left == own_left))
    linked &= (gap <= _WORD_GAP * low) & (gap > -3 * high)
    linked &= (overlap >= _OVERLAP * low) & (high <= _RATIO * low)
    return np.asarray(np.argwhere(linked) + np.array([first, 0]), np.intp)


def _spaced_out(spans: Spans) -> NDArray[np.intp]:
    """Return the pairs of words, P,2, that are single characters set apart, left one first."""
    width, height = spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1]
    narrowest, widest = _SQUARE
    square = np.flatnonzero((width >= narrowest * height) & (width <= widest * height))
    return square[pairs_of(_follow_apart, spans[square], spans[square])]


def _follow_apart(spans: Spans, others: Spans) -> NDArray[np.bool_]:
    """Say whether each of the others stands to the right on the same line, of the same size."""
    left, top, right, bottom = spans.T.astype(np.float32)[:, :, None]
    other_left, other_top, _, other_bottom = others.T.astype(np.float32)
    height, other_height = bottom - top, other_bottom - other_top
    low, high = np.minimum(height, other_height), np.maximum(height, other_height)
    shared = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    follows = (other_left > left) & (other_left - right <= _SPACED * low)
    return np.asarray(follows & (high <= 1.3 * low) & (shared >= 0.75 * low), bool)


def _parted(core: Spans, pairs: NDArray[np.intp], walls: Pixels) -> NDArray[np.bool_]:
    """Say of each pair whether a wall stands between the two words."""
    one, other = core[pairs[:, 0]], core[pairs[:, 1]]
    y = (np.maximum(one[:, 1], other[:, 1]) + np.minimum(one[:, 3], other[:, 3])) // 2
    before = np.cumsum(np.pad(walls > 0, ((0, 0), (1, 1))), axis=1, dtype=np.int32)
    start, stop = np.maximum(one[:, 2] - 1, 0), np.minimum(other[:, 0] + 1, walls.shape[1])
    crossed = (stop > start) & (before[y, np.maximum(start, stop)] > before[y, start])
    return np.asarray(crossed, bool)


def _in_gutter(core: Spans, pairs: NDArray[np.intp], drawn: Pixels) -> NDArray[np.bool_]:
    """Say of each pair whether the white between goes on up or down with text on both its sides."""
    one, other = core[pairs[:, 0]], core[pairs[:, 1]]
    height = np.minimum(one[:, 3] - one[:, 1], other[:, 3] - other[:, 1]).astype(np.int32)
    middle = ((one[:, 2] + other[:, 0]) // 2).astype(np.int32)
    half = np.maximum(1, height // 5).astype(np.int32)
    total = np.asarray(cv2.integral((drawn > 0).astype(np.uint8)), np.int32)
    gutter = np.zeros(len(pairs), bool)
    for up, down in ((_GUTTER, 0.5), (_GUTTER / 2, _GUTTER / 2), (0.5, _GUTTER)):
        top = one[:, 1] - (up * height).astype(np.int32)
        bottom = one[:, 3] + (down * height).astype(np.int32)
        white = share(total, middle - half, top, middle + half, bottom) == 0
        left = share(total, middle - 5 * height, top, middle - half, bottom)
        right = share(total, middle + half, top, middle + 5 * height, bottom)
        gutter |= white & (np.minimum(left, right) >= _FLANKED)
    return np.asarray(gutter & (other[:, 0] - one[:, 2] >= height), bool)


def _connected(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the connected part, 0.., of each of `count` members."""
    parent = list(range(count))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for i, j in pairs.tolist():
        parent[root(i)] = root(j)
    return np.asarray(np.unique([root(k) for k in range(count)], return_inverse=True)[1], np.intp)


def _line(spans: Spans, core: Spans) -> Spans:
    """Return the span (4) of one line's words, less what sticks out above or below."""
    line = union(spans, np.zeros(len(spans), np.intp), 1)[0]
    weight = core[:, 2] - core[:, 0]
    top, bottom = weighted_median(core[:, 1], weight), weighted_median(core[:, 3], weight)
    allowed = round(_STICKS_OUT * 2 * (bottom - top))
    line[1], line[3] = max(line[1], top - allowed), min(line[3], bottom + allowed)
    return np.asarray(line, np.int32)


def widened(spans: Spans, marks: Spans, overlap: float) -> Spans:
    """Return the lines grown sideways around the marks beside them.

    A mark must share `overlap` of the line's height.
    """
    if not len(spans) or not len(marks):
        return spans
    left, top, right, bottom = (spans[:, k, None] for k in range(4))
    height = bottom - top
    shared = np.minimum(bottom, marks[:, 3]) - np.maximum(top, marks[:, 1])
    beside = (marks[:, 2] >= left - _BESIDE * height) & (shared >= overlap * height)
    beside &= marks[:, 0] <= right + _BESIDE * height
    wider = grown(spans, marks, np.argwhere(beside))
    wider[:, [1, 3]] = spans[:, [1, 3]]
    return wider


def plausible(spans: Spans) -> Spans:
    """Return the lines that may be text: no dust, no scraps of another line, no pictures.

    Of more than `_MOST` the largest: a page of noise must end.
    """
    width, height = spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1]
    spans = spans[(height >= 6) & (width >= 0.3 * height)]
    area = (spans[:, 2] - spans[:, 0]) * (spans[:, 3] - spans[:, 1])
    spans = spans[np.sort(np.argsort(-area, kind="stable")[:_MOST])]
    inner, outer = pairs_of(_within, spans, spans).T
    width, height = (spans[:, 2] - spans[:, 0], spans[:, 3] - spans[:, 1])
    is_line = (width[inner] > 3 * height[inner]) & (height[outer] > 2.2 * height[inner])
    picture, scrap = np.zeros(len(spans), bool), np.zeros(len(spans), bool)
    picture[outer[is_line]] = True
    scrap[inner[~picture[outer]]] = True
    return np.asarray(spans[~scrap & ~picture], np.int32)


def _within(spans: Spans, others: Spans) -> NDArray[np.bool_]:
    """Say for each of the spans (N) whether it lies mostly within each larger other (M): N,M."""
    left, top, right, bottom = spans.T.astype(np.float32)[:, :, None]
    other_left, other_top, other_right, other_bottom = others.T.astype(np.float32)
    shared_x = np.minimum(right, other_right) - np.maximum(left, other_left)
    shared_y = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    area = (right - left) * (bottom - top)
    other_area = (other_right - other_left) * (other_bottom - other_top)
    shared = np.maximum(shared_x, 0) * np.maximum(shared_y, 0)
    return np.asarray((shared >= 0.7 * area) & (area < other_area), bool)
