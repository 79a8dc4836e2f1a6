"""Preprocessing: from a page as decoded to a page ready for line segmentation.

Every step is a switch of `core.options.Preprocessing`; docs/preprocessing.md has the measurement
behind each default. The order is fixed: downscale, convert to gray, rotate, denoise, flatten the
background, stretch the contrast, deskew, dewarp, binarize, close strokes. Pixels that are not
square are made square while the page is downscaled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from daemon.ocr.preprocess import dewarp, edges, illumination, rotation, skew
from daemon.ocr.preprocess.colour import to_gray
from daemon.ocr.preprocess.scale import rescaled, square_scales
from daemon.ocr.preprocess.seals import separate_seals
from daemon.ocr.records import CleanPage

__all__ = ["clean", "grayed", "separate_seals"]

if TYPE_CHECKING:
    from daemon.core.options import Preprocessing
    from daemon.core.records import Page


def grayed(page: Page) -> Page:
    """Return the page in gray; OCR does not need the colours, which take memory."""
    return replace(page, image=to_gray(page.image)) if page.image.size else page


def clean(page: Page, steps: Preprocessing, orientation: int = 0) -> CleanPage:
    """Return the page gray and upright, preprocessed by `steps`; `page` is not modified.

    `orientation` is the rotation that is applied first, in degrees clockwise: 0, 90, 180 or 270.
    """
    scales = square_scales(page.image, page.pixel_height, steps.max_side)
    gray, from_rotated = rotation.rotate_quarter_turns(
        to_gray(rescaled(page.image, *scales)), orientation
    )
    gray = illumination.denoise(gray, steps.denoise)
    if steps.flatten_background:
        gray = illumination.flatten_background(gray)
    if steps.contrast:
        gray = illumination.stretch_contrast(gray)
    points = edges.lower_edges(gray)
    degrees = skew.estimate(points) if steps.deskew else 0.0
    gray, from_deskewed = rotation.rotate_by_skew(gray, degrees)
    points = edges.lower_edges(gray) if degrees else points
    warp = dewarp.estimate(points.words) if steps.dewarp else None
    gray, curvature = dewarp.apply(gray, warp) if warp else (gray, None)
    if steps.threshold:
        gray = illumination.binarize(gray)
    if steps.close_strokes:
        gray = illumination.close_strokes(gray)
    to_page = rotation.compose(from_rotated, from_deskewed) / np.array(scales)[:, None]
    return CleanPage(
        gray=gray, to_page=to_page, skew=degrees, orientation=orientation, curvature=curvature
    )
