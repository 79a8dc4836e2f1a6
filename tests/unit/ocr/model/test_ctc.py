"""CTC decoding, compared with a search through all paths."""

from __future__ import annotations

from itertools import groupby, product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ocr.model.charset import BLANK
from daemon.ocr.model.ctc import LabelSpan, beam, collapse, combined

CLASSES = 3

steps = st.lists(
    st.lists(st.integers(1, 1000), min_size=CLASSES, max_size=CLASSES, unique=True),
    min_size=1,
    max_size=6,
)


def read(text: str) -> list[LabelSpan]:
    """Collapse a path: `-` is the blank, `a` is class 1; every step has probability 1."""
    labels = np.array(["-abc".index(letter) for letter in text], np.int64)
    return collapse(labels, np.ones(len(text), np.float32))


def best_path(table: np.ndarray) -> tuple[int, ...]:
    """Try all paths and return the most probable one."""
    paths = product(range(CLASSES), repeat=len(table))
    return max(paths, key=lambda path: prod(table[step, label] for step, label in enumerate(path)))


def text_of_path(path: tuple[int, ...]) -> list[int]:
    """Return the labels of a path by the definition of CTC: merge runs, then drop blanks."""
    return [label for label, _ in groupby(path) if label != BLANK]


@given(steps)
def test_the_best_steps_spell_the_text_of_the_best_path(rows):
    table = np.array(rows, np.float64) / np.sum(rows, axis=1, keepdims=True)

    spans = collapse(table.argmax(1), table.max(1).astype(np.float32))

    assert [span.label for span in spans] == text_of_path(best_path(table))


@given(steps)
def test_the_confidence_of_a_character_is_the_highest_of_its_steps(rows):
    table = np.array(rows, np.float64) / np.sum(rows, axis=1, keepdims=True)
    path = best_path(table)

    spans = collapse(table.argmax(1), table.max(1).astype(np.float32))

    for span in spans:
        assert set(path[span.start : span.stop]) == {span.label}
        highest = max(table[step, span.label] for step in range(span.start, span.stop))
        assert span.confidence == pytest.approx(highest)


def test_spans_cover_the_steps_of_their_character():
    assert [(span.label, span.start, span.stop) for span in read("-aa-b")] == [(1, 1, 3), (2, 4, 5)]


def test_a_blank_separates_repeated_characters():
    assert [span.label for span in read("a-a")] == [1, 1]


def test_different_neighbours_need_no_blank():
    assert [span.label for span in read("aabb")] == [1, 2]


def test_blanks_only_decode_to_nothing():
    assert read("----") == []


def test_no_steps_decode_to_nothing():
    assert read("") == []


def test_confidences_combine_to_their_geometric_mean():
    assert combined([0.9, 0.4]) == pytest.approx(0.6)


@pytest.mark.parametrize("confidences", [[], [0.0, 1.0]])
def test_no_characters_or_one_of_confidence_zero_have_no_confidence(confidences):
    assert combined(confidences) == 0.0


@given(st.lists(st.floats(0.001, 1), min_size=1))
def test_a_combined_confidence_is_between_the_lowest_and_the_highest(confidences):
    assert min(confidences) - 1e-9 <= combined(confidences) <= max(confidences) + 1e-9


def likeliest_text(table: np.ndarray) -> tuple[float, dict[tuple[int, ...], float]]:
    """Try all paths; return the probability of the likeliest text, and that of each text."""
    texts: dict[tuple[int, ...], float] = {}
    for path in product(range(CLASSES), repeat=len(table)):
        probability = prod(table[step, label] for step, label in enumerate(path))
        text = tuple(text_of_path(path))
        texts[text] = texts.get(text, 0.0) + probability
    return max(texts.values()), texts


def decoded(table: np.ndarray, width: int) -> list[LabelSpan]:
    """Decode a table T,classes with all its classes as candidates, best first."""
    labels = np.argsort(-table, axis=1, kind="stable")
    return beam(labels, np.take_along_axis(table, labels, 1), width)


@given(steps)
def test_a_wide_beam_finds_the_likeliest_of_all_texts(rows):
    table = np.array(rows, np.float64) / np.sum(rows, axis=1, keepdims=True)
    table[table < 0.01] = 0  # which the beam takes as impossible

    spans = decoded(table, 1000)

    best, texts = likeliest_text(table)
    assert texts[tuple(span.label for span in spans)] == pytest.approx(best)


def test_paths_that_spell_the_same_text_are_summed():
    table = np.array([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0]])  # blank blank .36; a by three paths .64

    assert collapse(table.argmax(1), table.max(1)) == []
    assert [span.label for span in decoded(table, 2)] == [1]


@given(steps)
def test_the_characters_of_a_beam_are_in_order_and_within_the_line(rows):
    table = np.array(rows, np.float64) / np.sum(rows, axis=1, keepdims=True)

    spans = decoded(table, 3)

    edges = [edge for span in spans for edge in (span.start, span.stop)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.stop <= len(table) for span in spans)
