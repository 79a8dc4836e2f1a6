"""The alphabet of the recogniser: the characters of its first weights, and those added since.

The order matters: a class keeps its number when the alphabet grows, so that training continues
from the old weights. Characters that look alike are one class: full-width letters and digits are
read as half-width ones, Greek and Cyrillic letters that look Latin as Latin ones.
"""

from __future__ import annotations

import unicodedata
from itertools import chain
from typing import TYPE_CHECKING

from daemon.ocr.model.charset import Charset

if TYPE_CHECKING:
    from collections.abc import Iterable

_LATIN = "".join(map(chr, range(0xA1, 0x180)))  # Latin-1 Supplement and Latin Extended-A
_SIGNS = "€£¥¢₩₽₹₺₫฿℃℉№™©®§¶†‡•‣◦▪▫■□●○◆◇★☆☐☑☒✓✔✗✘←↑→↓↔⇒…—–―‘’“”„‚‹›«»′″‰−×÷±≈≠≤≥∞√µΩ°²³¹¼½¾"
_SMALL = "⁰⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉"  # ¹ ² ³ are in Latin-1
_NUMERALS = "".join(map(chr, [*range(0x2460, 0x2474), *range(0x2160, 0x216C)]))
_ROWS = [*range(0xA1, 0xA4), 0xA6, 0xA8, *range(0xB0, 0xF8)]  # no Cyrillic, no ruling lines
_NOT_ADDED = "\xad\u3000ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνοικ"  # invisible, or drawn like a Latin letter


def extended(first: Charset) -> Charset:
    """Return `first` with GB 2312, the common characters of Big5, accented Latin and signs."""
    wanted = map(_composed, chain(_LATIN, _SIGNS, _NUMERALS, gb2312(), big5_level_1(), _SMALL))
    unwanted = {*first.characters, *_NOT_ADDED}
    added = (c for c in wanted if len(c) == 1 and c not in unwanted and not _full_width(c))
    return Charset.of([*first.characters, *dict.fromkeys(added)])


def gb2312() -> str:
    """Return GB 2312 (1980): 6 763 Chinese characters, signs, kana, Greek and pinyin letters."""
    return _decoded("gb2312", (bytes((row, cell)) for row in _ROWS for cell in range(0xA1, 0xFF)))


def big5_level_1() -> str:
    """Return the 5 401 frequently used Chinese characters of Big5 (1984), A440 to C67E."""
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    pairs = (bytes((lead, trail)) for lead in range(0xA4, 0xC7) for trail in trails)
    return _decoded("big5", (pair for pair in pairs if pair <= b"\xc6\x7e"))


def _decoded(encoding: str, pairs: Iterable[bytes]) -> str:
    return "".join(pair.decode(encoding, "ignore") for pair in pairs)


def _composed(character: str) -> str:
    return unicodedata.normalize("NFC", character)


def _full_width(character: str) -> bool:
    """Return whether Unicode has `character` as the wide form of an ASCII letter or digit."""
    return character >= "\uff01" and unicodedata.normalize("NFKC", character).isascii()
