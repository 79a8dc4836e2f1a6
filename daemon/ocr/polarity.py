"""The polarity of text: the recogniser and the detector read dark on light, whatever a page has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels

DARK = 110
"""Gray level below which a background may be dark by design."""

_SAMPLE = 4  # every so many pixels of a page are looked at: 6 instead of 62 ms on A4 at 300 dpi
_EVENNESS = 12  # gray levels that an even background differs by
_MIN_EVEN = 0.8  # share of the pixels of a page that such a background has; of dark pictures less


def dark_on_light(image: Pixels) -> Pixels:
    """Return the crop, inverted where it is light text on a dark background, not in shadow."""
    background = np.median(image)
    if background >= DARK:
        return image
    darkest, lightest = np.percentile(image, (2, 98))
    return 255 - image if 2 * background < darkest + lightest else image


def page_dark_on_light(gray: Pixels) -> Pixels:
    """Return the page H,W, inverted where its background is dark and even: a picture stays."""
    sample = gray[::_SAMPLE, ::_SAMPLE]
    is_dark = np.median(sample) < DARK
    return 255 - gray if is_dark and even_share(sample) >= _MIN_EVEN else gray


def even_share(image: Pixels) -> float:
    """Return the share of the pixels that are about as light as the background: their median."""
    background = float(np.median(image))
    darker = (image < background - _EVENNESS).mean()
    return float((image <= background + _EVENNESS).mean() - darker)
