"""Vertical text: columns of upright characters, read as rows.

Chinese is also set in columns of upright characters. `find_columns` finds them by the ink alone:
characters that are closer to each other downwards than sideways form a column. A tall
narrow line of a text detector may be a column too (`as_column`) or lie on its side; the readings
decide (daemon/ocr/directions.py).

A column is cut into its cells, which are about square, and the cells are set side by side, so that
a recogniser that knows only rows reads it (`crop_column`). The punctuation of vertical text is put
to where a row has it: commas and full stops stand in the upper right corner or in the middle of
their cell, brackets, dashes and colons are turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.core.records import Box
from daemon.ocr.polarity import dark_on_light
from daemon.ocr.records import LineCrop
from daemon.ocr.segment.ink import InkMask
from daemon.ocr.segment.rects import group_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from daemon.core.records import Pixels
    from daemon.ocr.segment.rects import Rects

    Spans = NDArray[np.int32]

_MIN_SIDE = 3  # pixels; a component with no longer side is noise
_MAX_COMPONENTS = 12_000  # the largest ones are used: a page of noise must end
_MAX_GROUPS = 1_000  # likewise
_MAX_COMPARED = 4_000_000  # likewise, of pairs of components; 450 000 on development pages
_REACHES = (
    0.06,
    0.12,
    0.18,
    0.25,
    0.35,
)  # of an em: components twice as far apart touch when grown
_MAX_REACH_ACROSS = 0.18  # of an em: the characters of rows are closer
_MIN_CELLS = 2.5  # times as high as wide: a shorter group of components has no direction
_WIDTHS = (0.6, 1.6)  # of an em: how wide a column may be
_MAX_JOIN = 1.6  # of an em: a gap in a column, a full stop's cell and a bracket's among them
_MAX_ASIDE = 2.0  # of an em: a column of one or two characters is as close as this to the next
_MAX_WIDE = 1.25  # of the width of those beside it: a column that is as wide as this is not one
_BESIDE = 0.5  # of an em: rows between the columns of a block are made of their ink
_MIN_COVERED = 0.5  # of a row's area that is in columns, if it is made of their ink
_STRAY = 0.0005  # of the ink of a column that may be outside its width: noise, a ruling line
_CELL_SIDES = (0.4, 1.5)  # of the pitch: the shortest and the longest cell
_CUT = 3.0  # cost of a cut through solid ink; a cell that is half a pitch too long costs 0.25
_ROW_HEIGHT = 1.4  # of an em: the height of a column set as a row
_ROW_MARGIN = 0.03  # of an em: the margin on both sides of a column
_ROW_GAP = 0.12  # of an em: the gap between its characters


@dataclass(frozen=True, slots=True)
class Column:
    """A column of upright characters: its rectangle and its cells, in pixels of the clean page.

    `cells` are the top and bottom of each character cell, N,2, from the top; the first and the last
    may reach beyond the rectangle, which ends with the ink. `em` is the side of a character.
    """

    rect: tuple[int, int, int, int]
    cells: Spans
    em: float


def find_columns(gray: Pixels, page_ink: InkMask | None = None) -> list[Column]:
    """Return the columns of vertical text on the clean page `gray`, H,W, in no particular order.

    `page_ink` is its ink, if it is known already. Text whose characters are as close downwards as
    sideways is taken to be horizontal.
    """
    page_ink = page_ink or InkMask.of(gray)
    parts = _components(page_ink.text)
    if not len(parts):
        return []
    rects = _join_columns(parts, *_directions(parts, page_ink.mask.shape))
    rects = np.round(_narrowed(page_ink.text, rects) * page_ink.scale)
    boxes = [Box(*map(int, rect)) for rect in rects.tolist()]
    columns = [column_in(gray, box) for box in boxes]
    return [column for column in columns if column is not None]


def _narrowed(ink: Pixels, rects: Rects) -> Rects:
    """Return the columns, those wider than the ones beside them cut to where their ink is densest.

    Such a column has touched something beside it, as the edge of a frame.
    """
    result = rects.copy()
    for k, (left, top, right, bottom) in enumerate(rects.tolist()):
        gap = np.maximum(left - rects[:, 2], rects[:, 0] - right)
        beside = (gap >= 0) & (gap <= 2 * (right - left))
        beside &= (rects[:, 1] < bottom) & (rects[:, 3] > top)
        if not beside.any():
            continue
        em = int(np.median(rects[beside, 2] - rects[beside, 0]))
        if right - left > _MAX_WIDE * em:
            total = np.cumsum(np.pad((ink[top:bottom, left:right] > 0).sum(axis=0), (1, 0)))
            start = left + int(np.argmax(total[em:] - total[:-em]))
            result[k, [0, 2]] = start, start + em
    return result


def as_column(line: LineCrop) -> LineCrop | None:
    """Return a line whose crop is higher than wide as a column of upright characters, in a row.

    None if the crop has no two characters above each other.
    """
    height, width = line.image.shape
    column = column_in(line.image, Box(0, 0, width, height))
    if column is None:
        return None
    row = crop_column(line.image, column)
    top, bottom = column.rect[1], column.rect[3]
    shares, along = np.asarray(row.stops).T
    stops = np.column_stack([shares, (top + along * (bottom - top)) / height])
    box = line.box
    upright = [[box.left, box.top], [box.right, box.top], [box.right, box.bottom]]
    corners = np.array([*upright, [box.left, box.bottom]], np.float64)
    corners = corners if line.corners is None else line.corners
    return LineCrop(box, row.image, np.roll(corners, -1, axis=0), "vertical", stops)


def without_columns(lines: Sequence[LineCrop], columns: Sequence[LineCrop]) -> list[LineCrop]:
    """Return the lines that are not made of the ink of `columns`, as rows across them are."""
    covered = [_covering(column) for column in columns]
    return [
        line
        for line in lines
        if sum(_shared(line.box, box) for box in covered) < _MIN_COVERED * _area(line.box)
    ]


def _covering(column: LineCrop) -> Box:
    box = column.box
    margin = round(_BESIDE * (box.right - box.left))
    return Box(box.left - margin, box.top, box.right + margin, box.bottom)


def _shared(box: Box, other: Box) -> int:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(0, width) * max(0, height)


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)


def _components(ink: Pixels) -> Rects:
    """Return the boxes, N,4, of the components of the ink, without noise and pictures."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_32S)
    left, top, width, height = (stats[1:, k] for k in range(4))
    side = np.maximum(width, height)
    rects = np.column_stack([left, top, left + width, top + height])
    rects = rects[(side >= _MIN_SIDE) & (side < max(ink.shape) // 3)]
    order = np.argsort(-_sides(rects), kind="stable")[:_MAX_COMPONENTS]
    return np.asarray(rects[order], np.int32)


def _sides(rects: Rects) -> NDArray[np.int32]:
    """Return the longer side of each rectangle, limited for those that are touching characters."""
    width, height = rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    return np.asarray(np.minimum(longer, 1.6 * shorter), np.int32)


def _typical_side(rects: Rects) -> float:
    """Return the longer side of a typical component, which is nearly an em of Chinese text."""
    side = np.sort(_sides(rects))
    area = np.cumsum(side.astype(np.float64) ** 2)
    return float(side[np.searchsorted(area, area[-1] / 2)])


def _directions(parts: Rects, shape: tuple[int, ...]) -> tuple[Rects, NDArray[np.bool_]]:
    """Return the vertical groups of the components, M,4, and which components are horizontal.

    The components are grown evenly until they touch: text grows together along its lines first.
    """
    em = _typical_side(parts)
    low, high = _WIDTHS
    horizontal = np.zeros(len(parts), bool)
    pending = np.arange(len(parts))
    groups = [np.empty((0, 4), np.int32)]
    for reach in _REACHES:
        rects, sides = parts[pending], _sides(parts[pending])
        group = _touching(rects, reach * np.maximum(sides, 0.5 * em), shape)
        count = int(group.max(initial=-1)) + 1
        bounds = group_bounds(rects, group, count)
        width, height = bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]
        largest = np.zeros(count, np.int32)
        np.maximum.at(largest, group, sides)
        is_group = np.bincount(group, minlength=count) > 2
        down = is_group & (height >= _MIN_CELLS * width) & (width >= low * em)
        down &= largest <= high * width
        across = is_group & (width >= _MIN_CELLS * height) & (height >= 0.4 * em)
        groups.append(bounds[down])
        if reach <= _MAX_REACH_ACROSS:  # what is left over later may be of several columns
            horizontal[pending[across[group]]] = True
        pending = pending[~down[group] & ~across[group]]
    return np.concatenate(groups), horizontal


def _touching(parts: Rects, reach: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the number of the group, 0.., of each rectangle; those touch when grown by `reach`."""
    canvas = np.zeros(shape, np.uint8)
    grown = np.round(parts + reach[:, None] * np.array([-1, -1, 1, 1])).astype(np.int32)
    for left, top, right, bottom in grown.tolist():
        canvas[max(0, top) : bottom, max(0, left) : right] = 1
    _, labels = cv2.connectedComponents(canvas, connectivity=4, ltype=cv2.CV_32S)
    middle_x, middle_y = (parts[:, 0] + parts[:, 2]) // 2, (parts[:, 1] + parts[:, 3]) // 2
    return np.asarray(np.unique(labels[middle_y, middle_x], return_inverse=True)[1], np.intp)


def _join_columns(parts: Rects, groups: Rects, horizontal: NDArray[np.bool_]) -> Rects:
    """Return the columns: groups above one another, and the components between and beside them."""
    if not len(groups):
        return groups
    if len(groups) > _MAX_GROUPS:
        groups = groups[np.argsort(groups[:, 1] - groups[:, 3], kind="stable")[:_MAX_GROUPS]]
    rects = list(groups[np.argsort(groups[:, 1])])
    em = float(np.median(groups[:, 2] - groups[:, 0]))
    loose = parts[~horizontal]
    columns: list[NDArray[np.int32]] = []
    for rect in rects:
        for k, column in enumerate(columns):
            if _continues(column, rect, em):
                columns[k] = _around(column, rect)
                break
        else:
            columns.append(rect)
    grown = _merged([_absorb(column, loose, em) for column in columns], em)
    return np.stack(_merged([*grown, *_short_columns(loose, grown, em)], em)).astype(np.int32)


def _short_columns(
    loose: Rects, columns: Sequence[NDArray[np.int32]], em: float
) -> list[NDArray[np.int32]]:
    """Return the columns of one or two characters: they begin beside the first of a column."""
    middle = (loose[:, :2] + loose[:, 2:]) / 2
    is_left = np.ones(len(loose), bool)
    for left, top, right, bottom in columns:
        inside = (middle[:, 0] >= left) & (middle[:, 0] <= right)
        is_left &= ~(inside & (middle[:, 1] >= top) & (middle[:, 1] <= bottom))
    short: list[NDArray[np.int32]] = []
    seeds = loose[is_left & (loose[:, 2] - loose[:, 0] >= 0.5 * em)]
    around = loose[is_left]
    most = _MAX_COMPARED // max(1, len(around))
    for seed in seeds[np.argsort(seeds[:, 1])][:most]:
        column = _absorb(_widened(seed, around, em), around, em)
        is_beside = any(
            abs(column[1] - other[1]) <= 0.7 * em
            and 0.1 * em <= max(column[0] - other[2], other[0] - column[2]) <= _MAX_ASIDE * em
            for other in columns
        )
        is_narrow = 0.6 * em <= column[2] - column[0] <= 1.3 * em
        if is_beside and is_narrow and not any(_continues(o, column, em) for o in short):
            short.append(column)
    return short


def _continues(column: NDArray[np.int32], rect: NDArray[np.int32], em: float) -> bool:
    """Tell whether two rectangles are parts of one column."""
    width = min(column[2] - column[0], rect[2] - rect[0])
    shared = min(column[2], rect[2]) - max(column[0], rect[0])
    gap = max(rect[1] - column[3], column[1] - rect[3])
    return bool(shared >= 0.6 * width and gap <= _MAX_JOIN * em)


def _around(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.int32]:
    low, high = np.minimum(first[:2], second[:2]), np.maximum(first[2:], second[2:])
    return np.concatenate([low, high])


def _absorb(column: NDArray[np.int32], loose: Rects, em: float) -> NDArray[np.int32]:
    """Return a column with the components that are in it, or above or below within its reach."""
    middle = (loose[:, 0] + loose[:, 2]) / 2
    width = loose[:, 2] - loose[:, 0]
    near = (middle >= column[0]) & (middle <= column[2] + 0.2 * em) & (width <= 1.4 * em)
    near &= (loose[:, 0] >= column[0] - 0.3 * em) & (loose[:, 2] <= column[2] + 0.3 * em)
    within = loose[near]
    within = within[np.argsort(within[:, 1])]
    result = column
    for rect in [*within[::-1], *within]:
        reach = em * (_MAX_JOIN if max(rect[2] - rect[0], rect[3] - rect[1]) >= 0.4 * em else 1.1)
        if rect[1] - result[3] <= reach and result[1] - rect[3] <= reach:
            result = _around(result, rect)
    return result


def _widened(seed: NDArray[np.int32], loose: Rects, em: float) -> NDArray[np.int32]:
    """Return a component with those beside it that make up one character with it."""
    level = loose[(loose[:, 1] < seed[3]) & (loose[:, 3] > seed[1])]
    distance = np.maximum(seed[0] - level[:, 2], level[:, 0] - seed[2])
    result = seed
    for rect in level[np.argsort(distance, kind="stable")]:
        wider = _around(result, rect)
        if wider[2] - wider[0] <= 1.1 * em:
            result = wider
    return result


def _merged(columns: list[NDArray[np.int32]], em: float) -> list[NDArray[np.int32]]:
    """Return the columns, those that continue each other as one."""
    result: list[NDArray[np.int32]] = []
    for column in sorted(columns, key=lambda rect: int(rect[1])):
        for k, other in enumerate(result):
            if _continues(other, column, em):
                result[k] = _around(other, column)
                break
        else:
            result.append(column)
    return result


def column_in(gray: Pixels, box: Box) -> Column | None:
    """Return the column in `box` of the clean page with its cells; None if it has no two cells.

    The box may be larger than the column, by a margin without other text.
    """
    ink = _ink(dark_on_light(gray[box.top : box.bottom, box.left : box.right]))
    if not ink.any():
        return None
    left, right = _extent(ink.sum(axis=0))
    cells = cut_cells(ink[:, left:right].mean(axis=1), right - left)
    if len(cells) < 2:
        return None
    top, bottom = max(0, int(cells[0, 0])), min(len(ink), int(cells[-1, 1]))
    rect = (box.left + left, box.top + top, box.left + right, box.top + bottom)
    return Column(rect, cells + box.top, float(right - left))


def _extent(ink: NDArray[np.float64]) -> tuple[int, int]:
    """Return where the ink along an axis begins and ends, but for a stray part of it."""
    total = np.cumsum(ink) / ink.sum()
    start = int(np.searchsorted(total, _STRAY, "right"))
    return start, int(np.searchsorted(total, 1 - _STRAY)) + 1


def _ink(crop: Pixels) -> NDArray[np.float64]:
    """Return how much of each pixel of a dark on light crop, H,W, is ink, 0..1."""
    dark, light = np.percentile(crop, (1, 90))
    if light - dark < 20:
        return np.zeros(crop.shape)
    share = (light - crop.astype(np.float64)) / (light - dark)
    return np.asarray(np.clip((share - 0.25) / 0.5, 0, 1), np.float64)


def cut_cells(profile: NDArray[np.float64], em: float) -> Spans:
    """Return top and bottom, N,2, of the character cells of a column.

    `profile` is the share of ink of each row of pixels, `em` the width of the column. The cuts are
    those of least ink whose distance is near the pitch of the column (dynamic programming).
    """
    inked = np.flatnonzero(profile > 0.01)
    if not len(inked):
        return np.empty((0, 2), np.int32)
    start, stop = int(inked[0]), int(inked[-1]) + 1
    profile = profile[start:stop]
    pitch = _pitch(profile, em)
    margin = round(pitch)  # the first and the last cell may begin and end with white
    profile = np.pad(profile, margin)
    length = len(profile)
    at_cut = np.concatenate([[0.0], np.minimum(profile[1:], profile[:-1]), [0.0]])
    cost = np.full(length + 1, np.inf)
    cost[: margin + 1] = 0.0
    previous = np.zeros(length + 1, np.int64)
    sizes = np.arange(max(2, round(_CELL_SIDES[0] * pitch)), round(_CELL_SIDES[1] * pitch) + 1)
    deviation = (sizes / pitch - 1) ** 2
    for end in range(margin + 1, length + 1):
        fitting = sizes[sizes <= end]
        if len(fitting):
            totals = cost[end - fitting] + deviation[: len(fitting)]
            best = int(np.argmin(totals))
            cost[end], previous[end] = totals[best] + _CUT * at_cut[end], end - fitting[best]
    last = length - margin + int(np.argmin(cost[length - margin :]))
    cuts = [last]
    while cuts[-1] > margin or len(cuts) == 1:
        cuts.append(int(previous[cuts[-1]]))
    bounds = np.array(cuts[::-1], np.int32) + start - margin
    return np.column_stack([bounds[:-1], bounds[1:]])


def _pitch(profile: NDArray[np.float64], em: float) -> float:
    """Return the distance of the characters of a column, by the autocorrelation of its ink."""
    low, high = max(2, round(0.8 * em)), round(1.5 * em)
    if len(profile) < 3 * em:
        return em
    blurred = np.convolve(profile, np.ones(max(1, round(0.1 * em))), "same")
    centred = blurred - blurred.mean()
    lags = np.arange(low, min(high, len(profile) - 1) + 1)
    scores = [float(np.mean(centred[lag:] * centred[:-lag])) for lag in lags]
    return float(lags[int(np.argmax(scores))])


def crop_column(gray: Pixels, column: Column) -> LineCrop:
    """Return a column as a line whose crop has the characters of the column in a row."""
    left, top, right, bottom = column.rect
    margin = round(_ROW_MARGIN * column.em)
    left, right = max(0, left - margin), min(gray.shape[1], right + margin)
    height = round(_ROW_HEIGHT * column.em)
    gap = round(_ROW_GAP * column.em)
    upright = dark_on_light(gray[top:bottom, left:right])
    paper = int(np.percentile(upright, 90))
    cells = column.cells - top
    outer = max(0, -int(cells.min())), max(0, int(cells.max()) - len(upright))
    upright = np.pad(upright, (outer, (0, 0)), constant_values=paper)
    tiles = [
        _tile(upright[start + outer[0] : stop + outer[0]], height, paper, column.em)
        for start, stop in cells.tolist()
    ]
    space = np.full((height, gap), paper, np.uint8)
    parts: list[Pixels] = [space]
    stops = [(0.0, 0.0)]
    x = gap
    for tile, (start, stop) in zip(tiles, np.clip(cells, 0, bottom - top).tolist(), strict=True):
        stops += [(float(x), float(start)), (float(x + tile.shape[1]), float(stop))]
        parts += [tile, space]
        x += tile.shape[1] + gap
    image = np.concatenate(parts, axis=1)
    stops.append((float(image.shape[1]), float(bottom - top)))
    corners = np.array([[right, top], [right, bottom], [left, bottom], [left, top]], np.float64)
    shares = np.array(stops) / (image.shape[1], bottom - top)
    return LineCrop(Box(left, top, right, bottom), image, corners, "vertical", shares)


def _tile(cell: Pixels, height: int, paper: int, em: float) -> Pixels:
    """Return the cell of a character as a row has it, on paper, `height` pixels high.

    The middle of the cell is in the middle of the tile.
    """
    tile = np.full((height, cell.shape[1]), paper, np.uint8)
    excess = cell.shape[0] - height
    if excess > 0:
        cell = cell[excess // 2 : excess // 2 + height]
    start = (height - cell.shape[0]) // 2
    tile[start : start + cell.shape[0]] = cell
    return _as_in_a_row(tile, paper, em)


def _as_in_a_row(tile: Pixels, paper: int, em: float) -> Pixels:
    """Return the tile with a punctuation mark turned or moved to where it is in a row."""
    ink = _ink(tile) > 0.5
    inked_rows, inked_columns = np.any(ink, axis=1), np.any(ink, axis=0)
    y, x = np.flatnonzero(inked_rows), np.flatnonzero(inked_columns)
    if not len(y):
        return tile
    top, bottom, left, right = int(y[0]), int(y[-1]) + 1, int(x[0]), int(x[-1]) + 1
    width, height = (right - left) / em, (bottom - top) / em
    off_centre = abs((top + bottom) / 2 - tile.shape[0] / 2) / em
    is_bracket = 0.18 <= height <= 0.52 and width >= 0.45 and off_centre >= 0.12
    rows = _runs(inked_rows)  # an exclamation mark has two
    is_dash = width <= 0.16 and (rows >= 3 or (rows == 1 and height >= 0.85))
    is_colon = height <= 0.32 and 0.25 <= width <= 0.75 and _runs(inked_columns) == 2
    if is_bracket or is_dash or is_colon:
        return _turned(tile, paper)
    if max(width, height) <= 0.45:
        mark = tile[top:bottom, left:right]
        moved = np.full_like(tile, paper)
        base = min(tile.shape[0], round(tile.shape[0] / 2 + 0.45 * em)) - mark.shape[0]
        start = min(round(0.08 * em), tile.shape[1] - mark.shape[1])
        moved[base : base + mark.shape[0], start : start + mark.shape[1]] = mark
        return moved
    return tile


def _runs(inked: NDArray[np.bool_]) -> int:
    """Return how many runs of ink there are along an axis."""
    return int(np.count_nonzero(np.diff(inked.astype(np.int8), prepend=0) == 1))


def _turned(tile: Pixels, paper: int) -> Pixels:
    """Return the tile turned back by a quarter, counterclockwise, about its middle."""
    height, width = tile.shape
    start = max(0, (height - width) // 2)
    square = tile[start : start + width]
    turned = np.full_like(tile, paper)
    turned[start : start + square.shape[0], : square.shape[0]] = np.rot90(square)
    return turned
