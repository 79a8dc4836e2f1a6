"""Counters of answers and tasks, also for a worker that reports invalid values."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from daemon.core.counters import Counters, Histogram
from daemon.core.errors import Deferred, Died, Rejected
from daemon.core.records import (
    Block,
    Box,
    Document,
    DocumentWarning,
    Failure,
    PagesRead,
    PageText,
    TextLine,
    UnreadRegion,
    Word,
)

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

    counters.count_document(document(0.91, 0.99, None), 10, 1.0)

    assert (counters.lines, sum(counters.confidence.counts)) == (3, 2)


def test_a_duplicate_counts_only_as_a_file_since_it_was_not_read() -> None:
    counters = Counters()

    counters.count_document(document(status="duplicate", pages=()), 10, 1.0)

    assert (counters.files["duplicate"], sum(counters.documents.counts)) == (1, 0)


def test_unknown_labels_from_a_worker_share_one_row() -> None:
    counters = Counters()
    failure = Failure("made up", "for no reason")

    for number in range(1000):
        spent = {f"stage {number}": 1.0}
        counters.count_document(document(status="failed", failure=failure, seconds=spent), 10, 1.0)
        counters.count_task(Died(f"kind {number}", "why"))

    assert len(counters.stages) == 7
    assert (counters.failures["other"], counters.deaths["other"]) == (1000, 1000)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 10**400])
def test_an_invalid_number_is_not_counted(value: float) -> None:
    spread = Histogram((1.0,))

    spread.observe(value)

    assert (spread.counts, spread.total) == ([0, 0], 0.0)


def test_a_value_on_a_bound_counts_below_it() -> None:
    spread = Histogram((1.0, 2.0))

    for value in (1.0, 1.5, 2.0, 3.0):
        spread.observe(value)

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

    counters.count_task(result)  # type: ignore[arg-type]

    assert {kind for kind, number in counters.tasks.items() if number} == {word}


def incomplete(reason: str, kind: str) -> Document:
    """A document with an unread region, and a warning on the whole and on its page."""
    warning = DocumentWarning(kind, "a sentence")
    whole = document()
    (page,) = whole.pages
    region = UnreadRegion(BOX, reason)  # type: ignore[arg-type]
    page = replace(page, unread=(region,), warnings=(warning,))
    return replace(whole, pages=(page,), warnings=(warning,))


def test_unread_regions_and_warnings_are_counted_by_reason_and_class() -> None:
    counters = Counters()

    counters.count_document(incomplete("too_small", "renderer_message"), 10, 1.0)

    assert {reason: number for reason, number in counters.unread.items() if number} == {
        "too_small": 1
    }
    assert {kind: number for kind, number in counters.warnings.items() if number} == {
        "renderer_message": 2
    }


def test_unknown_reasons_and_warnings_from_a_worker_share_one_row() -> None:
    counters = Counters()
    labels = (len(counters.unread), len(counters.warnings))

    for number in range(100):
        counters.count_document(incomplete(f"reason {number}", f"kind {number}"), 10, 1.0)

    assert (counters.unread["other"], counters.warnings["other"]) == (100, 200)
    assert (len(counters.unread), len(counters.warnings)) == labels
