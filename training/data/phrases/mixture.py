"""The mixture: the languages and kinds of line in the training data, and their shares."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING

from training.data.phrases import forms, notation, numbers, prose
from training.data.phrases.coverage import Coverage, by_language, drawable
from training.data.phrases.people import people
from training.records import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from random import Random

    from training.data.corpus import Corpus, Words
    from training.records import Language

    Draw = Callable[[Random], str]

MAX_LENGTH = 100  # characters of a line
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
        "prose": 28, "capitals": 8, "title": 4, "number": 14, "code": 4, "address": 3, "label": 10,
        "receipt": 6, "byline": 3, "list": 4, "cell": 3, "word": 3, "character": 2, "sign": 1,
        "identifier": 3, "notation": 4,
    },
    "latin": {"prose": 58, "capitals": 10, "people": 10, "list": 4, "word": 8, "balanced": 10},
}  # fmt: skip
LANGUAGES: Mapping[Language, int] = {"zh": 20, "zh-Hant": 15, "en": 60, "latin": 5}
DRILLS = ("balanced", "character", "sign")
"""Kinds that no document contains: characters drawn evenly, so that rare ones are learnt too."""

_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if not drawable(chr(wide))}
_CANONICAL = _NARROW | {
    ord("￥"): "¥",
    ord("￡"): "£",
    ord("￠"): "¢",
    ord("〜"): "～",
    ord("µ"): "μ",
}
_ATTEMPTS = 12
_CONFUSABLE = "ilI1|O0oSs5Z2zB8G6cCvVwWxXuUpPkK.,:;'\"-_~"  # easily confused when they stand alone


class Phrases:
    """Draws phrases; a random generator with the same seed gives the same phrases."""

    def __init__(self, corpus: Corpus, alphabet: str) -> None:
        self.alphabet = frozenset(filter(drawable, alphabet)) | ({" "} & set(alphabet))
        parts = by_language(alphabet)
        traditional_only = "".join(
            sorted(set(parts["zh-Hant"]) - set(parts["zh"]))
        )  # twice as often
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
                parts["zh-Hant"] + traditional_only,
            ),
            "en": _english(corpus.en, corpus.words_en, parts["en"]),
            "latin": _latin(corpus.latin, corpus.words_latin, parts["latin"]),
        }

    def draw(self, rng: Random) -> Phrase:
        """Return a phrase of the mixture."""
        [(language, kind)] = rng.choices(self._lines, self._weights)
        return self.of_kind(language, kind, rng)

    def of_kind(self, language: Language, kind: str, rng: Random) -> Phrase:
        """Return a phrase of one row of `MIXTURE`.

        Raises ValueError when the alphabet has no character of the texts of this row.
        """
        text = ""
        for _ in range(_ATTEMPTS):
            drawn = _normalized(self._draws[language][kind](rng))
            text = _single_spaced(c for c in drawn if c in self.alphabet)
            if text and text == drawn:
                break
        if not text:
            raise ValueError(f"the alphabet cannot write {language} {kind}")
        return Phrase(text, language, kind)


def _english(clauses: tuple[str, ...], words: Words, characters: str) -> dict[str, Draw]:
    coverage = Coverage.of(characters, ())

    def clause(rng: Random, max_length: int = 90) -> str:
        return prose.cut(rng.choice(clauses), max_length, rng)

    return {
        "prose": clause,
        "capitals": lambda rng: clause(rng, 70).upper(),
        "title": lambda rng: prose.title(clause(rng, 50)),
        "number": numbers.numeral,
        "code": numbers.code,
        "address": numbers.address,
        "label": forms.label,
        "receipt": forms.receipt,
        "byline": forms.byline,
        "list": lambda rng: prose.decorated(clause(rng, 70), rng),
        "cell": partial(forms.cell, partial(_word, words)),
        "word": lambda rng: _random_case(_word(words, rng), rng),
        "character": partial(_short_line, coverage.signs),
        "sign": coverage.sign_line,
        "identifier": partial(notation.identifier, partial(_word, words)),
        "notation": partial(notation.notation, lambda rng: clause(rng, 60)),
    }


def _chinese(
    script: forms.Script, clauses: tuple[str, ...], words: Words,
    english: Words, characters: str
) -> dict[str, Draw]:  # fmt: skip
    coverage, word = Coverage.of(characters, words[0]), partial(_word, words)
    names = people("en").names
    traditional = script is forms.TRADITIONAL

    def clause(rng: Random, max_length: int = 46) -> str:
        return prose.cut_chinese(rng.choice(clauses), max_length, rng)

    return {
        "prose": clause,
        "mixed": lambda rng: prose.mixed(
            rng.choice(clauses), partial(_word, english), names, rng
        ),
        "balanced": coverage.ideograph_line,
        "sign": coverage.sign_line,
        "label": partial(forms.chinese_label, script),
        "number": partial(forms.chinese_number, script),
        "receipt": partial(forms.chinese_receipt, script),
        "list": lambda rng: prose.decorated_chinese(clause(rng, 36), rng,
        traditional=traditional),
        "cell": partial(forms.chinese_cell, script, word),
        "word": word,
        "character": lambda rng: "".join(rng.choices(coverage.ideographs,
        k=rng.choice((1, 1, 2, 3)))),
    }  # fmt: skip


def _latin(clauses: tuple[str, ...], words: Words, characters: str) -> dict[str, Draw]:
    coverage, pool = Coverage.of(characters, ()), people("latin")
    facts = (*pool.names, *pool.companies, *pool.addresses, *pool.cities)

    def clause(rng: Random, max_length: int = 80) -> str:
        return prose.cut(rng.choice(clauses), max_length, rng)

    return {
        "prose": clause,
        "capitals": lambda rng: clause(rng, 60).upper(),
        "people": lambda rng: rng.choice(facts),
        "list": lambda rng: prose.decorated(clause(rng, 60), rng),
        "word": lambda rng: _random_case(_word(words, rng), rng),
        "balanced": coverage.made_up_words,
    }


def _word(words: Words, rng: Random) -> str:
    [word] = rng.choices(words[0], cum_weights=words[1])
    return word


def _random_case(word: str, rng: Random) -> str:
    return rng.choice((word, word, word.capitalize(), word.upper()))


def _short_line(characters: str, rng: Random) -> str:
    """Return one to three characters, half of the time easily confused ones."""
    wanted = rng.choice((1, 1, 1, 2, 3))
    return "".join(rng.choices(_CONFUSABLE if rng.random() < 0.5 else characters, k=wanted))


def _normalized(drawn: str) -> str:
    """Return `drawn` in NFC, single-spaced, in one width, at most `MAX_LENGTH` characters."""
    composed = unicodedata.normalize("NFC", drawn).translate(_CANONICAL)
    return _single_spaced(composed)[:MAX_LENGTH].rstrip()


def _single_spaced(characters: Iterable[str]) -> str:
    return " ".join("".join(characters).split())
