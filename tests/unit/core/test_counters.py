"""What is counted of an answer, and what a worker that says anything cannot spoil."""

from __future__ import annotations

import math

import pytest

from daemon.core.counters import Counters, Histogram
from daemon.core.errors import Deferred, Died, Rejected
from daemon.core.records import Block, Box, Document, Failure, PagesRead, PageText, TextLine, Word

BOX = Box(0, 0, 9, 9)


def document(*confidences: float | None, status: str = "done", **changes: object) -> Document:
    lines = tuple(TextLine("a", c, BOX, (Word("a", c, BOX),)) for c in confidences)
    page = PageText(
        number=1, width=9, height=9, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="done", text="a", confidence=None, blocks=(Block(lines),) if lines else (),
    )  # fmt: skip
    values = {"media_type": None, "pages": (page,), "seconds": {}, "attempt": 1}
    return Document(status=status, **(values | changes))  # type: ignore[arg-type]


def test_lines_are_counted_and_those_of_a_text_layer_have_no_confidence() -> None:
    counters = Counters()

    counters.answered(document(0.91, 0.99, None), 10, 1.0)

    assert (counters.lines, sum(counters.confidence.counts)) == (3, 2)


def test_a_duplicate_was_not_read_and_counts_as_a_file_alone() -> None:
    counters = Counters()

    counters.answered(document(status="duplicate", pages=()), 10, 1.0)

    assert (counters.files["duplicate"], sum(counters.documents.counts)) == (1, 0)


def test_words_that_a_worker_made_up_are_one_more_row_and_not_a_thousand() -> None:
    counters = Counters()
    failure = Failure("made up", "for no reason")

    for number in range(1000):
        spent = {f"stage {number}": 1.0}
        counters.answered(document(status="failed", failure=failure, seconds=spent), 10, 1.0)
        counters.task_ended(Died(f"kind {number}", "why"))

    assert len(counters.stages) == 6
    assert (counters.failures["other"], counters.deaths["other"]) == (1000, 1000)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 10**400])
def test_a_number_that_cannot_be_meant_is_not_added(value: float) -> None:
    spread = Histogram((1.0,))

    spread.add(value)

    assert (spread.counts, spread.total) == ([0, 0], 0.0)


def test_a_value_on_a_bound_counts_below_it() -> None:
    spread = Histogram((1.0, 2.0))

    for value in (1.0, 1.5, 2.0, 3.0):
        spread.add(value)

    assert spread.counts == [1, 2, 1]


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (PagesRead("image/png", 1, (), {}), "read"),
        (Rejected("corrupt", "why"), "rejected"),
        (Deferred("why"), "deferred"),
        (Died("memory", "why"), "died"),
    ],
)
def test_a_task_ends_in_one_of_four_ways(result: object, word: str) -> None:
    counters = Counters()

    counters.task_ended(result)  # type: ignore[arg-type]

    assert {kind for kind, number in counters.tasks.items() if number} == {word}
