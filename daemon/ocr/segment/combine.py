"""One set of lines from two sources: the network tells where text is, the ink how far it reaches.

The network finds text on any background and at any angle, but joins what is near: the cells of a
row, two rows of small print. The ink has exact edges and knows gutters and ruling lines, but takes
drawings, stains and photographs for text. So a line of ink counts where the network sees text, and
a line of the network counts where no such ink explains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.segment import quads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.dbnet import Detection
    from daemon.ocr.segment.quads import Quads

    Rects = NDArray[np.float64]  # N,4: left, top, right, bottom

# A large character may be found twice: share of a quad that lies within a higher one, and its
# height by that of the other.
_DUPLICATE_SHARE, _DUPLICATE_HEIGHT = 0.8, 0.5
_MIN_SUPPORT = 0.3  # probability of text that the network must give some pixel of a line of ink
_MIN_SUPPORTED = 0.05  # share of the core of a line of ink that has it
_MIN_SEEN = 0.7  # share of the columns between two sides where the network sees text
_MIN_OVERLAP = 0.5  # of the lower of two boxes, for both to be in one row
_MIN_HEIGHT, _MAX_HEIGHT = 0.35, 1.6  # of the height of a quad: what explains it is as high as this
_MIN_HIGHEST = 0.45  # of the height of a quad: one of them is as high as this
_LARGE = 64  # pixels of the network: quads as high as this have smaller margins
_MIN_HIGHEST_LARGE = 0.6  # of the height of such a quad: the same
_MIN_EXPLAINED = 0.75  # share of the length of a quad that lines of ink must cover
_MIN_PIECES = 0.5  # the same where lines of ink reach both of its ends
_MIN_MISSED = 0.5  # of the height of a quad: columns with ink that no line of ink has
_MIN_STROKE = 0.1  # share of a column that such ink has; underlines have less
_MIN_INK = 30  # gray levels by which it differs: 33 or more, white between cells 10 at most
_INSET = 0.2  # of the height of a quad: where the rows above and below may reach
_CUT = 2  # pixels around a line of ink that are its blurred edge
_MAX_HALF, _MIN_WHOLE = 0.62, 0.75  # of the height of a quad: half a character, a whole one
_MIN_HALF = 0.2  # of it: how much lower the lower half begins
_MAX_HALF_GAP = 0.06  # of it: between the halves
_MAX_LOW = 200  # low lines of ink of a row that are compared: a page of noise has thousands
_MIN_HALVES = 0.5  # of the shorter half: what both have in common
_OVERSHOOT = 0.4  # of its height: a quad reaches so much further than its text, on both sides
_LONG_RATIO = 3.0  # times as high as wide: a line on its side
_MIN_TURNED = 4  # such lines: fewer may be columns of numbers that the network joined
_MIN_LINE_RATIO, _MAX_LINE_RATIO = 1.5, 15.0  # times as long as high: strokes are longer
_MAX_ROW_RATIO = 1.8  # of the heights of two rows of a label
_MIN_ROWS = 0.45  # of the height of a quad of several rows that the ink of these has
_MIN_ROW_GAP = 0.3  # of their height: lines of a stack are as far apart as this
_MARGIN = 0.1  # of the height of a quad: ink above and below it that still belongs to the line
_END = 0.5  # of the height of a quad: the same before and after it
_MIN_ROW_SHARE = 0.3  # share of a quad that a line of ink has that is a merger of several rows
_MIN_WITHIN = 0.6  # share of a line of ink within a quad that takes its place


def combine(ink: Rects, detection: Detection, gray: Pixels) -> tuple[Rects, Quads]:
    """Return the lines of ink (N,4) and the quads of the network (M,4,2) that are the lines.

    Both are in pixels of the page H,W `gray`. Lines of ink are cut down to what the network sees in
    their row, so that neither a frame nor a stain beside them counts, and extended to it: flat
    characters at the end of a line (a dash, the Chinese one) look like a rule.
    """
    ink = ink.copy()
    used = np.zeros(len(detection.quads), bool)
    bounds, ink_quads = quads.bounds(detection.quads), quads.of_rects(ink)
    is_wide = np.array([not quads.is_tall(quad) for quad in detection.quads], bool)
    is_turned = _is_turned(detection.quads, is_wide)
    kept = _is_supported(ink, detection) & ~_is_rows(ink, bounds[is_wide])
    for k in np.argsort(-_area(bounds), kind="stable"):
        quad = detection.quads[k]
        if _is_duplicate(quad, bounds[k], detection.quads[used], bounds[used]):
            continue
        is_level = quads.is_level(quad)
        if is_level and is_wide[k]:
            row = kept & _is_in_row(ink, bounds[k])
            if _is_explained(bounds[k], ink[row], detection.scale, gray):
                _extend(ink, np.flatnonzero(row), bounds[k], detection)
                continue
        share = np.zeros(len(ink))
        near = _shared_area(ink, bounds[k]) > 0
        share[near] = quads.share_within(ink_quads[near], quad)
        within = ink[kept & (share > _MIN_WITHIN)]
        if is_level and is_wide[k] and _is_rows_of(bounds[k], within):
            continue
        if is_level and not is_wide[k] and not is_turned and _is_stack(bounds[k], within):
            continue
        used[k] = True
        kept &= share < _MIN_WITHIN
    cut = [_cut_down(rect, bounds, detection) for rect in ink[kept]]
    return np.array(cut, np.float64).reshape(-1, 4), detection.quads[used]


def _is_supported(ink: Rects, detection: Detection) -> NDArray[np.bool_]:
    """Tell of each line of ink whether the network sees text in its core."""
    supported = np.zeros(len(ink), bool)
    for k, (left, top, right, bottom) in enumerate(ink * detection.scale):
        inset = 0.25 * (bottom - top)
        core = detection.probability[
            int(top + inset) : max(int(top + inset) + 1, round(bottom - inset)),
            int(left) : max(int(left) + 1, round(right)),
        ]
        supported[k] = core.size > 0 and (core >= _MIN_SUPPORT).mean() >= _MIN_SUPPORTED
    return supported


def _is_rows(ink: Rects, bounds: Rects) -> NDArray[np.bool_]:
    """Tell of each line of ink whether it overlaps quads (M,4), but none of about its height."""
    in_row, overlaps = np.zeros(len(ink), bool), np.zeros(len(ink), bool)
    for quad in bounds:
        in_row |= _is_in_row(ink, quad)
        overlaps |= _shared_area(ink, quad) >= _MIN_ROW_SHARE * _area(quad[None])
    return np.asarray(overlaps & ~in_row, bool)


def _is_in_row(ink: Rects, bounds: Rects) -> NDArray[np.bool_]:
    """Tell of each line of ink whether it is a part of the quad with these bounds (4)."""
    left, top, right, bottom = bounds
    height, ink_height = bottom - top, ink[:, 3] - ink[:, 1]
    shared = np.minimum(ink[:, 3], bottom) - np.maximum(ink[:, 1], top)
    in_row = shared >= _MIN_OVERLAP * np.minimum(ink_height, height)
    in_row &= (np.minimum(ink[:, 2], right) - np.maximum(ink[:, 0], left)) > 0
    in_row &= (ink_height >= _MIN_HEIGHT * height) & (ink_height <= _MAX_HEIGHT * height)
    return np.asarray(in_row, bool)


def _is_explained(bounds: Rects, ink: Rects, scale: float, gray: Pixels) -> bool:
    """Tell whether lines of ink cover a quad from its left to its right end.

    The network joins cells of a row across the white between them; what is not covered between two
    lines of ink has to be blank, else there is text that the ink lacks.
    """
    left, top, right, bottom = bounds
    is_large = (bottom - top) * scale >= _LARGE
    highest = (_MIN_HIGHEST_LARGE if is_large else _MIN_HIGHEST) * (bottom - top)
    if not len(ink) or (ink[:, 3] - ink[:, 1]).max() < highest:
        return False  # strokes of large characters
    if _has_halves(ink, bottom - top) or _misses_ink(ink, bounds, gray):
        return False
    overshoot = min(_OVERSHOOT * (bottom - top), (right - left) / 4)
    left, right = left + overshoot, right - overshoot
    covered, reach = 0.0, left
    for start, stop in sorted(zip(ink[:, 0], ink[:, 2], strict=True)):
        covered += max(0.0, min(stop, right) - max(start, reach))
        reach = max(reach, stop)
    has_ends = ink[:, 0].min() <= left and ink[:, 2].max() >= right
    return bool(covered >= (_MIN_PIECES if has_ends else _MIN_EXPLAINED) * (right - left))


def _has_halves(ink: Rects, height: float) -> bool:
    """Tell whether two of the lines of ink are the upper and the lower half of large characters.

    Rows of text are farther apart, and none of them is as high as both together.
    """
    heights = ink[:, 3] - ink[:, 1]
    low = ink[heights <= _MAX_HALF * height][:_MAX_LOW]
    first, second = low[:, None], low[None]
    shared = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    length = np.minimum(first[..., 2] - first[..., 0], second[..., 2] - second[..., 0])
    is_above = first[..., 1] + _MIN_HALF * height < second[..., 1]
    is_near = second[..., 1] - first[..., 3] < _MAX_HALF_GAP * height
    are_halves = is_above & is_near & (shared >= _MIN_HALVES * length)
    return bool(are_halves.any() and heights.max() >= _MIN_WHOLE * height)


def _misses_ink(ink: Rects, bounds: Rects, gray: Pixels) -> bool:
    """Tell whether a quad has ink between its lines of ink, or above or below one of them."""
    left, top, right, bottom = (max(0, round(side)) for side in bounds)
    left, right = max(left, round(ink[:, 0].min())), min(right, round(ink[:, 2].max()))
    height = bottom - top
    top, bottom = top + round(_INSET * height), bottom - round(_INSET * height)
    core = gray[top:bottom, left:right].astype(np.int16)
    if not core.size:
        return False
    low, middle, high = np.percentile(core, (5, 50, 95))
    missed = np.abs(core - middle) >= max(_MIN_INK, (high - low) / 2)
    for rect in np.round(ink).astype(int):
        sides = (rect - [left, top, left, top] + [-_CUT, -_CUT, _CUT, _CUT]).clip(0)
        missed[sides[1] : sides[3], sides[0] : sides[2]] = False
    return bool((missed.mean(axis=0) >= _MIN_STROKE).sum() >= _MIN_MISSED * height)


def _is_duplicate(quad: Quads, bounds: Rects, others: Quads, other_bounds: Rects) -> bool:
    """Tell whether a quad lies in one of `others`, M,4,2, that is hardly higher."""
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    left, top, right, bottom = other_bounds.T
    near = others[(left < x) & (x < right) & (top < y) & (y < bottom)]
    height = quads.sides(quad[None])[0, 0]
    near = near[quads.sides(near)[:, 0] <= height / _DUPLICATE_HEIGHT]
    return any(quads.share_within(quad[None], other)[0] > _DUPLICATE_SHARE for other in near)


def _extend(ink: Rects, row: NDArray[np.intp], bounds: Rects, detection: Detection) -> None:
    """Extend the outermost of the lines of ink that are a `row` to where the network sees text."""
    left, top, right, bottom = bounds
    overshoot = min(_OVERSHOOT * (bottom - top), (right - left) / 4)
    first, last = row[np.argmin(ink[row, 0])], row[np.argmax(ink[row, 2])]
    start, stop = left + overshoot, right - overshoot  # of the core
    if ink[first, 0] - start > overshoot and _is_text(detection, start, top, ink[first, 0], bottom):
        ink[first, 0] = left
    if stop - ink[last, 2] > overshoot and _is_text(detection, ink[last, 2], top, stop, bottom):
        ink[last, 2] = right


def _is_turned(found: Quads, is_wide: NDArray[np.bool_]) -> bool:
    """Tell whether most of the text lies on its side, so that level ink is no line."""
    heights, lengths = quads.sides(found).T
    ratios = lengths / np.maximum(1.0, heights)
    tall = ratios[~is_wide]
    return bool((tall >= _LONG_RATIO).sum() >= _MIN_TURNED and tall.sum() > ratios[is_wide].sum())


def _is_rows_of(bounds: Rects, ink: Rects) -> bool:
    """Tell whether a quad is two or more rows of ink below each other, each a line of text."""
    if len(ink) < 2:
        return False
    ink = ink[np.argsort(ink[:, 1])]
    heights, lengths = ink[:, 3] - ink[:, 1], ink[:, 2] - ink[:, 0]
    left, top, right, bottom = bounds
    reach = (right - left) - 2 * min(_OVERSHOOT * (bottom - top) / 2, (right - left) / 4)
    is_line = (lengths >= _MIN_LINE_RATIO * heights) & (lengths <= _MAX_LINE_RATIO * heights)
    is_apart = ink[1:, 1] >= ink[:-1, 3] - _MARGIN * heights[1:]
    return bool(
        is_line.all()
        and is_apart.all()
        and heights.max() <= _MAX_ROW_RATIO * heights.min()
        and lengths.max() >= _MIN_EXPLAINED * reach
        and heights.sum() >= _MIN_ROWS * (bottom - top)
    )


def _is_stack(bounds: Rects, ink: Rects) -> bool:
    """Tell whether a tall quad is lines below each other, with gaps as between rows of a table.

    The characters of vertical text are set closer.
    """
    if len(ink) < 2:
        return False
    ink = ink[np.argsort(ink[:, 1])]
    height = float(np.median(ink[:, 3] - ink[:, 1]))
    gaps = ink[1:, 1] - ink[:-1, 3]
    left, top, right, bottom = bounds
    length = bottom - top - 2 * min(_OVERSHOOT * (right - left), (bottom - top) / 4)
    covered = (ink[:, 3] - ink[:, 1]).sum() + np.maximum(0, gaps).sum()
    return bool(covered >= _MIN_EXPLAINED * length and np.median(gaps) >= _MIN_ROW_GAP * height)


def _cut_down(rect: Rects, bounds: Rects, detection: Detection) -> Rects:
    """Return a line of ink (4) cut down to the quads (M,4) in its row, which have more or less ink.

    It is only cut at its ends where the network sees nothing there.
    """
    row = bounds[_is_in_row(bounds, rect)]
    if not len(row):
        return rect
    left, top, right, bottom = rect
    height = float(np.median(row[:, 3] - row[:, 1]))
    top = max(top, row[:, 1].min() - _MARGIN * height)
    bottom = min(bottom, row[:, 3].max() + _MARGIN * height)
    first, last = row[:, 0].min() - _END * height, row[:, 2].max() + _END * height
    if left < first and not _is_seen(detection, left, top, first, bottom):
        left = first
    if right > last and not _is_seen(detection, last, top, right, bottom):
        right = last
    return np.array([left, top, right, bottom])


def _is_seen(detection: Detection, *sides: float) -> bool:
    """Tell whether the network sees text anywhere between the sides left, top, right, bottom."""
    left, top, right, bottom = (max(0, round(side * detection.scale)) for side in sides)
    part = detection.probability[top:bottom, left:right]
    return bool(part.size and part.max() >= _MIN_SUPPORT)


def _is_text(detection: Detection, *sides: float) -> bool:
    """Tell whether the network sees text most of the way between left and right."""
    left, top, right, bottom = (max(0, round(side * detection.scale)) for side in sides)
    part = detection.probability[top:bottom, left:right]
    return bool(part.size and (part.max(axis=0) >= _MIN_SUPPORT).mean() >= _MIN_SEEN)


def _shared_area(ink: Rects, bounds: Rects) -> NDArray[np.float64]:
    width = np.minimum(ink[:, 2], bounds[2]) - np.maximum(ink[:, 0], bounds[0])
    height = np.minimum(ink[:, 3], bounds[3]) - np.maximum(ink[:, 1], bounds[1])
    return np.asarray(np.maximum(0.0, width) * np.maximum(0.0, height), np.float64)


def _area(rects: Rects) -> NDArray[np.float64]:
    return np.asarray((rects[:, 2] - rects[:, 0]) * (rects[:, 3] - rects[:, 1]), np.float64)
