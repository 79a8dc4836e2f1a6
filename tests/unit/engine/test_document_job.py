"""One document's way through the engine, with outcomes made up by the test."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.errors import Died, Rejected
from daemon.core.options import Limits, Recipe
from daemon.core.records import (
    Claim,
    DocumentWarning,
    Failure,
    PageCount,
    PagesRead,
    PageText,
    Stamp,
)
from daemon.core.tasks import CountPages, Outcome, ReadPages
from daemon.engine.document_job import DocumentJob
from tests.support.running_daemon import SHIPPED

CLAIM = Claim("t1", "scan.pdf", Path("/claimed/scan.pdf"), Stamp(1, 2, 3), "ab" * 32)
Task = CountPages | ReadPages
RECIPE = Recipe(weights=SHIPPED, limits=Limits(page_seconds=10.0))
KILLED = Died("killed", "the worker process was ended by signal 9", 9)


def job(attempts: int = 3, starts: int = 1) -> DocumentJob:
    made = DocumentJob(CLAIM, attempts=attempts, recipe=RECIPE, pages_per_task=4)
    made.begin(starts, starts)
    return made


def page(number: int, error: str | None = None) -> PageText:
    return PageText(
        number=number, width=10, height=10, dpi=None, rotation=0, skew=0.0, text_source="ocr",
        status="failed" if error else "done", text=f"page {number}", confidence=None, blocks=(),
        failure=Failure("corrupt", error) if error else None,
    )  # fmt: skip


COUNTED = (0, 0)


def pages_of(task: Task) -> tuple[int, int]:
    return (task.first, task.last) if isinstance(task, ReadPages) else COUNTED


def read(task: Task, total: int, errors: dict[int, str] | None = None) -> PageCount | PagesRead:
    if isinstance(task, CountPages):
        return PageCount("application/pdf", total, {"decode": 1.0})
    numbers = range(task.first, min(task.last, total) + 1)
    pages = tuple(page(number, (errors or {}).get(number)) for number in numbers)
    return PagesRead("application/pdf", total, pages, {"decode": 1.0})


Worker = Callable[[Task], PageCount | PagesRead | Rejected | Died]


def work_off(made: DocumentJob, worker: Worker, limit: int = 500) -> Counter[tuple[int, int]]:
    """Run every task until nothing is pending; return how often each range was tried."""
    tried: Counter[tuple[int, int]] = Counter()
    while made.has_pending:
        task = made.next_task()
        tried[pages_of(task)] += 1
        assert tried.total() < limit, "the job never ends"
        made.add_outcome(Outcome(task, worker(task)))
    assert made.is_finished
    return tried


@pytest.mark.parametrize("total", [1, 3, 4, 5, 9])
def test_every_page_is_read_once_and_comes_in_order(total: int) -> None:
    made = job()

    work_off(made, lambda task: read(task, total))

    document = made.document()
    assert [page.number for page in document.pages] == list(range(1, total + 1))
    assert (document.status, document.failure) == ("done", None)


def test_a_range_has_a_deadline_for_each_of_its_pages() -> None:
    made = job()
    counting = made.next_task()
    made.add_outcome(Outcome(counting, read(counting, 6)))

    tasks = [made.next_task() for _ in range(2)]

    assert [(t.first, t.last, t.seconds) for t in tasks] == [(1, 4, 40.0), (5, 6, 20.0)]


@pytest.mark.parametrize("poison", [{1}, {3}, {5}, {2, 9}, {1, 2, 3, 4, 5, 6, 7, 8}])
def test_pages_that_kill_are_isolated_and_the_rest_is_partial(poison: set[int]) -> None:
    made = job(attempts=3)

    def worker(task: Task) -> PageCount | PagesRead | Died:
        first, last = pages_of(task)
        return KILLED if poison & set(range(first, last + 1)) else read(task, 9)

    tried = work_off(made, worker)

    document = made.document()
    assert document.status == "partial"
    assert {page.number for page in document.pages if page.status == "failed"} == poison
    assert all(tried[number, number] == 3 for number in poison)
    assert document.failure is not None
    assert (document.failure.kind, document.failure.signal) == ("killed", 9)
    assert document.failure.page in poison


def test_a_document_of_nothing_but_poison_has_failed() -> None:
    made = job()

    work_off(made, lambda task: KILLED if isinstance(task, ReadPages) else read(task, 2))

    assert made.document().status == "failed"


def test_a_document_that_kills_when_opened_is_given_up_after_the_attempts() -> None:
    made = job(attempts=3)

    tried = work_off(made, lambda task: KILLED)

    assert tried == {COUNTED: 3}
    assert made.document().status == "failed"


def test_a_death_once_costs_nothing_but_a_try() -> None:
    made = job()
    deaths = iter([KILLED])

    work_off(made, lambda task: next(deaths, None) or read(task, 3))

    assert made.document().status == "done"


def test_a_rejected_document_says_why() -> None:
    made = job()

    work_off(made, lambda task: Rejected("encrypted", "The PDF needs a password."))

    document = made.document()
    assert document.status == "failed"
    assert document.failure is not None
    assert (document.failure.kind, document.failure.message) == (
        "encrypted",
        "The PDF needs a password.",
    )


def test_a_page_that_cannot_be_read_makes_the_document_partial() -> None:
    made = job()

    work_off(made, lambda task: read(task, 3, {2: "The image is damaged."}))

    document = made.document()
    assert document.status == "partial"
    assert document.failure is not None
    assert document.failure == Failure("corrupt", "page 2: The image is damaged.", page=2)


def test_a_warning_on_the_whole_document_is_told_once_although_every_task_reports_it() -> None:
    attached = DocumentWarning("attachments_not_read", "2 files are attached")
    made = job()

    work_off(
        made,
        lambda task: (
            replace(found, warnings=(attached,))
            if isinstance(found := read(task, 9), PagesRead)
            else found
        ),
    )

    assert made.document().warnings == (attached,)


def test_a_document_that_ended_the_daemon_is_read_page_by_page_with_one_try_each() -> None:
    made = job(attempts=3, starts=4)

    tried = work_off(made, lambda task: KILLED if pages_of(task)[0] == 2 else read(task, 3))

    assert tried == {COUNTED: 1, (1, 1): 1, (2, 2): 1, (3, 3): 1}
    assert made.document().status == "partial"


def test_a_document_that_ended_the_daemon_even_so_is_given_up_unread() -> None:
    made = job(attempts=3, starts=5)

    assert made.is_finished
    assert made.document().status == "failed"


def test_what_comes_in_after_giving_up_changes_nothing() -> None:
    made = job()
    counting = made.next_task()
    made.add_outcome(Outcome(counting, read(counting, 8)))
    first, second = made.next_task(), made.next_task()

    made.add_outcome(Outcome(first, Rejected("corrupt", "It is broken.")))
    made.add_outcome(Outcome(second, read(second, 8)))

    assert made.is_finished
    assert made.document().pages == ()
