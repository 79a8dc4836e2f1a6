"""Whether to trust the invisible text that another program laid over, or under, a scan.

No list of words is asked, since such text is often in a language that is not read here. What
gives a bad layer away is words of no shape, and boxes that are not where the ink is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import pymupdf

from daemon.ocr.pages import pixels

if TYPE_CHECKING:
    from daemon.core.records import Block, Box, Pixels

_SHAPELY: Final = 0.7  # of the characters stand in words that look like words
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")  # shorter ones often have no vowel
_VOWEL_SHARE: Final = 0.28  # of the letters: 0.33 in German, 0.43 in English, shifted 0.1 to 0.3
_MIXTURE: Final = re.compile(r"\d(?=[^\W\d_])|[^\W\d_](?=\d)")
_MIXTURES: Final = 2  # changes between letters and digits that the code of an article may have
_CHARSETS: Final = ("gb2312", "big5", "shift_jis", "euc_kr")  # the ideographs that people write
_COMMON: Final = 0.9  # of the ideographs are among them

_SIDE: Final = 1200.0  # pixels of the longer side of the picture whose ink is looked at
_INK: Final = 20  # gray levels that ink is darker than its surroundings
_SURROUNDINGS: Final = 31  # pixels
_FILLED: Final = 0.02  # of the box of a word is ink
_INKED: Final = 0.8  # of the words lie on ink
_EXPLAINED: Final = 0.5  # of the ink lies in words; pictures and rules do not


def holds(page: pymupdf.Page, blocks: Sequence[Block], width: int) -> bool:
    """Tell whether `blocks`, boxes in pixels of the shown page `width` wide, say what it shows."""
    words = [word for block in blocks for line in block.lines for word in line.words]
    return is_language([word.text for word in words]) and _lies_on_ink(
        page, [word.box for word in words], width
    )


def is_language(words: Sequence[str]) -> bool:
    """Tell language from noise: by the shapes of words, the vowels, how common ideographs are."""
    text = " ".join(words)
    return _is_shaped(words) and _is_sounding(text) and _is_common(text)


def _is_shaped(words: Sequence[str]) -> bool:
    shapely = sum(len(word) for word in words if _is_shapely(word))
    return 0 < shapely >= _SHAPELY * sum(map(len, words))


def _is_sounding(text: str) -> bool:
    letters = "".join(_LATIN.findall(text))
    return sum(map(_is_vowel, letters)) >= _VOWEL_SHARE * len(letters)


def _is_common(text: str) -> bool:
    ideographs = [c for c in text if unicodedata.name(c, "").startswith("CJK UNIFIED")]
    known = sum(any(c.encode(charset, "ignore") for charset in _CHARSETS) for c in ideographs)
    return known >= _COMMON * len(ideographs)


def _is_shapely(word: str) -> bool:
    """Tell whether a word is mostly letters or digits, hardly mixed, and Latin ones have vowels."""
    return (
        2 * sum(map(str.isalnum, word)) >= len(word)
        and len(_MIXTURE.findall(word)) <= _MIXTURES
        and all(part.isupper() or any(map(_is_vowel, part)) for part in _LATIN.findall(word))
    )


def _is_vowel(letter: str) -> bool:
    """Tell whether a letter is a vowel, whatever accent it has."""
    return unicodedata.normalize("NFD", letter)[0].lower() in "aeiouy"


def _lies_on_ink(page: pymupdf.Page, boxes: Sequence[Box], width: int) -> bool:
    """Tell whether the words lie on ink, and most of the ink of the page in words."""
    ink = _ink(page)
    scale = ink.shape[1] / width
    worded = np.zeros_like(ink)
    inked = 0
    for box in boxes:
        rows = slice(int(box.top * scale), int(np.ceil(box.bottom * scale)))
        columns = slice(int(box.left * scale), int(np.ceil(box.right * scale)))
        part = ink[rows, columns]
        inked += part.size > 0 and part.mean() >= _FILLED
        worded[rows, columns] = 1
    explained = int((ink & worded).sum())
    return inked >= _INKED * len(boxes) and explained >= _EXPLAINED * int(ink.sum())


def _ink(page: pymupdf.Page) -> Pixels:
    """Return a small picture of the page, H,W: 1 where it is darker than its surroundings."""
    zoom = _SIDE / max(page.rect.width, page.rect.height)
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=False
    )
    gray = pixels.pixels_of(pixmap)[..., 0]
    ground = cv2.blur(gray, (_SURROUNDINGS, _SURROUNDINGS))
    return np.asarray(cv2.subtract(ground, gray) >= _INK, np.uint8)
