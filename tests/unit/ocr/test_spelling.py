"""Words that are none become words, by what the network has seen besides."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.ocr.model.charset import BLANK, Charset
from daemon.ocr.model.ctc import Span, collapse
from daemon.ocr.spelling import Speller

CHARSET = Charset.of("abcdefghijklmnopqrstuvwxyzILé 1")
WORDS = frozenset({"total", "label", "libel"})


def seen(*steps: tuple[str, float, str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return T,2 labels and probabilities: of each step the first character and the second."""
    classes = {"": BLANK, **{character: n for n, character in enumerate(CHARSET.characters, 1)}}
    labels = [[classes[first], classes[second]] for first, _, second, _ in steps]
    return np.array(labels), np.array([[p, q] for _, p, _, q in steps], np.float32)


def text_of(spans: list[Span]) -> str:
    return "".join(CHARSET.character(span.label) for span in spans)


def spelt(*steps: tuple[str, float, str, float]) -> list[Span]:
    labels, probabilities = seen(*steps)
    read = collapse(labels[:, 0], probabilities[:, 0])
    return Speller(WORDS, CHARSET).spelt(read, labels, probabilities)


def sure(word: str) -> list[tuple[str, float, str, float]]:
    return [(notification, 0.999, "", 0.0) for notification in word]


def test_the_second_candidate_that_makes_a_word_is_read():
    spans = spelt(*sure("to"), ("l", 0.7, "t", 0.2), *sure("al"))

    assert text_of(spans) == "total"
    assert spans[2].confidence == pytest.approx(0.2 / 0.3)
    assert [(span.start, span.stop) for span in spans] == [(n, n + 1) for n in range(5)]


@pytest.mark.parametrize(
    "steps",
    [
        [*sure("lab"), ("e", 0.6, "i", 0.4), *sure("l")],  # a word as it is
        [*sure("to"), ("l", 0.99, "t", 0.01), *sure("al")],  # sure of its letters
        [*sure("to"), ("l", 0.7, "x", 0.2), *sure("al")],  # no word either way
        [*sure("to"), ("l", 0.7, "", 0.2), *sure("tal")],  # the candidate is no character
        [*sure("tot1"), ("b", 0.5, "l", 0.4)],  # a code, not letters
        [*sure("1"), ("t", 0.5, "l", 0.4), *sure("ab")],  # too short
    ],
)
def test_all_else_stays_as_it_was_read(steps):
    labels, probabilities = seen(*steps)

    assert spelt(*steps) == collapse(labels[:, 0], probabilities[:, 0])


def test_one_letter_is_changed_and_the_likeliest_one():
    spans = spelt(
        *sure("l"), ("é", 0.5, "a", 0.3), ("b", 0.9, "x", 0.1), ("e", 0.8, "i", 0.1), *sure("l")
    )

    assert text_of(spans) == "label"


def test_the_surest_step_of_a_letter_is_asked_and_capitals_count_as_letters():
    doubtful = [("I", 0.4, "x", 0.3), ("I", 0.8, "L", 0.1)]

    assert text_of(spelt(*doubtful, *sure("abel"))) == "Label"


def test_each_word_of_a_line_is_spelt():
    wrong = [*sure("t"), ("c", 0.6, "o", 0.3), *sure("tal")]

    assert text_of(spelt(*wrong, *sure(" "), *wrong)) == "total total"
