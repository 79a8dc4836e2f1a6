"""Words are spelt: one that is no word, and would be with another of its letters, is read so.

The noisy channel of one letter (Kernighan, Church, Gale 1990, "A spelling correction program based
on a noisy channel model"), with the network's own second candidates as the channel: what it has not
seen in the picture is never written, and a word whose letters are sure stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from daemon.ocr.model.charset import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.ctc import Span

_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")  # shorter ones are one letter from too many words
_ODDS = 0.02  # to one that another letter is meant; below it, candidates are noise


@dataclass(frozen=True, slots=True)
class Speller:
    """Knows words, lower case, and which class stands for which character."""

    words: frozenset[str]
    charset: Charset

    def spelt(
        self, spans: Sequence[Span], labels: NDArray[np.int64], probabilities: NDArray[np.float32]
    ) -> list[Span]:
        """Return `spans` with the likeliest known word, one letter away, for each strange one.

        `labels` and `probabilities`, both T,K, are the candidates of each step, best first. The
        confidence of a letter that was put in is its chance among what is left without the first.
        """
        read = list(spans)
        for start, stop in self._strange(spans):
            others = [
                (odds, place, other)
                for place in range(start, stop)
                for odds, other in _others(spans[place], labels, probabilities)
                if self._known([*spans[start:place], other, *spans[place + 1 : stop]])
            ]
            if others:
                _, place, other = max(others, key=lambda one: one[0])
                read[place] = other
        return read

    def _strange(self, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
        """Yield where words begin and end that are not known."""
        for word in _WORD.finditer(self._text(spans)):
            if word.group().lower() not in self.words:
                yield word.span()

    def _known(self, spans: Sequence[Span]) -> bool:
        return self._text(spans).lower() in self.words

    def _text(self, spans: Sequence[Span]) -> str:
        return "".join(self.charset.character(span.label) for span in spans)


def _others(
    span: Span, labels: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> Iterator[tuple[float, Span]]:
    """Yield what else `span` may be, by the candidates of its surest step, and the odds of each."""
    peak = span.start + int(probabilities[span.start : span.stop, 0].argmax())
    first, *chances = probabilities[peak].tolist()
    for label, chance in zip(labels[peak, 1:].tolist(), chances, strict=True):
        if label != BLANK and chance >= _ODDS * first:
            yield chance / first, replace(span, label=label, confidence=chance / (1 - first))
