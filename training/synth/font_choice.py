"""Selects the face that draws a phrase: one with its characters, in a realistic mix of styles."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from training.synth import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from training.data.sources import Face
    from training.records import Language, Phrase

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
OWN_SMALL = 0.5  # share of the lines drawn with the small digits of the face, if it has them
_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class FontChoice:
    """A face for a phrase; `fallback` draws the signs in `rare`, which the face lacks.

    The characters in `small` are drawn as smaller ones, raised or lowered, as word processors do.
    """

    face: Face
    fallback: Face | None
    rare: str
    small: str = ""

    @property
    def name(self) -> str:
        """The name of the face on contact sheets."""
        return self.face.path.stem

    def open(self, size: int) -> tuple[render.Font, render.Font | None]:
        """Open both at `size` pixels per em."""
        face, fallback = self.face, self.fallback
        return (
            render.open_font(str(face.path), face.index, size),
            render.open_font(str(fallback.path), fallback.index, size) if fallback else None,
        )


class FontSelector:
    """Selects faces by the characters that they contain and the shares of their styles."""

    def __init__(self, faces: Sequence[Face], coverage: NDArray[np.bool_]) -> None:
        self._faces, self._coverage = faces, coverage
        self._groups: dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
        for language, script in _SCRIPTS.items():
            self._groups[language] = self._group(language, script)

    def choose(self, phrase: Phrase, rng: Generator) -> FontChoice | None:
        """Return a face that can draw `phrase`, or None if there is none."""
        rows, shares = self._groups[phrase.language]
        if not len(rows):
            return None
        small = "".join(sorted(render.SCALED.keys() & set(phrase.text)))
        if small:
            return self._choose_with_small(phrase, small, rng)
        codes = np.array([ord(c) for c in set(phrase.text)])
        if codes.max() >= self._coverage.shape[1]:
            return None
        for attempt in range(_ATTEMPTS + 1):
            if attempt == _ATTEMPTS:  # a rare character: search for faces that have it
                needed = codes[[not is_sign(chr(code)) for code in codes]]
                candidates = self._coverage[rows[:, None], needed].all(1)
                rows, shares = rows[candidates], np.cumsum(np.diff(shares, prepend=0)[candidates])
                if not len(rows):
                    return None
            row = rows[min(np.searchsorted(shares, rng.random() * shares[-1]), len(rows) - 1)]
            missing = codes[~self._coverage[row, codes]]
            choice = self._with_fallback(int(row), "".join(map(chr, missing)), rng)
            if choice:
                return choice
        return None

    def _choose_with_small(self, phrase: Phrase, small: str, rng: Generator) -> FontChoice | None:
        """Return a face for a phrase with small digits: half of the time with its own, if any."""
        scaled = "".join(render.SCALED.get(c, (c, 0.0))[0] for c in phrase.text)
        choice = self.choose(replace(phrase, text=scaled), rng)
        if choice is None:
            return None
        row = self._faces.index(choice.face)
        codes = [ord(c) for c in small]
        if self._coverage[row, codes].all() and rng.random() < OWN_SMALL:
            return choice
        return replace(choice, small=small)

    def _with_fallback(self, row: int, missing: str, rng: Generator) -> FontChoice | None:
        """Return the face of `row`, a fallback for `missing` signs; None if letters are missing."""
        if not missing:
            return FontChoice(self._faces[row], None, "")
        if not all(map(is_sign, missing)):
            return None
        candidates = np.flatnonzero(self._coverage[:, [ord(c) for c in missing]].all(1))
        if not len(candidates):
            return None
        return FontChoice(self._faces[row], self._faces[int(rng.choice(candidates))], missing)

    def _group(
        self, language: Language, script: str
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the rows of a language's faces and the running sum of their shares.

        Within a style, a package weighs as the square root of its number of faces.
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


def is_sign(character: str) -> bool:
    """Return whether print may take `character` from another face than its neighbours: ☑ ₩ ※."""
    return unicodedata.category(character)[0] in "SP" and character not in ",.:;!?()-'\"/"
