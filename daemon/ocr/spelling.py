"""Spelling correction: an unknown word becomes a known one if the network saw another letter in it.

A noisy channel model of one substituted letter (Kernighan, Church, Gale 1990, "A spelling
correction program based on a noisy channel model"), with the second candidates of the network as
the channel: a letter that the network did not see in the image is never written, and a word whose
letters are all certain stays as it is.
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
    from daemon.ocr.model.ctc import LabelSpan

_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{4,}")  # a shorter word is one letter from too many words
_MIN_ODDS = 0.02  # odds below which a candidate is noise


@dataclass(frozen=True, slots=True)
class SpellingCorrector:
    """Corrects words by a set of known words in lower case; `charset` decodes the labels."""

    words: frozenset[str]
    charset: Charset

    def correct(
        self,
        spans: Sequence[LabelSpan],
        labels: NDArray[np.int64],
        probabilities: NDArray[np.float32],
    ) -> list[LabelSpan]:
        """Return `spans` with each unknown word replaced by the likeliest known one, a letter away.

        `labels` and `probabilities`, both T,K, are the candidates of each step, best first. The
        confidence of a substituted letter is its probability divided by that of all candidates but
        the first.
        """
        corrected = list(spans)
        for start, stop in self._unknown_words(spans):
            replacements = [
                (odds, index, alternative)
                for index in range(start, stop)
                for odds, alternative in _alternatives(spans[index], labels, probabilities)
                if self._is_known([*spans[start:index], alternative, *spans[index + 1 : stop]])
            ]
            if replacements:
                _, index, alternative = max(replacements, key=lambda each: each[0])
                corrected[index] = alternative
        return corrected

    def _unknown_words(self, spans: Sequence[LabelSpan]) -> Iterator[tuple[int, int]]:
        """Yield start and end of each word that is not known."""
        for word in _WORD.finditer(self._text(spans)):
            if word.group().lower() not in self.words:
                yield word.span()

    def _is_known(self, spans: Sequence[LabelSpan]) -> bool:
        return self._text(spans).lower() in self.words

    def _text(self, spans: Sequence[LabelSpan]) -> str:
        return "".join(self.charset.character(span.label) for span in spans)


def _alternatives(
    span: LabelSpan, labels: NDArray[np.int64], probabilities: NDArray[np.float32]
) -> Iterator[tuple[float, LabelSpan]]:
    """Yield the alternatives of `span`, the candidates of its most certain step, with odds."""
    peak = span.start + int(probabilities[span.start : span.stop, 0].argmax())
    first, *probabilities_of_others = probabilities[peak].tolist()
    for label, probability in zip(labels[peak, 1:].tolist(), probabilities_of_others, strict=True):
        if label != BLANK and probability >= _MIN_ODDS * first:
            yield (
                probability / first,
                replace(span, label=label, confidence=probability / (1 - first)),
            )
