"""Reading order: columns of prose one after the other, everything else row by row.

A page is cut into strips that no line crosses. Strips that share a gutter with prose on both sides
are two columns, read left before right and each by the same rule again; the rest (forms, receipts,
tables, single columns) is read in rows, left to right, so that a key stands before its value.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.records import Box

_GUTTER = 0.4  # of a line's height: white as wide as this may part columns
_CANDIDATES = 3  # the widest gutters that are tried
_PROSE = 8.0  # of a line's height: rows of prose are on the average at least this long,
_FILL = 0.5  # fill their column this far
_ROWS = 3  # and are at least so many
_LONG = 10  # rows and more that a sidebar has
_LEVEL = 0.15  # of a line's height: middles as near are level
_STEP = 0.4  # less than this share of a sidebar's boxes is level with the prose beside it
_SPARSE = 1.4  # times the pitch of a column's rows: labels beside it are farther apart
_MARGIN = 4.0  # of a line's height: what is narrower beside a gutter are words in the margin
_WIDE = 0.6  # of the region's width: strips without a gutter this wide end a run
_NEAR = 1.5  # of a line's height: a longer column's last lines follow this closely
_SAME_ROW = 0.5  # of the lower one's height that two boxes in one row share
_BLOCK_GAP = 0.8  # of a line's height: rows farther apart begin a new block


def order(boxes: Sequence[Box]) -> list[list[int]]:
    """Return the indexes of `boxes` in reading order, in blocks of what belongs together."""
    if not boxes:
        return []
    height = median(box.bottom - box.top for box in boxes)
    return _ordered(boxes, list(range(len(boxes))), height)


def _ordered(boxes: Sequence[Box], which: list[int], height: float) -> list[list[int]]:
    """Return the blocks of the boxes `which`: runs of strips downwards, columns within a run."""
    strips = _strips(boxes, which)
    width = max(boxes[k].right for k in which) - min(boxes[k].left for k in which)
    blocks: list[list[int]] = []
    rows: list[int] = []
    start = 0
    while start < len(strips):
        end, columns = _run(boxes, strips[start:], height, width)
        if columns:
            blocks += _blocks(boxes, rows, height)
            for column in columns:
                blocks += _ordered(boxes, column, height)
            rows = []
        else:
            rows += [k for strip in strips[start : start + end] for k in strip]
        start += end
    return blocks + _blocks(boxes, rows, height)


def _strips(boxes: Sequence[Box], which: list[int]) -> list[list[int]]:
    """Return `which` cut at every height that no middle half of a box crosses, top to bottom."""
    strips: list[list[int]] = []
    reach = float("-inf")
    for k in sorted(which, key=lambda k: (_middle(boxes[k]), k)):
        top, bottom = _middle(boxes[k])
        if top >= reach:
            strips.append([])
        strips[-1].append(k)
        reach = max(reach, bottom)
    return strips


def _middle(box: Box) -> tuple[float, float]:
    quarter = (box.bottom - box.top) / 4
    return box.top + quarter, box.bottom - quarter


def _run(
    boxes: Sequence[Box], strips: list[list[int]], height: float, width: float
) -> tuple[int, list[list[int]]]:
    """Return how many of the strips, from the first on, belong together, and their two columns.

    There are no columns where the strips are to be read in rows.
    """
    members: list[int] = []
    best: tuple[int, list[list[int]]] = (0, [])
    for count, strip in enumerate(strips, start=1):
        members = members + strip
        gutters = _gutters([boxes[k] for k in members], height)
        if _is_crossed([boxes[k] for k in members], gutters, height, width):
            return best if best[1] else (max(1, count - 1), [])
        for gutter in gutters:
            columns = _parted(boxes, members, gutter)
            if _belongs(boxes, strip, members, gutter, height) and _are_columns(
                *([boxes[k] for k in column] for column in columns)
            ):
                best = (count, columns)
                break
    return best if best[1] else (len(strips), [])


def _is_crossed(boxes: list[Box], gutters: list[float], height: float, width: float) -> bool:
    """Say whether the strips of `boxes` go across: wide, with no gutter but beside marginal words.

    A word in the margin would else keep a gutter open through all that stands beside it.
    """
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    inner = [g for g in gutters if min(g - left, right - g) >= _MARGIN * height]
    return not inner and right - left > _WIDE * width


def _are_columns(left: list[Box], right: list[Box]) -> bool:
    """Say whether both are prose, and the left one no list of labels beside paragraphs.

    Or one is prose, and the other as long and not in step with it: a sidebar.
    """
    prose = [column for column in (left, right) if _is_prose(column)]
    if len(prose) == 2:
        return _pitch(left) < _SPARSE * _pitch(right)
    if not prose:
        return False
    [column] = prose
    sidebar = left if column is right else right
    return min(_rows_of(sidebar), _rows_of(column)) >= _LONG and _in_step(sidebar, column) < _STEP


def _rows_of(boxes: list[Box]) -> int:
    return len(_strips(boxes, list(range(len(boxes)))))


def _in_step(boxes: list[Box], others: list[Box]) -> float:
    """Return the share of `boxes` whose middle is level with that of one of `others`."""
    middles = [(box.top + box.bottom) / 2 for box in others]
    level = [
        any(abs((box.top + box.bottom) / 2 - y) < _LEVEL * (box.bottom - box.top) for y in middles)
        for box in boxes
    ]
    return sum(level) / len(boxes)


def _pitch(boxes: list[Box]) -> float:
    """Return how far apart the rows of a column are, from top to top on the average."""
    tops = [box.top for box in boxes]
    return (max(tops) - min(tops)) / max(1, _rows_of(boxes) - 1)


def _extent(boxes: list[Box]) -> int:
    return max(box.right for box in boxes) - min(box.left for box in boxes)


def _gutters(boxes: list[Box], height: float) -> list[float]:
    """Return the middles of the widest white gaps between `boxes`, the widest first."""
    gaps: list[tuple[float, float]] = []
    reach = float("inf")
    for box in sorted(boxes, key=lambda box: box.left):
        if box.left - reach >= _GUTTER * height:
            gaps.append((box.left - reach, (box.left + reach) / 2))
        reach = box.right if reach == float("inf") else max(reach, box.right)
    return [middle for _, middle in sorted(gaps, reverse=True)[:_CANDIDATES]]


def _parted(boxes: Sequence[Box], members: list[int], gutter: float) -> list[list[int]]:
    left = [k for k in members if boxes[k].right <= gutter]
    return [left, [k for k in members if boxes[k].left >= gutter]]


def _belongs(
    boxes: Sequence[Box], strip: list[int], members: list[int], gutter: float, height: float
) -> bool:
    """Say whether the last strip has text in both columns or closely follows one of them."""
    left, right = _parted(boxes, strip, gutter)
    if left and right:
        return True
    above = [k for k in _parted(boxes, members, gutter)[0 if left else 1] if k not in strip]
    if not above:
        return False
    gap = min(boxes[k].top for k in strip) - max(boxes[k].bottom for k in above)
    return gap <= _NEAR * height


def _is_prose(boxes: list[Box]) -> bool:
    """Say whether the rows of a column are many, long, and fill it."""
    rows = _rows_of(boxes)
    lines = median(box.bottom - box.top for box in boxes)
    length = sum(box.right - box.left for box in boxes) / rows
    return rows >= _ROWS and length >= _PROSE * lines and length >= _FILL * _extent(boxes)


def _blocks(boxes: Sequence[Box], which: list[int], height: float) -> list[list[int]]:
    """Return the boxes `which` row by row, cut into blocks where white parts the rows."""
    blocks: list[list[int]] = []
    reach = float("-inf")
    for row in _rows(boxes, which):
        if min(boxes[k].top for k in row) - reach > _BLOCK_GAP * height:
            blocks.append([])
        blocks[-1] += row
        reach = max(reach, max(boxes[k].bottom for k in row))
    return blocks


def _rows(boxes: Sequence[Box], which: list[int]) -> list[list[int]]:
    """Return the boxes `which` in rows from the top, each from the left."""
    rows: list[list[int]] = []
    for k in sorted(which, key=lambda k: (boxes[k].top + boxes[k].bottom, boxes[k].left, k)):
        if rows and all(_beside(boxes[k], boxes[j]) for j in rows[-1]):
            rows[-1].append(k)
        else:
            rows.append([k])
    return [sorted(row, key=lambda k: (boxes[k].left, k)) for row in rows]


def _beside(one: Box, other: Box) -> bool:
    """Say whether two boxes share most of their height and little of their width."""
    low = min(one.bottom - one.top, other.bottom - other.top)
    narrow = min(one.right - one.left, other.right - other.left)
    shared_y = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared_x = min(one.right, other.right) - max(one.left, other.left)
    return shared_y >= _SAME_ROW * low and shared_x <= 0.5 * narrow
