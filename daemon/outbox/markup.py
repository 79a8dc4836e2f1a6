"""What hOCR and ALTO share: confidences, angles, language tags."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daemon.core.records import PageText

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def certainty(confidence: float | None) -> float | None:
    """Return a confidence as 0..1, None where there is none, or no number that a reader knows."""
    if confidence is None or not math.isfinite(confidence):
        return None
    return min(max(confidence, 0.0), 1.0)


def angle(page: PageText) -> float:
    """Return by how many degrees the text is turned counterclockwise on the page as shown."""
    return round((page.orientation - page.skew) % 360, 2) % 360


def language(text: str) -> str:
    """Return the language of a text as a tag: `zh` where it has Chinese characters, else `en`."""
    return "zh" if _HAN.search(text) else "en"
