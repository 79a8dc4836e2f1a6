"""Which face draws a phrase: one that has its characters, in the mixture of styles of an inbox."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.synth import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from training.data.sources import Face
    from training.synth.sample import Language, Phrase

# shares of lines by style; a face counts under the first of its styles here, else under ""
LATIN = {
    "dot-matrix": 0.10, "typewriter": 0.17, "mono": 0.13, "condensed": 0.09, "hand": 0.05,
    "display": 0.03, "text": 0.43, "": 0.01,
}  # fmt: skip
CHINESE = {
    "dot-matrix": 0.03, "hand": 0.04, "hand-zh": 0.06, "fangsong": 0.09, "kai": 0.13,
    "display": 0.02, "song": 0.32, "hei": 0.31, "": 0.01,
}  # fmt: skip
_SCRIPTS: dict[Language, str] = {"en": "latin", "latin": "latin", "zh": "zh", "zh-Hant": "zh-Hant"}
_TRIES = 6


@dataclass(frozen=True, slots=True)
class Chosen:
    """A face for a phrase; `fallback` draws the signs in `rare`, which the face lacks."""

    face: Face
    fallback: Face | None
    rare: str

    @property
    def name(self) -> str:
        """The face as a contact sheet names it."""
        return self.face.path.stem

    def opened(self, size: int) -> tuple[render.Font, render.Font | None]:
        """Open both in `size` pixels an em."""
        face, fallback = self.face, self.fallback
        return (
            render.opened(str(face.path), face.index, size),
            render.opened(str(fallback.path), fallback.index, size) if fallback else None,
        )


class Faces:
    """The faces that may draw, the characters of each, and how often each style is wanted."""

    def __init__(self, faces: Sequence[Face], coverage: NDArray[np.bool_]) -> None:
        self._faces, self._coverage = faces, coverage
        self._groups: dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
        for language, script in _SCRIPTS.items():
            self._groups[language] = self._group(language, script)

    def choose(self, phrase: Phrase, chance: Generator) -> Chosen | None:
        """Return a face that draws `phrase`, or None when there is none."""
        rows, shares = self._groups[phrase.language]
        if not len(rows):
            return None
        codes = np.array([ord(c) for c in set(phrase.text)])
        if codes.max() >= self._coverage.shape[1]:
            return None
        for turn in range(_TRIES + 1):
            if turn == _TRIES:  # a rare character: look for its faces
                needed = codes[[not sign(chr(code)) for code in codes]]
                able = self._coverage[rows[:, None], needed].all(1)
                rows, shares = rows[able], np.cumsum(np.diff(shares, prepend=0)[able])
                if not len(rows):
                    return None
            row = rows[min(np.searchsorted(shares, chance.random() * shares[-1]), len(rows) - 1)]
            missing = codes[~self._coverage[row, codes]]
            chosen = self._patched(int(row), "".join(map(chr, missing)), chance)
            if chosen:
                return chosen
        return None

    def _patched(self, row: int, missing: str, chance: Generator) -> Chosen | None:
        """Return the face of `row` with one for the `missing` signs, None for missing letters."""
        if not missing:
            return Chosen(self._faces[row], None, "")
        if not all(map(sign, missing)):
            return None
        able = np.flatnonzero(self._coverage[:, [ord(c) for c in missing]].all(1))
        if not len(able):
            return None
        return Chosen(self._faces[row], self._faces[int(chance.choice(able))], missing)

    def _group(
        self, language: Language, script: str
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the rows of a language's faces and the running sum of their shares.

        In a style, a package weighs as the root of how many faces it has.
        """
        wanted = CHINESE if language.startswith("zh") else LATIN
        rows = [n for n, face in enumerate(self._faces) if script in face.scripts]
        styles = [
            next((style for style in wanted if style in self._faces[n].styles), "") for n in rows
        ]
        packages = Counter(self._faces[n].package for n in rows)
        weights = [packages[self._faces[n].package] ** -0.5 for n in rows]
        totals: defaultdict[str, float] = defaultdict(float)
        for style, weight in zip(styles, weights, strict=True):
            totals[style] += weight
        shares = [
            wanted[style] * weight / totals[style]
            for style, weight in zip(styles, weights, strict=True)
        ]
        return np.array(rows, np.intp), np.cumsum(shares)


def sign(character: str) -> bool:
    """Tell a character that print takes from another face than its neighbours: ☑ ₩ ※."""
    return unicodedata.category(character)[0] in "SP" and character not in ",.:;!?()-'\"/"
