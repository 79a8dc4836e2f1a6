"""Regions of vertical text: columns from right to left, tiers of columns from top to bottom.

A region is turned counterclockwise by a quarter, so that its columns become rows, the right one
uppermost, and its tiers become columns, the upper one on the left: then the reading order of
horizontal text applies. In the order of the page a region is one item, as a table is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.core.records import Box
from daemon.ocr.layout import reading_order
from daemon.ocr.records import LayoutBlock

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from daemon.core.records import Table

_MAX_DISTANCE = 3.0  # of a column's width: columns as close as this are in one region
_MIN_BESIDE = 0.5  # of the height of the lower of two columns that are beside each other
_MIN_SHARE = 0.7  # of the lines of a table that are columns of text between ruling lines


def find(boxes: Sequence[Box], vertical: Sequence[int], others: Sequence[int]) -> list[list[int]]:
    """Return the regions that the `vertical` lines form, by the indexes of their lines.

    Columns far apart are in one region too if they are level and none of the `others`, the
    horizontal lines, is between them.
    """
    regions: list[list[int]] = []
    for k in vertical:
        near = [r for r in regions if any(_is_near(boxes, k, j, others) for j in r)]
        regions = [r for r in regions if r not in near]
        regions.append([k, *(j for region in near for j in region)])
    return regions


def region_box(boxes: Sequence[Box], region: Sequence[int]) -> Box:
    """Return the bounding box of a region."""
    return Box.around(boxes[k] for k in region)


def blocks(boxes: Sequence[Box], region: Sequence[int]) -> list[LayoutBlock]:
    """Return the blocks of a region in reading order, each of columns in reading order."""
    turned = [Box(boxes[k].top, -boxes[k].right, boxes[k].bottom, -boxes[k].left) for k in region]
    return [
        LayoutBlock(tuple(region[k] for k in members)) for members in reading_order.order(turned)
    ]


def without_ruled_columns(tables: list[Table], vertical: Set[int]) -> list[Table]:
    """Return the tables, but for those whose rules only separate columns of vertical text."""
    return [table for table in tables if not _is_ruled_text(table, vertical)]


def _is_ruled_text(table: Table, vertical: Set[int]) -> bool:
    lines = [k for cell in table.cells for k in cell.lines]
    columns = sum(k in vertical for k in lines)
    return columns > 1 and columns >= _MIN_SHARE * len(lines)


def _is_near(boxes: Sequence[Box], k: int, j: int, others: Sequence[int]) -> bool:
    box, other = boxes[k], boxes[j]
    width = min(box.right - box.left, other.right - other.left)
    aside = max(box.left - other.right, other.left - box.right)
    apart = max(box.top - other.bottom, other.top - box.bottom)
    if max(aside, apart) <= _MAX_DISTANCE * width:
        return True
    lower = min(box.bottom - box.top, other.bottom - other.top)
    if -apart < _MIN_BESIDE * lower:
        return False
    between = Box(
        min(box.right, other.right),
        max(box.top, other.top),
        max(box.left, other.left),
        min(box.bottom, other.bottom),
    )
    return not any(_intersect(boxes[other_line], between) for other_line in others)


def _intersect(box: Box, other: Box) -> bool:
    across = box.left < other.right and other.left < box.right
    return across and box.top < other.bottom and other.top < box.bottom
