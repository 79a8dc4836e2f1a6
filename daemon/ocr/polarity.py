"""The polarity of text: crops are dark on light, whatever the page has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels

DARK = 110
"""Gray level below which a background may be dark by design."""


def dark_on_light(image: Pixels) -> Pixels:
    """Return the crop, inverted where it is light text on a dark background, not in shadow."""
    background = np.median(image)
    if background >= DARK:
        return image
    darkest, lightest = np.percentile(image, (2, 98))
    return 255 - image if 2 * background < darkest + lightest else image
