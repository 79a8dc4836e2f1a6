"""The character set: the character that each class of the network stands for.

Class `BLANK` is the CTC blank (defined only here); class k stands for the k-th character, counted
from one. Every character is one code point in Unicode's NFC.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BLANK = 0


@dataclass(frozen=True, slots=True)
class Charset:
    """The characters of classes 1, 2, 3 and so on, as one string."""

    characters: str

    @classmethod
    def of(cls, characters: Iterable[str]) -> Charset:
        """Return the charset of `characters` in NFC; two of them may become equal.

        Raises ValueError for a character that is not one code point.
        """
        composed = [unicodedata.normalize("NFC", character) for character in characters]
        for character in composed:
            if len(character) != 1:
                raise ValueError(f"a class must stand for one code point, not for {character!r}")
        return cls("".join(composed))

    @property
    def classes(self) -> int:
        """The number of classes of a network with this charset, including the blank."""
        return len(self.characters) + 1

    def character(self, label: int) -> str:
        """Return the character of class `label`; the blank has none."""
        return "" if label == BLANK else self.characters[label - 1]
