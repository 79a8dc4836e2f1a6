"""Column gutters: vertical gaps through a region, and whether there are columns beside them."""

from __future__ import annotations

from bisect import bisect_left
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from daemon.ocr.layout.grouping import horizontal_strips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box

_MIN_GUTTER = 0.4  # of a line's height: a gap as wide as this may separate columns
_MAX_CANDIDATES = 3  # the widest gaps are tried
_MIN_PROSE_LENGTH = 8.0  # of a line's height: the mean length of rows of prose,
_MIN_FILL = 0.5  # the share of their column that they fill
_MIN_ROWS = 3  # and their number, at least
_LONG_COLUMN = 10  # rows; a column as long as this beside a sidebar is prose
_LEVEL_TOLERANCE = 0.15  # of a line's height: centres as close as this are level
_MIN_PROSE_FILL = 0.75  # share of their column that level rows fill, if they are prose
_MAX_LABEL_SHARE = 0.5  # of the rows of the prose: fewer rows beside it are the labels of a picture
_MAX_LEVEL_SHARE = 0.4  # share of a sidebar's boxes that may be level with the prose beside it
_MIN_CELLS = 1.5  # pieces of a row on one side, if both sides are columns of a table,
_MAX_CELL_LENGTH = 8.0  # and their mean length, of a line's height: columns of prose are wider
_MIN_LABEL_PITCH = 1.4  # times the row pitch of a column: labels beside it have a larger one


def widest_gaps(boxes: list[Box], height: float) -> list[float]:
    """Return the centres of the widest vertical gaps between `boxes`, the widest first."""
    gaps: list[tuple[float, float]] = []
    reach = float("inf")
    for box in sorted(boxes, key=lambda box: box.left):
        if box.left - reach >= _MIN_GUTTER * height:
            gaps.append((box.left - reach, (box.left + reach) / 2))
        reach = box.right if reach == float("inf") else max(reach, box.right)
    return [middle for _, middle in sorted(gaps, reverse=True)[:_MAX_CANDIDATES]]


class _Column(NamedTuple):
    """The boxes on one side of a gutter, and statistics of their rows."""

    boxes: list[Box]
    rows: int
    fill: float  # mean share of its width that a row fills
    is_prose: bool  # it has many long rows that fill it

    @classmethod
    def of(cls, boxes: list[Box]) -> _Column:
        rows = len(horizontal_strips(boxes, list(range(len(boxes)))))
        length = sum(box.right - box.left for box in boxes) / rows
        fill = length / max(1, max(box.right for box in boxes) - min(box.left for box in boxes))
        height = median(box.bottom - box.top for box in boxes)
        return cls(
            boxes,
            rows,
            fill,
            rows >= _MIN_ROWS and length >= _MIN_PROSE_LENGTH * height and fill >= _MIN_FILL,
        )

    @property
    def pitch(self) -> float:
        """The mean distance of rows, from top to top."""
        tops = [box.top for box in self.boxes]
        return (max(tops) - min(tops)) / max(1, self.rows - 1)

    def is_level_with(self, other: _Column) -> bool:
        """Tell whether many of its boxes are level with boxes of the other column."""
        middles = sorted((box.top + box.bottom) / 2 for box in other.boxes)
        level = sum(_is_level(box, middles) for box in self.boxes)
        return level >= _MAX_LEVEL_SHARE * len(self.boxes)


def _is_table(left: _Column, right: _Column) -> bool:
    """Tell whether level rows of several short pieces lie on both sides of a gutter."""
    boxes = [*left.boxes, *right.boxes]
    height = median(box.bottom - box.top for box in boxes)
    length = sum(box.right - box.left for box in boxes) / len(boxes)
    return (
        max(len(side.boxes) / side.rows for side in (left, right)) >= _MIN_CELLS
        and length <= _MAX_CELL_LENGTH * height
        and left.is_level_with(right)
        and right.is_level_with(left)
    )


def _is_level(box: Box, middles: list[float]) -> bool:
    """Tell whether the centre of a box is level with one of the sorted `middles`."""
    middle = (box.top + box.bottom) / 2
    k = bisect_left(middles, middle)
    nearest = middles[max(0, k - 1) : k + 1]
    return any(abs(y - middle) < _LEVEL_TOLERANCE * (box.bottom - box.top) for y in nearest)


def split_columns(left: list[int], right: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Return the two sides of a gutter as columns in reading order; empty if they are not columns.

    Either both are prose, and the left one is not a list of labels beside paragraphs, nor are they
    columns of a table; or one is
    prose and the rows of the other are not level with it: a sidebar, or the labels of a picture,
    which are read after the prose.
    """
    if min(len(left), len(right)) < _MIN_ROWS:
        return []
    left_column, right_column = (_Column.of([boxes[k] for k in side]) for side in (left, right))
    if left_column.is_prose and right_column.is_prose:
        is_form = (
            min(left_column.rows, right_column.rows) < _LONG_COLUMN
            and min(left_column.fill, right_column.fill) < _MIN_PROSE_FILL
        )
        if (
            (is_form and left_column.is_level_with(right_column))
            or left_column.pitch >= _MIN_LABEL_PITCH * right_column.pitch
            or _is_table(left_column, right_column)
        ):
            return []
        return [left, right]
    prose, sidebar = (
        (left_column, right_column) if left_column.is_prose else (right_column, left_column)
    )
    if (
        not prose.is_prose
        or prose.rows < _LONG_COLUMN
        or sidebar.rows < _MIN_ROWS
        or sidebar.is_level_with(prose)
    ):
        return []
    is_read_last = sidebar is left_column and sidebar.rows < _MAX_LABEL_SHARE * prose.rows
    return [right, left] if is_read_last else [left, right]
