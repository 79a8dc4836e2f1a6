"""Text as labels are compared: without case, punctuation, and the letters that OCR confuses."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_ASCII: Final = {"。": ".", "–": "-", "—": "-", "−": "-", "’": "'", "‘": "'"}
_LOOK_ALIKES: Final = str.maketrans("oilsbzg", "0115829")
# characters of a label, from which one, or two, of them may be read wrongly; a Chinese label is
# short, and the one beside it often differs in a single character
_ONE_ERROR, _TWO_ERRORS, _ONE_ERROR_CHINESE = 5, 10, 6


def fold(text: str) -> str:
    """Return a text in lower case, full-width forms as ASCII; each character keeps its place."""
    return "".join(map(_folded, text))


def narrow(text: str) -> str:
    """Return a text with full-width forms as ASCII, in its case; each character keeps its place."""
    return "".join(map(_narrowed, text))


@lru_cache(4096)
def _folded(character: str) -> str:
    lower = _narrowed(character).lower()
    return lower if len(lower) == 1 else character


@lru_cache(4096)
def _narrowed(character: str) -> str:
    normal = unicodedata.normalize("NFKC", character)
    if normal.isspace():
        return " "
    return _ASCII.get(normal, normal) if len(normal) == 1 else character


def is_chinese(character: str) -> bool:
    """Tell whether a character is written without spaces around it."""
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


@dataclass(frozen=True, slots=True)
class Key:
    """The letters and digits of a folded text, and the place of each in it."""

    text: str
    places: tuple[int, ...]

    @classmethod
    def of(cls, folded: str) -> Key:
        """Return the key of a folded text."""
        places = tuple(k for k, character in enumerate(folded) if character.isalnum())
        return cls("".join(folded[k] for k in places).translate(_LOOK_ALIKES), places)


@lru_cache(1024)
def label_key(label: str) -> str:
    """Return the key of a label."""
    return Key.of(fold(label)).text


def errors_allowed(label: str) -> int:
    """Return how many characters of a label may be read wrongly, by its key."""
    if any(map(is_chinese, label)):
        return int(len(label) >= _ONE_ERROR_CHINESE)
    return (len(label) >= _ONE_ERROR) + (len(label) >= _TWO_ERRORS)


def distance(first: str, second: str, limit: int) -> int:
    """Return the edit distance of two texts (Levenshtein), or `limit` + 1 where it is above."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    row = list(range(len(second) + 1))
    for k, character in enumerate(first, 1):
        before, row[0] = row[0], k
        for j, other in enumerate(second, 1):
            before, row[j] = row[j], min(before + (character != other), row[j] + 1, row[j - 1] + 1)
        if min(row) > limit:
            return limit + 1
    return row[-1]
