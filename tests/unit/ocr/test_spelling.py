"""Spelling correction by the second candidates of the network."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.ocr.model.charset import BLANK, Charset
from daemon.ocr.model.ctc import LabelSpan, collapse
from daemon.ocr.spelling import SpellingCorrector

CHARSET = Charset.of("abcdefghijklmnopqrstuvwxyzILé 1")
WORDS = frozenset({"total", "label", "libel"})


def seen(*steps: tuple[str, float, str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return T,2 labels and probabilities: of each step the first character and the second."""
    classes = {"": BLANK, **{character: n for n, character in enumerate(CHARSET.characters, 1)}}
    labels = [[classes[first], classes[second]] for first, _, second, _ in steps]
    return np.array(labels), np.array([[p, q] for _, p, _, q in steps], np.float32)


def text_of(spans: list[LabelSpan]) -> str:
    return "".join(CHARSET.character(span.label) for span in spans)


def corrected(*steps: tuple[str, float, str, float]) -> list[LabelSpan]:
    labels, probabilities = seen(*steps)
    read = collapse(labels[:, 0], probabilities[:, 0])
    return SpellingCorrector(WORDS, CHARSET).correct(read, labels, probabilities)


def certain(word: str) -> list[tuple[str, float, str, float]]:
    return [(letter, 0.999, "", 0.0) for letter in word]


def test_a_second_candidate_that_makes_a_known_word_is_used():
    spans = corrected(*certain("to"), ("l", 0.7, "t", 0.2), *certain("al"))

    assert text_of(spans) == "total"
    assert spans[2].confidence == pytest.approx(0.2 / 0.3)
    assert [(span.start, span.stop) for span in spans] == [(n, n + 1) for n in range(5)]


@pytest.mark.parametrize(
    "steps",
    [
        [*certain("lab"), ("e", 0.6, "i", 0.4), *certain("l")],  # a word as it is
        [*certain("to"), ("l", 0.99, "t", 0.01), *certain("al")],  # the letter is certain
        [*certain("to"), ("l", 0.7, "x", 0.2), *certain("al")],  # no word either way
        [*certain("to"), ("l", 0.7, "", 0.2), *certain("tal")],  # the candidate is no character
        [*certain("tot1"), ("b", 0.5, "l", 0.4)],  # a code, not letters
        [*certain("1"), ("t", 0.5, "l", 0.4), *certain("ab")],  # too short
    ],
)
def test_everything_else_stays_as_it_was_read(steps):
    labels, probabilities = seen(*steps)

    assert corrected(*steps) == collapse(labels[:, 0], probabilities[:, 0])


def test_only_the_likeliest_letter_is_substituted():
    spans = corrected(
        *certain("l"),
        ("é", 0.5, "a", 0.3),
        ("b", 0.9, "x", 0.1),
        ("e", 0.8, "i", 0.1),
        *certain("l"),
    )

    assert text_of(spans) == "label"


def test_the_most_confident_step_of_a_letter_is_used_and_capitals_count_as_letters():
    doubtful = [("I", 0.4, "x", 0.3), ("I", 0.8, "L", 0.1)]

    assert text_of(corrected(*doubtful, *certain("abel"))) == "Label"


def test_each_word_of_a_line_is_corrected():
    wrong = [*certain("t"), ("c", 0.6, "o", 0.3), *certain("tal")]

    assert text_of(corrected(*wrong, *certain(" "), *wrong)) == "total total"
