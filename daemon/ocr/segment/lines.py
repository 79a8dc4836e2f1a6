"""Lines: words on one base line with neither a ruling line nor a gutter between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.segment.rects import (
    expanded,
    group_bounds,
    ink_density,
    pairs_where,
    weighted_median,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.rects import Rects
    from daemon.ocr.segment.words import WordRects

_MAX_LINES = 2_500  # lines of a page that are read
_MAX_WORD_GAP = 1.5  # of a word's height: words as close as this form a line
_MIN_GUTTER = 12.0  # of a word's height: white space as tall as this separates columns
_MIN_FLANK_DENSITY = 0.06  # density of ink that the text on both sides of a gutter has
_MIN_OVERLAP = 0.6  # of the lower word's height that words of a line share
_MAX_HEIGHT_RATIO = 2.2  # of the heights of two words of a line
_MAX_CHARACTER_GAP = 3.0  # of the height: characters that fill a cell are as far apart as this
_CJK_ASPECT = (0.75, 1.3)  # width by height of a Chinese character
_MAX_OVERHANG = 0.3  # of a line's height that a word may reach above or below it
_MAX_SIDE_GAP = 0.6  # of a line's height: a checkbox as close as this belongs to it


def join_words(words: WordRects, ink: Pixels, separators: Pixels) -> Rects:
    """Return the lines: each word is joined with its neighbours unless something separates them."""
    if not len(words.rects):
        return words.rects
    pairs = np.concatenate([_neighbours(words.core), _spaced_characters(words.rects)])
    pairs = pairs[
        ~_is_separated(words.core, pairs, separators) & ~_is_gutter(words.core, pairs, ink)
    ]
    group = _connected_groups(len(words.rects), pairs)
    return np.stack(
        [_line(words.rects[group == k], words.core[group == k]) for k in range(group.max() + 1)]
    )


def _neighbours(core: Rects) -> NDArray[np.intp]:
    """Return the pairs of words, P,2, that are adjacent on one base line, the left one first."""
    numbered = np.column_stack([core, np.arange(len(core), dtype=core.dtype)])
    return pairs_where(_is_follower, numbered, numbered)


def _is_follower(words: Rects, candidates: Rects) -> NDArray[np.bool_]:
    """Tell whether each candidate is a right neighbour: N,M; a fifth column numbers the words."""
    left, top, _, bottom, number = candidates.T.astype(np.float32)
    height = bottom - top
    own_left, own_top, own_right, own_bottom, own_number = words.T.astype(np.float32)[:, :, None]
    own_height = own_bottom - own_top
    low, high = np.minimum(own_height, height), np.maximum(own_height, height)
    overlap = np.minimum(own_bottom, bottom) - np.maximum(own_top, top)
    gap = left - own_right
    is_neighbour = (left > own_left) | ((number > own_number) & (left == own_left))
    is_neighbour &= (gap <= _MAX_WORD_GAP * low) & (gap > -3 * high)
    is_neighbour &= (overlap >= _MIN_OVERLAP * low) & (high <= _MAX_HEIGHT_RATIO * low)
    return np.asarray(is_neighbour, bool)


def _spaced_characters(rects: Rects) -> NDArray[np.intp]:
    """Return the pairs of words, P,2, that are single spaced-out characters, the left one first."""
    width, height = rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]
    narrowest, widest = _CJK_ASPECT
    square = np.flatnonzero((width >= narrowest * height) & (width <= widest * height))
    return square[pairs_where(_is_spaced_follower, rects[square], rects[square])]


def _is_spaced_follower(rects: Rects, candidates: Rects) -> NDArray[np.bool_]:
    """Tell whether each candidate follows on the same line and has the same size: N,M."""
    left, top, right, bottom = rects.T.astype(np.float32)[:, :, None]
    candidate_left, candidate_top, _, candidate_bottom = candidates.T.astype(np.float32)
    height, candidate_height = bottom - top, candidate_bottom - candidate_top
    low, high = np.minimum(height, candidate_height), np.maximum(height, candidate_height)
    shared = np.minimum(bottom, candidate_bottom) - np.maximum(top, candidate_top)
    follows = (candidate_left > left) & (candidate_left - right <= _MAX_CHARACTER_GAP * low)
    return np.asarray(follows & (high <= 1.3 * low) & (shared >= 0.75 * low), bool)


def _is_separated(core: Rects, pairs: NDArray[np.intp], separators: Pixels) -> NDArray[np.bool_]:
    """Tell of each pair whether a separator stands between the two words."""
    first_words, second_words = core[pairs[:, 0]], core[pairs[:, 1]]
    y = (
        np.maximum(first_words[:, 1], second_words[:, 1])
        + np.minimum(first_words[:, 3], second_words[:, 3])
    ) // 2
    cumulative = np.cumsum(np.pad(separators > 0, ((0, 0), (1, 1))), axis=1, dtype=np.int32)
    start = np.maximum(first_words[:, 2] - 1, 0)
    stop = np.minimum(second_words[:, 0] + 1, separators.shape[1])
    is_crossed = (stop > start) & (cumulative[y, np.maximum(start, stop)] > cumulative[y, start])
    return np.asarray(is_crossed, bool)


def _is_gutter(core: Rects, pairs: NDArray[np.intp], ink: Pixels) -> NDArray[np.bool_]:
    """Tell of each pair whether the gap goes on up or down with text on both sides."""
    first_words, second_words = core[pairs[:, 0]], core[pairs[:, 1]]
    height = np.minimum(
        first_words[:, 3] - first_words[:, 1], second_words[:, 3] - second_words[:, 1]
    ).astype(np.int32)
    middle = ((first_words[:, 2] + second_words[:, 0]) // 2).astype(np.int32)
    half = np.maximum(1, height // 5).astype(np.int32)
    total = np.asarray(cv2.integral((ink > 0).astype(np.uint8)), np.int32)
    gutter = np.zeros(len(pairs), bool)
    for up, down in ((_MIN_GUTTER, 0.5), (_MIN_GUTTER / 2, _MIN_GUTTER / 2), (0.5, _MIN_GUTTER)):
        top = first_words[:, 1] - (up * height).astype(np.int32)
        bottom = first_words[:, 3] + (down * height).astype(np.int32)
        white = ink_density(total, middle - half, top, middle + half, bottom) == 0
        left = ink_density(total, middle - 5 * height, top, middle - half, bottom)
        right = ink_density(total, middle + half, top, middle + 5 * height, bottom)
        gutter |= white & (np.minimum(left, right) >= _MIN_FLANK_DENSITY)
    return np.asarray(gutter & (second_words[:, 0] - first_words[:, 2] >= height), bool)


def _connected_groups(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the connected group, 0.., of each of `count` members (union-find)."""
    parent = list(range(count))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for i, j in pairs.tolist():
        parent[root(i)] = root(j)
    return np.asarray(np.unique([root(k) for k in range(count)], return_inverse=True)[1], np.intp)


def _line(rects: Rects, core: Rects) -> Rects:
    """Return the rectangle (4) of the words of a line, clipped where a word sticks out."""
    line = group_bounds(rects, np.zeros(len(rects), np.intp), 1)[0]
    weight = core[:, 2] - core[:, 0]
    top, bottom = weighted_median(core[:, 1], weight), weighted_median(core[:, 3], weight)
    overhang = round(_MAX_OVERHANG * 2 * (bottom - top))
    line[1], line[3] = max(line[1], top - overhang), min(line[3], bottom + overhang)
    return np.asarray(line, np.int32)


def widen(rects: Rects, components: Rects, overlap: float) -> Rects:
    """Return the lines widened by the components beside them.

    A component must share `overlap` of the line's height.
    """
    if not len(rects) or not len(components):
        return rects
    left, top, right, bottom = (rects[:, k, None] for k in range(4))
    height = bottom - top
    shared = np.minimum(bottom, components[:, 3]) - np.maximum(top, components[:, 1])
    beside = (components[:, 2] >= left - _MAX_SIDE_GAP * height) & (shared >= overlap * height)
    beside &= components[:, 0] <= right + _MAX_SIDE_GAP * height
    result = expanded(rects, components, np.argwhere(beside))
    result[:, [1, 3]] = rects[:, [1, 3]]
    return result


def filter_plausible(rects: Rects) -> Rects:
    """Return the lines that may be text: no specks, no fragments of other lines, no pictures.

    Of more than `_MAX_LINES` the largest are kept: a page of noise must end.
    """
    width, height = rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]
    rects = rects[(height >= 6) & (width >= 0.3 * height)]
    area = (rects[:, 2] - rects[:, 0]) * (rects[:, 3] - rects[:, 1])
    rects = rects[np.sort(np.argsort(-area, kind="stable")[:_MAX_LINES])]
    inner, outer = pairs_where(_is_within, rects, rects).T
    width, height = (rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1])
    is_line = (width[inner] > 3 * height[inner]) & (height[outer] > 2.2 * height[inner])
    picture, fragment = np.zeros(len(rects), bool), np.zeros(len(rects), bool)
    picture[outer[is_line]] = True
    fragment[inner[~picture[outer]]] = True
    return np.asarray(rects[~fragment & ~picture], np.int32)


def _is_within(rects: Rects, candidates: Rects) -> NDArray[np.bool_]:
    """Tell whether each rectangle (N) lies mostly within each larger candidate (M): N,M."""
    left, top, right, bottom = rects.T.astype(np.float32)[:, :, None]
    candidate_left, candidate_top, candidate_right, candidate_bottom = candidates.T.astype(
        np.float32
    )
    shared_x = np.minimum(right, candidate_right) - np.maximum(left, candidate_left)
    shared_y = np.minimum(bottom, candidate_bottom) - np.maximum(top, candidate_top)
    area = (right - left) * (bottom - top)
    candidate_area = (candidate_right - candidate_left) * (candidate_bottom - candidate_top)
    shared = np.maximum(shared_x, 0) * np.maximum(shared_y, 0)
    return np.asarray((shared >= 0.7 * area) & (area < candidate_area), bool)
