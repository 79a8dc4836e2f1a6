"""From a page as decoded to a page ready for line finding: gray, evenly lit, upright.

Every step is a switch of `core.options.Preprocessing`; docs/preprocessing.md has the measurement
behind each default. The order is fixed: shrink, gray, stand up, denoise, even the background,
contrast, deskew, straighten, threshold, close.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from daemon.ocr.preprocess import dewarp, edges, illumination, rotation, skew
from daemon.ocr.preprocess.scale import shrunk
from daemon.ocr.records import CleanPage

if TYPE_CHECKING:
    from daemon.core.options import Preprocessing
    from daemon.core.records import Page, Pixels


def grayed(page: Page) -> Page:
    """Return the page without its colours, which reading needs no more than their memory."""
    return replace(page, image=_gray(page.image)) if page.image.size else page


def clean(page: Page, cleaning: Preprocessing, orientation: int = 0) -> CleanPage:
    """Return the page gray and upright, with the steps of `cleaning`; `page` stays as it is.

    `orientation` is by how many degrees clockwise the page is turned first: 0, 90, 180 or 270.
    """
    scale = min(1.0, cleaning.max_side / max(page.image.shape[:2]))
    gray, lying = rotation.stood_up(_gray(shrunk(page.image, scale)), orientation)
    gray = illumination.denoised(gray, cleaning.denoise)
    if cleaning.flatten_background:
        gray = illumination.even_ground(gray)
    if cleaning.contrast:
        gray = illumination.stretched(gray)
    rows = edges.lower(gray)
    degrees = skew.measure(rows) if cleaning.deskew else 0.0
    gray, upright = rotation.turned(gray, degrees)
    rows = edges.lower(gray) if degrees else rows
    bent = dewarp.measure(rows.words) if cleaning.dewarp else None
    gray, curvature = dewarp.straighten(gray, bent) if bent else (gray, None)
    if cleaning.threshold:
        gray = illumination.thresholded(gray)
    if cleaning.close_strokes:
        gray = illumination.closed(gray)
    to_page = rotation.composed(lying, upright) / scale
    return CleanPage(
        gray=gray, to_page=to_page, skew=degrees, orientation=orientation, curvature=curvature
    )


def _gray(image: Pixels) -> Pixels:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
