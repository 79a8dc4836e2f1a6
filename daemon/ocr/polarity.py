"""The polarity of text: crops are dark on light, whatever the page has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from daemon.core.records import Pixels

DARK = 110
"""Gray level below which a background may be dark by design."""


def dark_on_light(image: Pixels, ink: float = 2.0) -> Pixels:
    """Return the crop, inverted where it is light text on a dark background, not in shadow.

    `ink` is the share of the pixels, in percent, that its text has at least.
    """
    background = np.median(image)
    if background >= DARK:
        return image
    darkest, lightest = np.percentile(image, (ink, 100 - ink))
    return 255 - image if 2 * background < darkest + lightest else image
