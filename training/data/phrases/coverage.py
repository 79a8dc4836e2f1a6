"""Lines in which a rare character comes as often as a common one.

A network learns a character by meeting it: three thousand of ours occur in hardly any text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.data.alphabet import big5_level_1, gb2312

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from training.synth.sample import Language

_WORDS = 6  # kept for a character
_TWINS = "∙‧・∶∣｀＇─￣ˉˋΟµÐɡⅠⅤⅩ−‚" + "".join(map(chr, range(0x2474, 0x249C)))
# drawn like a character that is kept: μ, Đ, I, -, a comma, "(1)" and "1." among them


@dataclass(frozen=True, slots=True)
class Coverage:
    """The characters a language answers for, and words that contain them."""

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
                kept = found.setdefault(character, [])
                if len(kept) < _WORDS:
                    kept.append(word)
        signs = "".join(c for c in characters if not is_ideograph(c))
        return cls(ideographs, signs, {c: tuple(kept) for c, kept in found.items()})

    def ideographic(self, chance: Random) -> str:
        """Return 2 to 24 characters or so, each drawn evenly, alone or in a word that has it."""
        wanted = chance.choice((2, 4, 6, 8, 10, 12, 14, 16, 20, 24))
        in_words = chance.random() < 0.5
        text = ""
        while len(text) < wanted:
            text += self._one(in_words, chance)
        return text

    def sprinkled(self, chance: Random) -> str:
        """Return a few signs, evenly drawn, alone or among ideographs when there are any."""
        signs = [chance.choice(self.signs) for _ in range(chance.choice((1, 1, 2, 3, 4, 6)))]
        if self.ideographs and chance.random() < 0.6:
            signs += [chance.choice(self.ideographs) for _ in range(len(signs))]
            chance.shuffle(signs)
        return chance.choice(("", " ")).join(signs)

    def spelt(self, chance: Random) -> str:
        """Return made-up words whose letters are drawn evenly, in one case or capitalised."""
        letters = [c for c in self.signs if c.isalpha()]
        words = []
        for _ in range(chance.randint(1, 4)):
            word = "".join(
                chance.choice(letters) if chance.random() < 0.4 else chance.choice("aeiourstlnm")
                for _ in range(chance.randint(2, 8))
            )
            words.append(chance.choice((word, word.lower(), word.upper(), word.capitalize())))
        return " ".join(words)

    def _one(self, in_words: bool, chance: Random) -> str:
        character = chance.choice(self.ideographs)
        return chance.choice(self.words.get(character, (character,))) if in_words else character


def shares(alphabet: str) -> dict[Language, str]:
    """Return the drawable characters of `alphabet` by the language whose faces have them.

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
    """Tell whether a label may have `character`: seen, and not the twin of another one."""
    if character.isspace() or character in _TWINS:
        return False
    folded = unicodedata.normalize("NFKC", character)
    wide_letter = character >= "\uff01" and (
        folded.isalnum() or folded in "#&'*+-./<=>@[]{}|\"%$¥£¢"
    )
    return not wide_letter and " " not in folded and character not in "ĲĳĿŀŉſ"


def is_ideograph(character: str) -> bool:
    """Tell a Chinese character of the main block (〇 counts) from everything else."""
    return "\u4e00" <= character <= "\u9fff" or character == "〇"


def _sign_language(character: str, simplified: set[str]) -> Language:
    if character.isascii():
        return "en"
    if character.isalpha() and character < "\u0250":
        return "latin"
    if "\u3105" <= character <= "\u3129":
        return "zh-Hant"
    return "zh" if character in simplified or character >= "\u2e80" else "en"
