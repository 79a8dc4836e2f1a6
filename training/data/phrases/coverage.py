"""Lines in which a rare character occurs as often as a common one.

A network learns only characters that it sees: three thousand of ours occur in hardly any text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.data.alphabet import big5_level_1, gb2312

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from training.records import Language

_WORDS = 6  # per character
_HOMOGLYPHS = "∙‧・∶∣｀＇─￣ˉˋΟµÐɡⅠⅤⅩ−‚" + "".join(map(chr, range(0x2474, 0x249C)))
# drawn like a character that is used instead: μ, Đ, I, -, a comma, "(1)" and "1." among them


@dataclass(frozen=True, slots=True)
class Coverage:
    """The characters of a language, and words that contain them."""

    ideographs: str
    signs: str
    words: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, characters: str, words: Iterable[str]) -> Coverage:
        """Return the coverage of `characters`, each with a few of the `words` that use it."""
        ideographs = "".join(filter(is_ideograph, characters))
        known = set(ideographs)
        found: dict[str, list[str]] = {}
        for word in words:
            for character in known.intersection(word) if 1 < len(word) < 9 else ():
                examples = found.setdefault(character, [])
                if len(examples) < _WORDS:
                    examples.append(word)
        signs = "".join(c for c in characters if not is_ideograph(c))
        return cls(ideographs, signs, {c: tuple(examples) for c, examples in found.items()})

    def ideograph_line(self, rng: Random) -> str:
        """Return about 2 to 24 characters, each drawn evenly, alone or within a word."""
        wanted = rng.choice((2, 4, 6, 8, 10, 12, 14, 16, 20, 24))
        in_words = rng.random() < 0.5
        text = ""
        while len(text) < wanted:
            text += self._item(in_words, rng)
        return text

    def sign_line(self, rng: Random) -> str:
        """Return a few signs, drawn evenly, alone or among ideographs if the language has any."""
        signs = [rng.choice(self.signs) for _ in range(rng.choice((1, 1, 2, 3, 4, 6)))]
        if self.ideographs and rng.random() < 0.6:
            signs += [rng.choice(self.ideographs) for _ in range(len(signs))]
            rng.shuffle(signs)
        return rng.choice(("", " ")).join(signs)

    def made_up_words(self, rng: Random) -> str:
        """Return invented words whose letters are drawn evenly, in one case or capitalised."""
        letters = [c for c in self.signs if c.isalpha()]
        words = []
        for _ in range(rng.randint(1, 4)):
            word = "".join(
                rng.choice(letters) if rng.random() < 0.4 else rng.choice("aeiourstlnm")
                for _ in range(rng.randint(2, 8))
            )
            words.append(rng.choice((word, word.lower(), word.upper(), word.capitalize())))
        return " ".join(words)

    def _item(self, in_words: bool, rng: Random) -> str:
        character = rng.choice(self.ideographs)
        return rng.choice(self.words.get(character, (character,))) if in_words else character


def by_language(alphabet: str) -> dict[Language, str]:
    """Return the drawable characters of `alphabet` by the language whose faces contain them.

    An ideograph of both standards belongs to both Chinese scripts.
    """
    simplified, traditional = set(gb2312()), set(big5_level_1())
    parts: dict[Language, str] = {"en": "", "zh": "", "zh-Hant": "", "latin": ""}
    for character in filter(drawable, alphabet):
        if is_ideograph(character):
            if character in traditional:
                parts["zh-Hant"] += character
            if character in simplified or character not in traditional:
                parts["zh"] += character
        else:
            parts[_sign_language(character, simplified)] += character
    return parts


def drawable(character: str) -> bool:
    """Return whether a label may contain `character`: visible, and not drawn like another one."""
    if character.isspace() or character in _HOMOGLYPHS:
        return False
    folded = unicodedata.normalize("NFKC", character)
    wide_letter = character >= "\uff01" and (
        folded.isalnum() or folded in "#&'*+-./<=>@[]{}|\"%$¥£¢"
    )
    return not wide_letter and " " not in folded and character not in "ĲĳĿŀŉſ"


def is_ideograph(character: str) -> bool:
    """Return whether `character` is a Chinese character of the main block, or 〇."""
    return "\u4e00" <= character <= "\u9fff" or character == "〇"


def _sign_language(character: str, simplified: set[str]) -> Language:
    if character.isascii():
        return "en"
    if character.isalpha() and character < "\u0250":
        return "latin"
    if "\u3105" <= character <= "\u3129":
        return "zh-Hant"
    return "zh" if character in simplified or character >= "\u2e80" else "en"
