"""Gutters: white that parts a region from top to bottom, and whether columns stand beside it."""

from __future__ import annotations

from bisect import bisect_left
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from daemon.ocr.layout.grouping import strips_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.core.records import Box

_GUTTER = 0.4  # of a line's height: white as wide as this may part columns
_CANDIDATES = 3  # the widest gutters that are tried
_PROSE = 8.0  # of a line's height: rows of prose are on the average at least this long,
_FILL = 0.5  # fill their column this far
_ROWS = 3  # and are at least so many
_LONG = 10  # rows; so many are no few, and prose beside a sidebar has them
_LEVEL = 0.15  # of a line's height: middles as near are level
_WHOLE = 0.75  # share of their column that rows level with their neighbours fill, if they are prose
_HALF = 0.5  # of the rows of the prose: what has fewer beside it are the labels of a picture
_STEP = 0.4  # less than this share of a sidebar's boxes is level with the prose beside it
_SPARSE = 1.4  # times the pitch of a column's rows: labels beside it are farther apart


def widest(boxes: list[Box], height: float) -> list[float]:
    """Return the middles of the widest white gaps between `boxes`, the widest first."""
    gaps: list[tuple[float, float]] = []
    reach = float("inf")
    for box in sorted(boxes, key=lambda box: box.left):
        if box.left - reach >= _GUTTER * height:
            gaps.append((box.left - reach, (box.left + reach) / 2))
        reach = box.right if reach == float("inf") else max(reach, box.right)
    return [middle for _, middle in sorted(gaps, reverse=True)[:_CANDIDATES]]


class _Column(NamedTuple):
    """What stands on one side of a gutter, and how its rows stand."""

    boxes: list[Box]
    rows: int
    fill: float  # the share of its width that a row fills on the average
    is_prose: bool  # its rows are many, long, and fill it

    @classmethod
    def of(cls, boxes: list[Box]) -> _Column:
        rows = len(strips_of(boxes, list(range(len(boxes)))))
        length = sum(box.right - box.left for box in boxes) / rows
        fill = length / max(1, max(box.right for box in boxes) - min(box.left for box in boxes))
        height = median(box.bottom - box.top for box in boxes)
        return cls(boxes, rows, fill, rows >= _ROWS and length >= _PROSE * height and fill >= _FILL)

    @property
    def pitch(self) -> float:
        """How far apart the rows are, from top to top on the average."""
        tops = [box.top for box in self.boxes]
        return (max(tops) - min(tops)) / max(1, self.rows - 1)

    def is_in_step(self, other: _Column) -> bool:
        """Say whether many of its boxes have their middle level with that of one of the other."""
        middles = sorted((box.top + box.bottom) / 2 for box in other.boxes)
        level = sum(_is_level(box, middles) for box in self.boxes)
        return level >= _STEP * len(self.boxes)


def _is_level(box: Box, middles: list[float]) -> bool:
    """Say whether the middle of a box is level with one of the sorted `middles`."""
    middle = (box.top + box.bottom) / 2
    k = bisect_left(middles, middle)
    near = middles[max(0, k - 1) : k + 1]
    return any(abs(y - middle) < _LEVEL * (box.bottom - box.top) for y in near)


def columns(left: list[int], right: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Return what stands on both sides of a gutter as columns in reading order, if it is that.

    Both are prose, and the left one no list of labels beside paragraphs; or one is prose and the
    other not in step with it: a sidebar, or the labels of a picture, which wait for the prose.
    """
    if min(len(left), len(right)) < _ROWS:
        return []
    one, other = (_Column.of([boxes[k] for k in side]) for side in (left, right))
    if one.is_prose and other.is_prose:
        is_form = min(one.rows, other.rows) < _LONG and min(one.fill, other.fill) < _WHOLE
        if (is_form and one.is_in_step(other)) or one.pitch >= _SPARSE * other.pitch:
            return []
        return [left, right]
    prose, beside = (one, other) if one.is_prose else (other, one)
    if not prose.is_prose or prose.rows < _LONG or beside.rows < _ROWS or beside.is_in_step(prose):
        return []
    waits = beside is one and beside.rows < _HALF * prose.rows
    return [right, left] if waits else [left, right]
