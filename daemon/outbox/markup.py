"""Shared by hOCR and ALTO: confidences, angles, language tags."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from daemon.core.line_text import clockwise

if TYPE_CHECKING:
    from daemon.core.records import PageText, TextLine

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def finite_confidence(confidence: float | None) -> float | None:
    """Return a confidence clipped to 0..1, None if there is none or it is not finite."""
    if confidence is None or not math.isfinite(confidence):
        return None
    return min(max(confidence, 0.0), 1.0)


def angle(page: PageText) -> float:
    """Return the rotation of the text on the page as shown, in degrees counterclockwise."""
    return _normalized(page.orientation - page.skew)


def line_angle(line: TextLine, page_angle: float) -> float:
    """Return the rotation of a line's characters on the page as shown, counterclockwise.

    `page_angle` is that of the page. The characters of a vertical line are upright.
    """
    return _normalized(page_angle - clockwise(line.direction))


def _normalized(degrees: float) -> float:
    return round(degrees % 360, 2) % 360


def language(text: str) -> str:
    """Return the language tag of a text: `zh` if it contains Chinese characters, else `en`."""
    return "zh" if _HAN.search(text) else "en"
