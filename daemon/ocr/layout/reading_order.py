"""Reading order: columns of prose one after the other, everything else row by row.

A region is cut into horizontal strips that no line crosses. Strips that share a gutter with prose
on both sides are two columns, which are read left before right, each by the same rule (a recursive
X-Y cut, Nagy and Seth 1984, with prose as the condition for a vertical cut). Everything else
(forms, receipts, tables, single columns) is read in rows from left to right, so that a key comes
before its value.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from daemon.ocr.layout import gutters
from daemon.ocr.layout.grouping import horizontal_strips

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import Box

_MAX_MARGIN = 4.0  # of a line's height: a narrower side of a gutter is words in the margin
_MIN_CROSSING_WIDTH = 0.6  # of the region's width: strips this wide without a gutter end a run
_STRIDE = 8  # one of so many strips without columns is skipped before the next run
_MAX_CONTINUATION_GAP = 1.5  # of a line's height: a longer column goes on below this gap
_MIN_ROW_OVERLAP = 0.5  # of the lower one's height that two boxes of a row share
_MIN_BLOCK_GAP = 0.8  # of a line's height: rows farther apart begin a new block


def order(boxes: Sequence[Box], tables: Set[int] = frozenset()) -> list[list[int]]:
    """Return the indexes of `boxes` in reading order, grouped into blocks.

    Those in `tables` are tables, not lines: each is a block of its own, and no row extends across
    it.
    """
    heights = [box.bottom - box.top for k, box in enumerate(boxes) if k not in tables]
    return _order_region(boxes, list(range(len(boxes))), median(heights or [0]), tables)


def _order_region(
    boxes: Sequence[Box], indexes: list[int], height: float, tables: Set[int]
) -> list[list[int]]:
    """Return the blocks of the boxes `indexes`: runs of strips downwards, columns within a run."""
    if not indexes:
        return []
    strips = horizontal_strips(boxes, indexes, tables)
    width = max(boxes[k].right for k in indexes) - min(boxes[k].left for k in indexes)
    blocks: list[list[int]] = []
    rows: list[int] = []
    start = 0
    while start < len(strips):
        end, columns = _column_run(boxes, strips[start:], height, width)
        if columns:
            blocks += _row_blocks(boxes, rows, height)
            for column in columns:
                blocks += _order_region(boxes, column, height, tables)
            rows = []
        for strip in [] if columns else strips[start : start + end]:
            if tables.isdisjoint(strip):
                rows += strip
            else:
                blocks += _row_blocks(boxes, rows, height) + _order_around_table(
                    boxes, strip, height, tables
                )
                rows = []
        start += end
    return blocks + _row_blocks(boxes, rows, height)


def _order_around_table(
    boxes: Sequence[Box], strip: list[int], height: float, tables: Set[int]
) -> list[list[int]]:
    """Return the blocks of a strip with a table: left of it, the table, right of it.

    Lines of the strip above or below the table are assigned in the same way.
    """
    table = min((k for k in strip if k in tables), key=lambda k: (boxes[k].left, k))
    preceding: list[int] = []
    following: list[int] = []
    for k in strip:
        if k != table:
            (preceding if _precedes(boxes[k], boxes[table]) else following).append(k)
    return [
        *_order_region(boxes, preceding, height, tables),
        [table],
        *_order_region(boxes, following, height, tables),
    ]


def _precedes(box: Box, table: Box) -> bool:
    x, y = box.left + box.right, box.top + box.bottom
    return x < 2 * table.left or (x < 2 * table.right and y < table.top + table.bottom)


def _column_run(
    boxes: Sequence[Box], strips: list[list[int]], height: float, width: float
) -> tuple[int, list[list[int]]]:
    """Return how many of the strips, from the first on, belong together, and their two columns.

    There are no columns where the strips are read in rows.
    """
    members: list[int] = []
    best: tuple[int, list[list[int]]] = (0, [])
    for count, strip in enumerate(strips, start=1):
        members = members + strip
        gaps = gutters.widest_gaps([boxes[k] for k in members], height)
        if _is_crossed([boxes[k] for k in members], gaps, height, width):
            return best if best[1] else (1 + count // _STRIDE, [])
        for gutter in gaps:
            left, right = _split(boxes, members, gutter)
            columns = gutters.split_columns(left, right, boxes)
            if columns and _continues(boxes, strip, members, gutter, height):
                best = (count, columns)
                break
    return best if best[1] else (len(strips), [])


def _is_crossed(boxes: list[Box], gaps: list[float], height: float, width: float) -> bool:
    """Tell whether the strips of `boxes` are wide and have no gutter except beside margin words.

    A word in the margin would otherwise keep a gutter open through everything beside it.
    """
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    inner = [g for g in gaps if min(g - left, right - g) >= _MAX_MARGIN * height]
    return not inner and right - left > _MIN_CROSSING_WIDTH * width


def _split(boxes: Sequence[Box], members: list[int], gutter: float) -> list[list[int]]:
    left = [k for k in members if boxes[k].right <= gutter]
    return [left, [k for k in members if boxes[k].left >= gutter]]


def _continues(
    boxes: Sequence[Box], strip: list[int], members: list[int], gutter: float, height: float
) -> bool:
    """Tell whether the last strip has text in both columns or closely follows one of them."""
    left, right = _split(boxes, strip, gutter)
    if left and right:
        return True
    above = [k for k in _split(boxes, members, gutter)[0 if left else 1] if k not in strip]
    if not above:
        return False
    gap = min(boxes[k].top for k in strip) - max(boxes[k].bottom for k in above)
    return gap <= _MAX_CONTINUATION_GAP * height


def _row_blocks(boxes: Sequence[Box], indexes: list[int], height: float) -> list[list[int]]:
    """Return the boxes `indexes` row by row, cut into blocks at large gaps between rows."""
    blocks: list[list[int]] = []
    reach = float("-inf")
    for row in _rows(boxes, indexes):
        if min(boxes[k].top for k in row) - reach > _MIN_BLOCK_GAP * height:
            blocks.append([])
        blocks[-1] += row
        reach = max(reach, max(boxes[k].bottom for k in row))
    return blocks


def _rows(boxes: Sequence[Box], indexes: list[int]) -> list[list[int]]:
    """Return the boxes `indexes` in rows from the top, each from the left."""
    rows: list[list[int]] = []
    for k in sorted(indexes, key=lambda k: (boxes[k].top + boxes[k].bottom, boxes[k].left, k)):
        if rows and all(_is_same_row(boxes[k], boxes[j]) for j in rows[-1]):
            rows[-1].append(k)
        else:
            rows.append([k])
    return [sorted(row, key=lambda k: (boxes[k].left, k)) for row in rows]


def _is_same_row(box: Box, other: Box) -> bool:
    """Tell whether two boxes share most of their height and little of their width."""
    lower = min(box.bottom - box.top, other.bottom - other.top)
    narrower = min(box.right - box.left, other.right - other.left)
    shared_y = min(box.bottom, other.bottom) - max(box.top, other.top)
    shared_x = min(box.right, other.right) - max(box.left, other.left)
    return shared_y >= _MIN_ROW_OVERLAP * lower and shared_x <= 0.5 * narrower
