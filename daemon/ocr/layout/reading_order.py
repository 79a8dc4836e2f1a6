"""Reading order: columns of prose one after the other, everything else row by row.

A page is cut into strips that no line crosses. Strips that share a gutter with prose on both sides
are two columns, read left before right and each by the same rule again; the rest (forms, receipts,
tables, single columns) is read in rows, left to right, so that a key stands before its value.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from daemon.ocr.layout import gutters
from daemon.ocr.layout.grouping import strips_of

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import Box

_MARGIN = 4.0  # of a line's height: what is narrower beside a gutter are words in the margin
_WIDE = 0.6  # of the region's width: strips without a gutter this wide end a run
_STRIDE = 8  # of strips without columns one is skipped, and the next begins another run
_NEAR = 1.5  # of a line's height: a longer column's last lines follow this closely
_SAME_ROW = 0.5  # of the lower one's height that two boxes in one row share
_BLOCK_GAP = 0.8  # of a line's height: rows farther apart begin a new block


def order(boxes: Sequence[Box], solid: Set[int] = frozenset()) -> list[list[int]]:
    """Return the indexes of `boxes` in reading order, in blocks of what belongs together.

    Those in `solid` are tables, not lines: each is a block, and no row goes on beyond it.
    """
    heights = [box.bottom - box.top for k, box in enumerate(boxes) if k not in solid]
    return _ordered(boxes, list(range(len(boxes))), median(heights or [0]), solid)


def _ordered(
    boxes: Sequence[Box], which: list[int], height: float, solid: Set[int]
) -> list[list[int]]:
    """Return the blocks of the boxes `which`: runs of strips downwards, columns within a run."""
    if not which:
        return []
    strips = strips_of(boxes, which, solid)
    width = max(boxes[k].right for k in which) - min(boxes[k].left for k in which)
    blocks: list[list[int]] = []
    rows: list[int] = []
    start = 0
    while start < len(strips):
        end, columns = _run(boxes, strips[start:], height, width)
        if columns:
            blocks += _blocks(boxes, rows, height)
            for column in columns:
                blocks += _ordered(boxes, column, height, solid)
            rows = []
        for strip in [] if columns else strips[start : start + end]:
            if solid.isdisjoint(strip):
                rows += strip
            else:
                blocks += _blocks(boxes, rows, height) + _around(boxes, strip, height, solid)
                rows = []
        start += end
    return blocks + _blocks(boxes, rows, height)


def _around(
    boxes: Sequence[Box], strip: list[int], height: float, solid: Set[int]
) -> list[list[int]]:
    """Return the blocks of a strip with a table: what is to its left, itself, what is to its right.

    What is above or below it, and yet in its strip, is read so too.
    """
    table = min((k for k in strip if k in solid), key=lambda k: (boxes[k].left, k))
    before: list[int] = []
    after: list[int] = []
    for k in strip:
        if k != table:
            (before if _leads(boxes[k], boxes[table]) else after).append(k)
    return [
        *_ordered(boxes, before, height, solid),
        [table],
        *_ordered(boxes, after, height, solid),
    ]


def _leads(box: Box, table: Box) -> bool:
    x, y = box.left + box.right, box.top + box.bottom
    return x < 2 * table.left or (x < 2 * table.right and y < table.top + table.bottom)


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
        white = gutters.widest([boxes[k] for k in members], height)
        if _is_crossed([boxes[k] for k in members], white, height, width):
            return best if best[1] else (1 + count // _STRIDE, [])
        for gutter in white:
            left, right = _parted(boxes, members, gutter)
            columns = gutters.columns(left, right, boxes)
            if columns and _belongs(boxes, strip, members, gutter, height):
                best = (count, columns)
                break
    return best if best[1] else (len(strips), [])


def _is_crossed(boxes: list[Box], white: list[float], height: float, width: float) -> bool:
    """Say whether the strips of `boxes` go across: wide, with no gutter but beside marginal words.

    A word in the margin would else keep a gutter open through all that stands beside it.
    """
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    inner = [g for g in white if min(g - left, right - g) >= _MARGIN * height]
    return not inner and right - left > _WIDE * width


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
