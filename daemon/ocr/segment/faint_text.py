"""Faint, worn and smeared text: the page without its lines, amplified, for the text detector.

The detector knows letters of the contrast of print, and does not see text of a few gray levels or
text of which every other dot is missing. So the lines that are known are masked, the local mean is
subtracted, and what is left is divided by the noise of the paper and put on a logarithmic scale,
on which 3 gray levels and 100 are both visible. Regions with the contrast of print are left out:
they have been seen on the page itself, and are pictures. docs/pages.md has what it finds
(`python -m bench.unread`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.page_scale import page_side
from daemon.ocr.segment import crops, quads
from daemon.ocr.segment.dbnet import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from daemon.core.records import Box, Pixels
    from daemon.ocr.records import LineCrop
    from daemon.ocr.segment.dbnet import TextDetector
    from daemon.ocr.segment.quads import Quads

    Levels = NDArray[np.float32]

_SIDE = 528  # pixels that the side of a page is scaled to: half of the scale of the first pass
_REDUCTIONS = (1, 2)  # smeared letters look like text when they are small
_WINDOW = 41  # pixels over which the local mean is taken
_MARGIN = 0.35  # of the height of a line: how much around it is masked
_MIN_NOISE = 0.3  # gray levels: a drawn page has no noise
_MIN_OUTLIERS = 60  # pixels: a page with fewer has no text left; a faint word has more
_OUTLIER = 5.0  # times the noise: a pixel that is not paper
_PAPER, _DARKER, _LIGHTER = 190.0, 30.0, 12.0  # level of paper; levels for each double contrast
_MIN_SCORE = 0.8  # of the network: the grain of paper reaches 0.77
_MIN_RATIO = 1.3  # times as long as high
_GROWTH = 0.3  # of the height of a quad: half of a letter
_MIN_CONTRAST = 5.0  # times the noise: edges of the mask reach 4
_MAX_CONTRAST = 110.0  # gray levels: smeared print has up to 97, charts and photographs 148 or more


def find(gray: Pixels, masked: Iterable[Box], detector: TextDetector) -> list[LineCrop]:
    """Return lines of low contrast outside the boxes `masked` of H,W `gray`, crops stretched."""
    scale = min(1.0, _SIDE / page_side(gray.shape))
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    paper = _unmasked(masked, small.shape, scale)
    residual = _residual(small, paper)
    if not paper.any():
        return []
    noise = max(_MIN_NOISE, 1.48 * float(np.median(np.abs(residual[paper > 0]))))  # sigma by MAD
    if (np.abs(residual) > _OUTLIER * noise).sum() < _MIN_OUTLIERS:
        return []
    amplified = _amplified(residual / noise)
    lines: list[LineCrop] = []
    for reduction in _REDUCTIONS:
        reduced = _reduced(amplified, reduction)
        found, scores = lines_of(detector.probability(reduced))
        found *= np.array(size) / np.array(reduced.shape[::-1])
        for quad in _plausible(found, scores, small, noise):
            line = _stretched(crops.crop_quad(gray, _lengthened(quad) / scale))
            if not any(_overlap(line.box, other.box) for other in lines):
                lines.append(line)
    return lines


def _unmasked(masked: Iterable[Box], shape: tuple[int, ...], scale: float) -> Levels:
    """Return 0 within the boxes and around them, else 1: H,W of `shape`."""
    result = np.ones(shape, np.float32)
    for box in masked:
        margin = _MARGIN * min(box.bottom - box.top, box.right - box.left)
        left, top = (int(max(0.0, side - margin) * scale) for side in (box.left, box.top))
        right, bottom = (int((side + margin) * scale) + 1 for side in (box.right, box.bottom))
        result[top : bottom + 1, left : right + 1] = 0
    return result


def _residual(small: Levels, paper: Levels) -> Levels:
    """Return each unmasked pixel less the mean of those around it, 0 where it is masked."""
    window = (_WINDOW, _WINDOW)
    share = np.maximum(cv2.blur(paper, window), 1e-3)
    return np.asarray((small - cv2.blur(small * paper, window) / share) * paper, np.float32)


def _amplified(residual: Levels) -> Pixels:
    """Return multiples of the noise as gray levels on a logarithmic scale."""
    darker = np.log2(1 + np.maximum(0, -residual - 1))
    lighter = np.log2(1 + np.maximum(0, residual - 1))
    return np.asarray(np.clip(_PAPER - _DARKER * darker + _LIGHTER * lighter, 0, 255), np.uint8)


def _reduced(image: Pixels, reduction: int) -> Pixels:
    size = tuple(max(1, side // reduction) for side in image.shape[::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _overlap(box: Box, other: Box) -> bool:
    return (
        min(box.right, other.right) > max(box.left, other.left)
        and min(box.bottom, other.bottom) > max(box.top, other.top)
    )  # fmt: skip


def _plausible(
    found: Quads, scores: NDArray[np.float64], small: Levels, noise: float
) -> Iterator[NDArray[np.float64]]:
    """Yield the quads that are as long as text, and neither grain of paper nor a picture."""
    heights, lengths = quads.sides(found).T
    bounds = np.maximum(0, quads.bounds(found)).astype(int)
    for quad, score, height, length, (left, top, right, bottom) in zip(
        found, scores, heights, lengths, bounds, strict=True
    ):
        part = small[top:bottom, left:right]
        if score < _MIN_SCORE or length < _MIN_RATIO * height or not part.size:
            continue
        low, high = np.percentile(part, (3, 95))
        if _MIN_CONTRAST * noise <= high - low <= _MAX_CONTRAST:
            yield quad


def _lengthened(quad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a quad made longer at both ends: of faint letters the network sees those last."""
    along = quad[1] - quad[0]
    height = float(np.hypot(*(quad[3] - quad[0])))
    growth = _GROWTH * height * along / max(1.0, float(np.hypot(*along)))
    return np.asarray(quad + np.array([-growth, growth, growth, -growth]), np.float64)


def _stretched(line: LineCrop) -> LineCrop:
    """Return a line with the contrast of print."""
    smooth = cv2.GaussianBlur(line.image, (3, 3), 0)
    low, high = np.percentile(smooth, (1, 90))
    levels = (smooth.astype(np.float32) - low) * (240 / max(1.0, float(high - low)))
    return replace(line, image=np.clip(levels, 0, 255).astype(np.uint8))
