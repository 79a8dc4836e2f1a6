"""Tells blank pages: backs of sheets, with what shows through from the other side.

What differs from the paper is taken apart into marks. Not counted are: dust, the shadows at the
edges of a scan, punch holes, folds and streaks that cross the page, and what is soft and light at
once, as ink is that shines through the paper. Any other mark may be text, a stamp, a signature or a
note in pencil: then the page is not blank. In doubt it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from daemon.ocr.sharp_strokes import has_sharp_stroke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from daemon.core.records import Page, Pixels

    Levels = NDArray[np.float32]

_MM_PER_INCH: Final = 25.4
_A4_INCHES: Final = 11.69  # the longer side, assumed where the resolution is unknown or impossible
_SIDES_MM: Final = (90.0, 450.0)  # of the longer side of a sheet
_PIXEL: Final = 0.2  # mm: marks are looked for in pixels of this size, or larger ones
_DARK_PAPER: Final = 110  # gray levels: a page that is darker as a whole is not paper
_PATCH_MM: Final = 12.0  # of the median that is the paper around a mark
_MIN_LEVELS: Final = 6.0  # that a mark is darker than the paper: pencil has 10, noise of scans 1
_MIN_DEEP: Final = 9.0  # that its darkest part is darker
_NOISE: Final = 5.0  # standard deviations of the noise, or more, that a mark is darker
_TINTED: Final = 60  # gray levels below the paper: an area as dark is no paper
_MAX_TINTED: Final = 0.01  # share of the page inside its edges that may be so
_EDGE_MM: Final = 3.0  # outermost strip of the page, in which nothing counts
_SHADOW_MM: Final = 14.0  # how far the shadow of an edge reaches inwards
_SHADOW_LENGTH_MM: Final = 15.0  # along the edge, at least: a letter that touches it is shorter
_DUST_MM: Final = 1.3  # longer side of dust, blurred as it is; letters of 5 points are as large:
_DUST_PAIR_MM: Final = 2.0  # of two specks that touch, if at half of its darkness ...
_DUST_PART_MM: Final = 1.1  # ... each part of the mark is shorter; digits of 5 points have 1.2
_CROWD_MM: Final = 1.6  # specks that are as close are counted together,
_CROWD: Final = 5  # and so many are letters, or a broken stroke
_HOLE_MM: Final = (4.0, 9.0)  # diameters of punch holes
_HOLE_EDGE_MM: Final = 25.0  # within which a hole lies
_ROUND: Final = 0.88  # aspect of a hole, at least, and ...
_FILLED: Final = (0.60, 0.88)  # ... share of its box: a disc has 0.785
_LONG_MM: Final = (
    60.0  # a longer mark, a fold say, may have a note in it: each of its pixels is told
)
_FOLD_LINE_MM: Final = 0.4  # of a fold or a streak as it is seen, twice as wide at most
_FOLD_BIN_MM: Final = 3.0  # along it, of which ...
_FOLD_SHARE: Final = 0.3  # ... so large a share has a piece
_FOLD_AROUND: Final = 5  # of its widths at both sides, ...
_FOLD_ALONE: Final = 0.75  # ... and of the marks in them on the line: of letters half is above it
_FOLD_SLOPES: Final = np.linspace(-0.012, 0.012, 19)
_SHADOW_PIECE: Final = (5.0, 4.0)  # mm, and times as long as wide: a piece of the edge of a shadow
# Width of the edges of ink that shines through, since paper scatters light, in mm and in pixels of
# the scan: drawn pencil has 2.2 to 2.6 pixels, ink that shines through 3.8 and more. Noise makes
# the edges of small marks look steeper.
_SOFT: Final = (0.35, 2.8)
_SOFT_SMALL: Final = (0.25, 2.0)
_SMALL_MM: Final = 3.0
_SHADE_MM: Final = 0.9  # width of the edges of a shadow, however dark it is
_LIGHT_LEVELS: Final = 55.0  # most that such ink is darker than the paper
_SAMPLE: Final = 7  # a pixel of so many along each axis tells the noise of edges
_NEAR: Final = 5  # pixels: the darkest place as near as this belongs to an edge
_STROKE: Final = 7  # pixels: a median over these takes out strokes of half the width, not areas
_BLUR: Final = 11  # pixels: the edge of an area that shines through is as wide
_DEEP: Final = 90  # percentile of a mark's darkness that counts
_STEEP: Final = 95  # percentile of its edges, and ...
_STEEP_NOISE: Final = 2.08  # ... that of noise, by its median (Rayleigh distribution)
_NEAR_MM: Final = 0.8  # around a hole or a shadow, which have sharp edges
_STROKE_MM: Final = 4.0  # of the median that strokes differ from: pictures that shine are wider


@dataclass(frozen=True, slots=True)
class _Marks:
    """Marks of a page: labels H,W in pixels of `pixel_mm`, and their boxes.

    `stats` has left, top, width, height and area of each label (OpenCV).
    """

    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    pixel_mm: float

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, len(self.stats)))


def is_blank(page: Page) -> bool:
    """Tell whether nothing is on a page but what scanning and the other side leave there."""
    dpi = _resolution(page)
    channels, pixel_mm = _channels(page.shown, page.pixel_height, dpi)
    papers = [_paper(channel, pixel_mm) for channel in channels]
    if float(np.median(papers[0])) < _DARK_PAPER or _is_tinted(papers[0], pixel_mm):
        return False
    darker = np.max(
        [paper - channel for paper, channel in zip(papers, channels, strict=True)], axis=0
    ).astype(np.float32)
    marks = _find_marks(darker, pixel_mm)
    if not _has_dust_alone(marks, page, channels[0], darker, dpi):
        return False
    strokes = _median(channels[0], pixel_mm, _STROKE_MM) - channels[0]
    may_be_ink = (strokes > _least(strokes)) & (marks.labels > 0) & ~_around_sheet(marks)
    return not has_sharp_stroke(may_be_ink, page.shown, pixel_mm, dpi)


def _has_dust_alone(marks: _Marks, page: Page, gray: Levels, darker: Levels, dpi: float) -> bool:
    """Tell whether the marks are of the sheet, of the other side, or dust; `gray` is the page."""
    left = [label for label in marks if not _is_of_sheet(marks, label)]
    edges = _edges(page.shown, page.pixel_height, darker.shape) if left else darker
    left = [label for label in left if not _is_soft(marks, label, darker, edges, dpi)]
    if not left:
        return True
    spans = np.maximum(cv2.dilate(darker, np.ones((_NEAR, _NEAR))), _steps(gray))
    cores = _cores(marks, left, darker, spans, edges, dpi)
    shades = {label for label in cores if _is_shade(cores, label, darker, edges, dpi)}
    return _is_dust(cores, shades, darker)


def _resolution(page: Page) -> float:
    """Return the dots per inch of the page as decoded; those of A4 where they cannot be right."""
    side = max(page.shown.shape[:2])
    dpi = float((page.dpi or 0.0) * page.scale)
    if dpi and _SIDES_MM[0] <= side / dpi * _MM_PER_INCH <= _SIDES_MM[1]:
        return dpi
    return float(side / _A4_INCHES)


def _channels(shown: Pixels, pixel_height: float, dpi: float) -> tuple[list[Levels], float]:
    """Return the page scaled to pixels of `_PIXEL` mm or more, by channel, and their size in mm."""
    scale = min(1.0, _MM_PER_INCH / _PIXEL / dpi)
    height, width = shown.shape[:2]
    size = (max(8, round(width * scale)), max(8, round(height * scale * pixel_height)))
    small = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    small = np.asarray(small[..., None] if small.ndim == 2 else small, np.float32)
    smooth = [cv2.GaussianBlur(small[..., k], (0, 0), 0.8) for k in range(small.shape[2])]
    gray = sum(smooth) / len(smooth)
    colours = smooth if len(smooth) > 1 else []
    return [np.asarray(each, np.float32) for each in (gray, *colours)], _MM_PER_INCH / dpi / scale


def _paper(channel: Levels, pixel_mm: float) -> Levels:
    """Return the brightness of the paper at each pixel: the median of what is around it."""
    coarse_mm = 1.0
    height, width = channel.shape
    scale = min(1.0, pixel_mm / coarse_mm)
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    coarse = np.asarray(cv2.resize(channel, size, interpolation=cv2.INTER_AREA), np.float32)
    median = cv2.GaussianBlur(_median(coarse, coarse_mm, _PATCH_MM), (0, 0), 2)
    return np.asarray(
        cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )


def _is_tinted(paper: Levels, pixel_mm: float) -> bool:
    """Tell whether an area inside the edges is too dark for paper: a picture, a tinted field."""
    edge = round(_SHADOW_MM / pixel_mm)
    inner = paper[edge:-edge, edge:-edge]
    if not inner.size:
        return False
    return bool((inner < np.median(paper) - _TINTED).mean() > _MAX_TINTED)


def _find_marks(darker: Levels, pixel_mm: float) -> _Marks:
    """Return what differs from the paper by more than its noise."""
    mask = np.asarray(darker > _least(darker), np.uint8)
    sides = [np.rot90(_edge_shadow(np.rot90(mask, k), pixel_mm), -k) for k in range(4)]
    mask[np.any(sides, axis=0)] = 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return _Marks(np.asarray(labels, np.int32), np.asarray(stats, np.int32), pixel_mm)


def _least(darker: Levels) -> float:
    """Return the gray levels that are more than noise."""
    noise = 1.4826 * float(np.median(np.abs(darker - np.median(darker))))
    return max(_MIN_LEVELS, _NOISE * noise)


def _edge_shadow(mask: Pixels, pixel_mm: float) -> NDArray[np.bool_]:
    """Return the strip at the left of a mask H,W, and the shadow that goes on from it inwards."""
    strip, reach = round(_EDGE_MM / pixel_mm), round(_SHADOW_MM / pixel_mm)
    outer = mask[:, :reach].astype(bool)
    outer[:, :strip] = True
    depths = outer.argmin(axis=1)
    is_known = ~outer.all(axis=1)  # not where a hole or another shadow begins in this one
    if is_known.any():
        rows = np.arange(len(depths))
        depths = np.interp(rows, rows[is_known], depths[is_known])
    window = np.ones((1, round(_SHADOW_LENGTH_MM / pixel_mm)), np.uint8)
    opened = cv2.morphologyEx(
        np.pad(depths.astype(np.uint8)[None], ((0, 0), (window.size, window.size)), mode="edge"),
        cv2.MORPH_OPEN,
        window,
    )[0, window.size : -window.size]
    softness = 3  # pixels in which it fades
    return np.asarray(np.arange(mask.shape[1])[None] < opened[:, None] + softness)


def _is_of_sheet(marks: _Marks, label: int) -> bool:
    """Tell whether a mark is a punch hole or an edge of a shadow."""
    left, top, width, height, area = (int(value) for value in marks.stats[label])
    page_height, page_width = marks.labels.shape
    mm = marks.pixel_mm
    rest_right, rest_bottom = page_width - left - width, page_height - top - height
    across, along = sorted((width * mm, height * mm))
    is_hole = (
        _HOLE_MM[0] <= across
        and along <= _HOLE_MM[1]
        and across >= _ROUND * along
        and _FILLED[0] <= area / (width * height) <= _FILLED[1]
        and min(left, top, rest_right, rest_bottom) * mm <= _HOLE_EDGE_MM
    )
    is_upright = height > width
    depth = min(left, rest_right) + width if is_upright else min(top, rest_bottom) + height
    is_shadow = (
        along >= max(_SHADOW_PIECE[0], _SHADOW_PIECE[1] * across) and depth * mm <= _SHADOW_MM
    )
    return is_hole or is_shadow


def _erase_crossing(core: Pixels, pixel_mm: float) -> None:
    """Erase what lies on thin straight lines along the page, in place: folds and streaks.

    What is left of lines of text is higher than such a line, and is not touched.
    """
    for view in (core, core.T):
        ys, xs = np.nonzero(view)
        if not ys.size:
            return
        bins = (xs * pixel_mm / _FOLD_BIN_MM).astype(np.int64)
        count = int(view.shape[1] * pixel_mm / _FOLD_BIN_MM) + 1
        erased = np.zeros(ys.size, bool)
        for slope in _FOLD_SLOPES:
            rows = ((ys - slope * xs) * pixel_mm / _FOLD_LINE_MM).astype(np.int64)
            rows -= rows.min() - _FOLD_AROUND
            size = int(rows.max()) + _FOLD_AROUND + 2
            hit = np.zeros((size, count), bool)
            hit[rows, bins] = True
            hit[:-1] |= hit[1:]  # a line may lie between two bands
            pixels = np.bincount(rows, minlength=size)
            on_line = pixels + np.append(pixels[1:], 0)
            around = np.convolve(pixels, np.ones(2 * _FOLD_AROUND + 2), "same")
            is_line = (hit.mean(axis=1) >= _FOLD_SHARE) & (on_line >= _FOLD_ALONE * around)
            erased |= is_line[rows] | is_line[rows - 1]
        view[ys[erased], xs[erased]] = 0


def _longer_side(marks: _Marks, label: int) -> float:
    return max(int(value) for value in marks.stats[label, 2:4]) * marks.pixel_mm


def _edges(shown: Pixels, pixel_height: float, size: tuple[int, ...]) -> Levels:
    """Return the steepest edge in each pixel of the scaled page, H,W as `size`.

    It is in gray levels a pixel of the scan.
    """
    gray = shown if shown.ndim == 2 else shown.min(axis=2)
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8).astype(np.float32)
    steep = np.hypot(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8) * min(1.0, pixel_height),
    )
    reach = max(1, round(gray.shape[1] / size[1]))
    steepest = cv2.dilate(steep, np.ones((reach, reach), np.uint8))
    return np.asarray(
        cv2.resize(steepest, (size[1], size[0]), interpolation=cv2.INTER_NEAREST), np.float32
    )


def _steps(gray: Levels) -> Levels:
    """Return how much darker one side of an edge between two areas is than the other.

    The paper around a mark is a median: at the edge of an area that shines through, it is already
    halfway to the area, so that a mark there seems half as dark as it is.
    """
    areas = cv2.medianBlur(np.clip(gray, 0, 255).astype(np.uint8), _STROKE)
    around = np.ones((_BLUR, _BLUR), np.uint8)
    return (cv2.dilate(areas, around) - cv2.erode(areas, around)).astype(np.float32)


def _is_at_edge(marks: _Marks, label: int) -> bool:
    """Tell whether a mark lies along an edge, no deeper than a punch hole."""
    left, top, width, height = (int(value) for value in marks.stats[label, :4])
    page_height, page_width = marks.labels.shape
    depth = min(left + width, page_width - left, top + height, page_height - top)
    return bool(depth * marks.pixel_mm <= _HOLE_EDGE_MM)


def _edge_of(marks: _Marks, label: int, darker: Levels, edges: Levels) -> tuple[float, float]:
    """Return how much darker than the paper a mark is, and the width of its edges in pixels."""
    left, top, width, height = (int(value) for value in marks.stats[label, :4])
    part = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    inside = marks.labels[part] == label
    contrast = float(np.percentile(darker[part][inside], _DEEP))
    around = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    steepness = float(np.percentile(edges[part][around], _STEEP))
    noise = _STEEP_NOISE * float(np.median(edges[::_SAMPLE, ::_SAMPLE]))
    return contrast, contrast / np.sqrt(max(steepness**2 - noise**2, 0.01))


def _is_shade(marks: _Marks, label: int, darker: Levels, edges: Levels, dpi: float) -> bool:
    """Tell whether a mark is dark and its edges are as soft as those of a shadow."""
    contrast, edge_width = _edge_of(marks, label, darker, edges)
    return bool(contrast > _LIGHT_LEVELS and edge_width >= _SHADE_MM * dpi / _MM_PER_INCH)


def _is_soft(marks: _Marks, label: int, darker: Levels, edges: Levels, dpi: float) -> bool:
    """Tell whether a mark is light and its edges are soft: ink that shines through the paper."""
    contrast, edge_width = _edge_of(marks, label, darker, edges)
    if contrast < _MIN_DEEP:
        return True
    if contrast > _LIGHT_LEVELS:
        return edge_width >= _SHADE_MM * dpi / _MM_PER_INCH
    if _longer_side(marks, label) > _LONG_MM and not _is_at_edge(marks, label):
        return False
    millimetres, pixels = _SOFT if _longer_side(marks, label) >= _SMALL_MM else _SOFT_SMALL
    return edge_width >= max(pixels, millimetres * dpi / _MM_PER_INCH)


def _cores(
    marks: _Marks, labels: list[int], darker: Levels, spans: Levels, edges: Levels, dpi: float
) -> _Marks:
    """Return the sharp parts of marks as marks: dust without what shines through around it.

    `spans` are the gray levels from one side of an edge to the other.
    """
    inside = np.isin(marks.labels, labels)
    noise = _STEEP_NOISE * float(np.median(edges[::_SAMPLE, ::_SAMPLE]))
    steep = np.sqrt(np.maximum(edges**2 - noise**2, 0.01))
    limit = max(_SOFT[1], _SOFT[0] * dpi / _MM_PER_INCH)
    sharp = (spans < limit * steep) | (darker > _LIGHT_LEVELS)
    core = np.asarray(inside & sharp, np.uint8)
    _erase_crossing(core, marks.pixel_mm)
    _, found, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=8)
    return _Marks(np.asarray(found, np.int32), np.asarray(stats, np.int32), marks.pixel_mm)


def _around_sheet(marks: _Marks) -> NDArray[np.bool_]:
    """Return where punch holes and edges of shadows are, with what is next to them."""
    labels = [label for label in marks if _is_of_sheet(marks, label)]
    size = 2 * round(_NEAR_MM / marks.pixel_mm) + 1
    of_sheet = np.isin(marks.labels, labels).astype(np.uint8)
    return np.asarray(cv2.dilate(of_sheet, np.ones((size, size), np.uint8)) > 0)


def _median(channel: Levels, pixel_mm: float, width_mm: float) -> Levels:
    """Return the median of what is around each pixel."""
    window = int(width_mm / pixel_mm) | 1
    levels = np.clip(channel, 0, 255).astype(np.uint8)
    return np.asarray(cv2.medianBlur(levels, window), np.float32)


def _is_dust(marks: _Marks, shades: set[int], darker: Levels) -> bool:
    """Tell whether marks are small, and nowhere so close together that they may be letters.

    Those in `shades` are shadows, and may be large.
    """
    own = [
        label
        for label in marks
        if label not in shades
        and marks.stats[label, 2:4].min() > 1
        and not _is_of_sheet(marks, label)
    ]
    if not all(_is_speck(marks, label, darker) for label in own):
        return False
    mask = np.asarray(marks.labels > 0, np.uint8)
    size = 2 * round(_CROWD_MM / marks.pixel_mm / 2) + 1
    near = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    _, crowds = cv2.connectedComponents(near)
    middles = marks.stats[1:]
    ys = middles[:, 1] + middles[:, 3] // 2
    xs = middles[:, 0] + middles[:, 2] // 2
    return bool(np.bincount(crowds[ys, xs])[1:].max(initial=0) < _CROWD)


def _is_speck(marks: _Marks, label: int, darker: Levels) -> bool:
    """Tell whether a mark is as small as dust, or is two specks that touch."""
    if _longer_side(marks, label) < _DUST_MM:
        return True
    if _longer_side(marks, label) > _DUST_PAIR_MM:
        return False
    left, top, width, height = (int(value) for value in marks.stats[label, :4])
    part = np.s_[top : top + height, left : left + width]
    own = np.where(marks.labels[part] == label, darker[part], 0)
    _, _, stats, _ = cv2.connectedComponentsWithStats((own > own.max() / 2).astype(np.uint8))
    return bool(stats[1:, 2:4].max() * marks.pixel_mm < _DUST_PART_MM)
