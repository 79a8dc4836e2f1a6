"""Vector graphics of a PDF page: ruling lines, and filled areas with their colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pymupdf

from daemon.ocr.pages.glyphs import Bounds, Colour

_MAX_PATHS: Final = 20_000  # a map or a plot has more, and no table
_MIN_RULE_LENGTH: Final = 8.0  # points; the side of the smallest cell
_MAX_RULE_WIDTH: Final = 4.0  # points; a thicker bar is an area
_MAX_LEAN: Final = 0.01  # of its length by which a rule may deviate from a straight one
_MIN_RULE_RATIO: Final = 4.0  # of length to width of a rule
_MAX_RULES: Final = 400  # the longest rules in each direction are used: hatching must end
_WHITE: Final = 0.94  # of full colour: a rule as light is not seen on paper
_MIN_OPACITY: Final = 0.1
_MIN_AREA: Final = 30.0  # square points of a filled area that may lie behind a word


@dataclass(frozen=True, slots=True)
class FilledArea:
    """The bounds of a filled path in points of the page as stored, and its colour."""

    box: Bounds
    colour: Colour


@dataclass(frozen=True, slots=True)
class VectorGraphics:
    """What a page draws as paths: ruling lines by direction, filled areas; points as stored."""

    horizontal: tuple[Bounds, ...] = ()
    vertical: tuple[Bounds, ...] = ()
    areas: tuple[FilledArea, ...] = ()


def read(page: pymupdf.Page, path_count: int) -> VectorGraphics:
    """Return the vector graphics of a page, which has `path_count` paths; none where too many."""
    if not 0 < path_count <= _MAX_PATHS:
        return VectorGraphics()
    horizontal: list[Bounds] = []
    vertical: list[Bounds] = []
    areas: list[FilledArea] = []
    for path in page.get_cdrawings():
        for rule in _rules(path):
            is_level = rule[2] - rule[0] >= rule[3] - rule[1]
            (horizontal if is_level else vertical).append(rule)
        areas += _areas(path)
    return VectorGraphics(_longest(horizontal, 0), _longest(vertical, 1), tuple(areas))


def _rules(path: dict[str, Any]) -> Iterator[Bounds]:
    """Yield the ruling lines that a path draws: straight strokes, edges of boxes, thin bars."""
    if _is_seen(path.get("color"), path.get("stroke_opacity")):
        half = (path.get("width") or 0.0) / 2
        for start, end in (edge for item in path["items"] for edge in _edges(item)):
            rule = _rule(start, end, half)
            if rule is not None:
                yield rule
    if _is_seen(path.get("fill"), path.get("fill_opacity")):
        for item in path["items"]:
            if item[0] == "re" and _is_bar(item[1]):
                yield tuple(item[1])


def _areas(path: dict[str, Any]) -> Iterator[FilledArea]:
    fill, opacity = path.get("fill"), path.get("fill_opacity")
    left, top, right, bottom = path["rect"]
    if fill and (opacity or 0) >= _MIN_OPACITY and (right - left) * (bottom - top) >= _MIN_AREA:
        red, green, blue = (round(255 * level) for level in fill)
        yield FilledArea((left, top, right, bottom), (red, green, blue))


def _is_seen(colour: tuple[float, ...] | None, opacity: float | None) -> bool:
    return bool(colour) and (opacity or 0) >= _MIN_OPACITY and min(colour or (1,)) < _WHITE


def _edges(item: tuple[Any, ...]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the straight edges of an item of a path."""
    kind = item[0]
    if kind == "l":
        yield item[1], item[2]
    elif kind in ("re", "qu"):
        if kind == "re":
            left, top, right, bottom = item[1]
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        else:  # MuPDF's quads go upper left, upper right, lower left, lower right
            upper_left, upper_right, lower_left, lower_right = item[1]
            corners = [upper_left, upper_right, lower_right, lower_left]
        yield from zip(corners, [*corners[1:], corners[0]], strict=True)


def _rule(start: tuple[float, float], end: tuple[float, float], half: float) -> Bounds | None:
    """Return the box of a stroke, half of its width to each side; None if it is no rule."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    length, lean = max(right - left, bottom - top), min(right - left, bottom - top)
    if length < _MIN_RULE_LENGTH or lean > max(_MAX_LEAN * length, 0.5):
        return None
    if 2 * half > min(_MAX_RULE_WIDTH, length / _MIN_RULE_RATIO):
        return None
    return (left - half, top - half, right + half, bottom + half)


def _is_bar(box: Bounds) -> bool:
    width, height = abs(box[2] - box[0]), abs(box[3] - box[1])
    thin, long = min(width, height), max(width, height)
    return thin <= _MAX_RULE_WIDTH and long >= max(_MIN_RULE_LENGTH, _MIN_RULE_RATIO * thin)


def _longest(rules: list[Bounds], axis: int) -> tuple[Bounds, ...]:
    rules.sort(key=lambda rule: rule[axis] - rule[axis + 2])
    return tuple(rules[:_MAX_RULES])
