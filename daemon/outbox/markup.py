"""What hOCR and ALTO share: legal text, spaces between words, certainty, angles, languages."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.core.records import PageText, TextLine, Word

# everything but Char of XML 1.0, 2.2; whoever escapes it only makes the file unreadable
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def legal(text: str) -> str:
    """Return the text without the characters that no XML 1.0 may contain, not even escaped."""
    return _ILLEGAL.sub("", text)


def spaced(line: TextLine) -> Iterator[tuple[Word, bool]]:
    """Return each word of a line and whether a space parts it from the next one.

    Chinese is published without spaces, so the line's text is asked.
    """
    place = 0
    for word, after in zip(line.words, (*line.words[1:], None), strict=True):
        found = line.text.find(word.text, place)
        place = found + len(word.text) if found >= 0 else place
        gap = line.text[place : place + 1]
        yield word, after is not None and (found < 0 or gap.isspace())


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
