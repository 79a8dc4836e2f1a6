"""Strokes of ink among what shines through a sheet of paper.

Paper scatters light: what shines through has lost its finest details, however dark it is. So a
stroke or a word counts as ink where the power of the finest details is large beside that of the
next coarser ones, averaged along all of it. That also finds ink over the edge of a picture on the
other side, and strokes that are as light as the noise of the scan is strong.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from daemon.core.records import Pixels

    Levels = NDArray[np.float32]

_SHARP_MM: Final = 12.0  # longer side of a word or a stroke that counts, ...
_SHARP_AREA: Final = 5.6  # ... or its area, in square millimetres: specks that touch have less
_SHARP_GAP_MM: Final = 1.4  # between strokes of a word
_STREAK_SHARE: Final = 0.12  # of a row or column of the page that is sharp: a streak, a rule
_DETAIL_DPI: Final = 200.0  # at which details are looked at, if the scan has as many
# Standard deviations of Gaussian blurs, in pixels, between which details lie. The finest ones are
# best at telling ink that shines through, but are lost in noise sooner.
_DETAILS: Final = (0.8, 1.6, 3.2)
_FINEST: Final = (0.6, 1.2, 2.4)
_MAX_DETAIL: Final = 18.0  # gray levels, above which detail is no stronger: a speck hides no letter
_WINDOW: Final = 3.0  # pixels, standard deviation: over which detail is averaged
_QUIET: Final = 50  # percentile of it that is noise, on a page with little on it
_DETAIL_NOISE: Final = 3.5  # times the noise that detail has, ...
_MIN_DETAIL: Final = 1.5  # ... and more than this, in squared gray levels
_SHARP_PIXEL: Final = 0.42  # power of fine details, of that of the next coarser ones: of a pixel
_SHARP_MARK: Final = (0.66, 0.405)  # ... and of a mark, for both


def has_sharp_stroke(mask: NDArray[np.bool_], shown: Pixels, pixel_mm: float, dpi: float) -> bool:
    """Tell whether a stroke is as sharp as only ink on this side of the sheet is.

    `mask` tells where strokes may be, H,W in pixels of `pixel_mm`; `shown` is the page with `dpi`.
    """
    picture = shown if shown.ndim == 2 else shown.min(axis=2)
    scale = min(1.0, _DETAIL_DPI / dpi)  # scanners blur by millimetres where pixels are smaller
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    own, others, limit = _details(picture.astype(np.float32), mask.shape, _DETAILS)
    is_sharp = mask & (own > max(_MIN_DETAIL, limit)) & (own > _SHARP_PIXEL * others)
    sharp = np.asarray(is_sharp, np.uint8)
    for view in (sharp, sharp.T):
        view[:, cv2.dilate(view, np.ones((1, 3))).mean(axis=0) > _STREAK_SHARE] = 0
    gap = 2 * round(_SHARP_GAP_MM / pixel_mm / 2) + 1
    near = cv2.morphologyEx(sharp, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    labels[sharp == 0] = 0
    finest = _details(picture.astype(np.float32), mask.shape, _FINEST)[:2]
    fine_ratio, finest_ratio = (
        np.bincount(labels.ravel(), levels[0].ravel(), count)
        / np.maximum(np.bincount(labels.ravel(), levels[1].ravel(), count), 1e-6)
        for levels in ((own, others), finest)
    )
    is_sharp_mark = (fine_ratio > _SHARP_MARK[0]) & (finest_ratio > _SHARP_MARK[1])
    is_long = stats[:, 2:4].max(axis=1) * pixel_mm >= _SHARP_MM
    is_large = np.bincount(labels.ravel(), minlength=count) * pixel_mm**2 >= _SHARP_AREA
    return bool((is_sharp_mark & (is_long | is_large))[1:].any())


def _details(
    gray: Levels, size: tuple[int, ...], sigmas: tuple[float, float, float]
) -> tuple[Levels, Levels, float]:
    """Return fine and coarser detail without noise on the scaled page, and what the noise may be.

    They are the power of what lies between Gaussian blurs, in squared gray levels.
    """
    blurred = [cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in sigmas]
    powers = [_power(a - b, size) for a, b in itertools.pairwise(blurred)]
    noise = [float(np.percentile(power, _QUIET)) for power in powers]
    return powers[0] - noise[0], powers[1] - noise[1], _DETAIL_NOISE * noise[0]


def _power(detail: Levels, size: tuple[int, ...]) -> Levels:
    """Return the square of detail, averaged over a window, on the scaled page."""
    clipped = np.clip(detail, -_MAX_DETAIL, _MAX_DETAIL)
    averaged = cv2.GaussianBlur(clipped * clipped, (0, 0), _WINDOW)
    return np.asarray(
        cv2.resize(averaged, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32
    )
