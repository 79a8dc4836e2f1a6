"""Reliability of the invisible text that another OCR program laid over, or under, a scan.

No dictionary is used, since such text is often in a language that this daemon does not read. A bad
layer is recognised by malformed words and by boxes that do not match the ink.
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

_MIN_WELL_FORMED: Final = 0.7  # share of the characters in well-formed words
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")  # shorter ones often have no vowel
_MIN_VOWELS: Final = 0.28  # of the letters: 0.33 in German, 0.43 in English, 0.1 to 0.3 if shifted
_MIXTURE: Final = re.compile(r"\d(?=[^\W\d_])|[^\W\d_](?=\d)")
_MAX_MIXTURES: Final = 2  # changes between letters and digits that an article code may have
_CHARSETS: Final = ("gb2312", "big5", "shift_jis", "euc_kr")  # the ideographs in general use
_MIN_COMMON: Final = 0.9  # share of the ideographs that are among them

_SIDE: Final = 1200.0  # pixels of the longer side of the picture in which ink is looked for
_MIN_CONTRAST: Final = 20  # gray levels by which ink is darker than its surroundings
_SURROUNDINGS: Final = 31  # pixels
_MIN_INK: Final = 0.02  # share of the box of a word that is ink
_MIN_INKED_WORDS: Final = 0.8  # share of the words that lie on ink
_MIN_EXPLAINED: Final = 0.5  # share of the ink that lies in words; pictures and rules do not


def is_reliable(page: pymupdf.Page, blocks: Sequence[Block], width: int) -> bool:
    """Tell whether `blocks`, in pixels of the shown page `width` wide, match what it shows."""
    words = [word for block in blocks for line in block.lines for word in line.words]
    return is_language([word.text for word in words]) and _lies_on_ink(
        page, [word.box for word in words], width
    )


def is_language(words: Sequence[str]) -> bool:
    """Tell language from noise: by word shapes, vowels, and how common ideographs are."""
    text = " ".join(words)
    return _is_well_formed(words) and _has_vowels(text) and _is_common(text)


def _is_well_formed(words: Sequence[str]) -> bool:
    well_formed = sum(len(word) for word in words if _is_well_formed_word(word))
    return 0 < well_formed >= _MIN_WELL_FORMED * sum(map(len, words))


def _has_vowels(text: str) -> bool:
    letters = "".join(_LATIN.findall(text))
    return sum(map(_is_vowel, letters)) >= _MIN_VOWELS * len(letters)


def _is_common(text: str) -> bool:
    ideographs = [c for c in text if unicodedata.name(c, "").startswith("CJK UNIFIED")]
    common = sum(any(c.encode(charset, "ignore") for charset in _CHARSETS) for c in ideographs)
    return common >= _MIN_COMMON * len(ideographs)


def _is_well_formed_word(word: str) -> bool:
    """Tell whether a word is mostly letters or digits, hardly mixed, and has vowels if Latin."""
    return (
        2 * sum(map(str.isalnum, word)) >= len(word)
        and len(_MIXTURE.findall(word)) <= _MAX_MIXTURES
        and all(part.isupper() or any(map(_is_vowel, part)) for part in _LATIN.findall(word))
    )


def _is_vowel(letter: str) -> bool:
    """Tell whether a letter is a vowel, with or without an accent."""
    return unicodedata.normalize("NFD", letter)[0].lower() in "aeiouy"


def _lies_on_ink(page: pymupdf.Page, boxes: Sequence[Box], width: int) -> bool:
    """Tell whether the words lie on ink, and most of the ink of the page in words."""
    ink = _ink(page)
    scale = ink.shape[1] / width
    word_mask = np.zeros_like(ink)
    inked_words = 0
    for box in boxes:
        rows = slice(int(box.top * scale), int(np.ceil(box.bottom * scale)))
        columns = slice(int(box.left * scale), int(np.ceil(box.right * scale)))
        part = ink[rows, columns]
        inked_words += part.size > 0 and part.mean() >= _MIN_INK
        word_mask[rows, columns] = 1
    explained_ink = int((ink & word_mask).sum())
    if inked_words < _MIN_INKED_WORDS * len(boxes):
        return False
    return explained_ink >= _MIN_EXPLAINED * int(ink.sum())


def _ink(page: pymupdf.Page) -> Pixels:
    """Return a small image of the page, H,W: 1 where it is darker than its surroundings."""
    zoom = _SIDE / max(page.rect.width, page.rect.height)
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=False
    )
    gray = pixels.pixels_of(pixmap)[..., 0]
    background = cv2.blur(gray, (_SURROUNDINGS, _SURROUNDINGS))
    return np.asarray(cv2.subtract(background, gray) >= _MIN_CONTRAST, np.uint8)
