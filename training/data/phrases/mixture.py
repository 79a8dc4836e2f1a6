"""The mixture: which languages and kinds of line the training data has, and in what shares."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING

from training.data.phrases import forms, numbers, prose
from training.data.phrases.coverage import Coverage, drawable, shares
from training.data.phrases.people import people
from training.synth.sample import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from random import Random

    from training.data.corpus import Corpus, Words
    from training.synth.sample import Language

    Draw = Callable[[Random], str]

LONGEST = 100  # characters of a line
MIXTURE: Mapping[Language, Mapping[str, int]] = {
    "zh": {
        "prose": 39, "mixed": 12, "balanced": 12, "sign": 2, "label": 13, "number": 5, "receipt": 4,
        "list": 4, "cell": 3, "word": 4, "character": 2,
    },
    "zh-Hant": {
        "prose": 30, "mixed": 12, "balanced": 29, "sign": 1, "label": 11, "number": 3, "receipt": 3,
        "list": 3, "cell": 3, "word": 3, "character": 2,
    },
    "en": {
        "prose": 31, "capitals": 9, "title": 4, "number": 16, "code": 5, "address": 3, "label": 10,
        "receipt": 6, "byline": 3, "list": 4, "cell": 3, "word": 3, "character": 2, "sign": 1,
    },
    "latin": {"prose": 58, "capitals": 10, "people": 10, "list": 4, "word": 8, "balanced": 10},
}  # fmt: skip
LANGUAGES: Mapping[Language, int] = {"zh": 20, "zh-Hant": 15, "en": 60, "latin": 5}
DRILLS = ("balanced", "character", "sign")
"""Kinds that no document has: characters drawn evenly, so that rare ones are met at all."""

_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if not drawable(chr(wide))}
_ONE_LOOK = _NARROW | {
    ord("￥"): "¥",
    ord("￡"): "£",
    ord("￠"): "¢",
    ord("〜"): "～",
    ord("µ"): "μ",
}
_TRIES = 12
_SHAPES = "ilI1|O0oSs5Z2zB8G6cCvVwWxXuUpPkK.,:;'\"-_~"  # alone, these are hard to tell apart


class Phrases:
    """A source of phrases; the same chance draws the same ones in every process."""

    def __init__(self, corpus: Corpus, alphabet: str) -> None:
        self.alphabet = frozenset(filter(drawable, alphabet)) | ({" "} & set(alphabet))
        parts = shares(alphabet)
        unshared = "".join(sorted(set(parts["zh-Hant"]) - set(parts["zh"])))  # twice as often
        self._lines = [(language, kind) for language in MIXTURE for kind in MIXTURE[language]]
        self._weights = [
            LANGUAGES[language] * MIXTURE[language][kind] / sum(MIXTURE[language].values())
            for language, kind in self._lines
        ]
        self._draws: dict[Language, dict[str, Draw]] = {
            "zh": _chinese(
                forms.SIMPLIFIED, corpus.zh, corpus.words_zh, corpus.words_en, parts["zh"]
            ),
            "zh-Hant": _chinese(
                forms.TRADITIONAL,
                corpus.zh_hant,
                corpus.words_zh_hant,
                corpus.words_en,
                parts["zh-Hant"] + unshared,
            ),
            "en": _english(corpus.en, corpus.words_en, parts["en"]),
            "latin": _accented(corpus.latin, corpus.words_latin, parts["latin"]),
        }

    def draw(self, chance: Random) -> Phrase:
        """Return a phrase of the mixture."""
        [(language, kind)] = chance.choices(self._lines, self._weights)
        return self.of_kind(language, kind, chance)

    def of_kind(self, language: Language, kind: str, chance: Random) -> Phrase:
        """Return a phrase of one row of `MIXTURE`.

        Raises ValueError when the alphabet knows no character of what this row writes.
        """
        text = ""
        for _ in range(_TRIES):
            drawn = _settled(self._draws[language][kind](chance))
            text = _trimmed(c for c in drawn if c in self.alphabet)
            if text and text == drawn:
                break
        if not text:
            raise ValueError(f"the alphabet cannot write {language} {kind}")
        return Phrase(text, language, kind)


def _english(clauses: tuple[str, ...], words: Words, characters: str) -> dict[str, Draw]:
    coverage = Coverage.of(characters, ())

    def clause(chance: Random, most: int = 90) -> str:
        return prose.cut(chance.choice(clauses), most, chance)

    return {
        "prose": clause,
        "capitals": lambda chance: clause(chance, 70).upper(),
        "title": lambda chance: prose.title(clause(chance, 50)),
        "number": numbers.numeral,
        "code": numbers.code,
        "address": numbers.address,
        "label": forms.label,
        "receipt": forms.receipt,
        "byline": forms.byline,
        "list": lambda chance: prose.marked(clause(chance, 70), chance),
        "cell": partial(forms.cell, partial(_word, words)),
        "word": lambda chance: _cased(_word(words, chance), chance),
        "character": partial(_few, coverage.signs),
        "sign": coverage.sprinkled,
    }


def _chinese(
    script: forms.Script, clauses: tuple[str, ...], words: Words,
    english: Words, characters: str
) -> dict[str, Draw]:  # fmt: skip
    coverage, word = Coverage.of(characters, words[0]), partial(_word, words)
    names = people("en").names
    traditional = script is forms.TRADITIONAL

    def clause(chance: Random, most: int = 46) -> str:
        return prose.cut_chinese(chance.choice(clauses), most, chance)

    return {
        "prose": clause,
        "mixed": lambda chance: prose.mixed(
            chance.choice(clauses), partial(_word, english), names, chance
        ),
        "balanced": coverage.ideographic,
        "sign": coverage.sprinkled,
        "label": partial(forms.chinese_label, script),
        "number": partial(forms.chinese_number, script),
        "receipt": partial(forms.chinese_receipt, script),
        "list": lambda chance: prose.marked_chinese(clause(chance, 36), chance,
        traditional=traditional),
        "cell": partial(forms.chinese_cell, script, word),
        "word": word,
        "character": lambda chance: "".join(chance.choices(coverage.ideographs,
        k=chance.choice((1, 1, 2, 3)))),
    }  # fmt: skip


def _accented(clauses: tuple[str, ...], words: Words, characters: str) -> dict[str, Draw]:
    coverage, pool = Coverage.of(characters, ()), people("latin")
    facts = (*pool.names, *pool.companies, *pool.addresses, *pool.cities)

    def clause(chance: Random, most: int = 80) -> str:
        return prose.cut(chance.choice(clauses), most, chance)

    return {
        "prose": clause,
        "capitals": lambda chance: clause(chance, 60).upper(),
        "people": lambda chance: chance.choice(facts),
        "list": lambda chance: prose.marked(clause(chance, 60), chance),
        "word": lambda chance: _cased(_word(words, chance), chance),
        "balanced": coverage.spelt,
    }


def _word(words: Words, chance: Random) -> str:
    [word] = chance.choices(words[0], cum_weights=words[1])
    return word


def _cased(word: str, chance: Random) -> str:
    return chance.choice((word, word, word.capitalize(), word.upper()))


def _few(characters: str, chance: Random) -> str:
    """One character, or two or three; half of the time such as look like another."""
    wanted = chance.choice((1, 1, 1, 2, 3))
    return "".join(chance.choices(_SHAPES if chance.random() < 0.5 else characters, k=wanted))


def _settled(drawn: str) -> str:
    """Return `drawn` composed, single-spaced, no look in two widths, at most `LONGEST` long."""
    return _trimmed(unicodedata.normalize("NFC", drawn).translate(_ONE_LOOK))[:LONGEST].rstrip()


def _trimmed(characters: Iterable[str]) -> str:
    return " ".join("".join(characters).split())
