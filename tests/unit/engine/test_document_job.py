"""One document's way through the engine, with outcomes made up by the test."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.errors import Died, Rejected
from daemon.core.options import Limits, Recipe
from daemon.core.page_selection import PageSelection
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
from daemon.ocr import pages
from tests.support.running_daemon import SHIPPED
from tests.support.samples import pdf_of_images, text_page


def claim_of(kilobytes: float) -> Claim:
    stamp = Stamp(round(kilobytes * 1000), 1, 2)
    return Claim("t1", "scan.pdf", Path("/claimed/scan.pdf"), stamp, "ab" * 32)


CLAIM = claim_of(500)
Task = CountPages | ReadPages
RECIPE = Recipe(weights=SHIPPED, limits=Limits(page_seconds=10.0))
KILLED = Died("killed", "the worker process was ended by signal 9", 9)
LATE = Died("timeout", "took more than 10 s of processor time")


def job(attempts: int = 3, starts: int = 1, claim: Claim = CLAIM) -> DocumentJob:
    made = DocumentJob(claim, attempts=attempts, recipe=RECIPE, pages_per_task=4)
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
        return PageCount("application/pdf", total, {"decode": 0.01})
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


@pytest.mark.parametrize(
    ("opening", "pages_per_task"),
    [(0.0, 4), (0.08, 4), (0.1, 5), (0.3, 15), (60.0, 16), (float("nan"), 4), ("1", 4)],
)
def test_a_file_that_is_slow_to_open_is_read_in_longer_ranges_within_bounds(
    opening: float, pages_per_task: int
) -> None:
    """A worker that was taken over may answer anything."""
    made = job()
    counting = made.next_task()
    made.add_outcome(Outcome(counting, PageCount("application/pdf", 100, {"decode": opening})))

    task = made.next_task()

    assert isinstance(task, ReadPages)
    assert (task.first, task.last) == (1, pages_per_task)


def test_a_file_that_is_slow_to_open_is_read_page_by_page_after_it_ended_the_daemon() -> None:
    made = job(starts=4)
    counting = made.next_task()
    made.add_outcome(Outcome(counting, PageCount("application/pdf", 100, {"decode": 1.0})))

    task = made.next_task()

    assert pages_of(task) == (1, 1)


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


# --- pages that run out of time -----------------------------------------------------------------


def tasks_of(made: DocumentJob, worker: Worker) -> list[ReadPages]:
    """Run every task, and return those that read."""
    seen: list[ReadPages] = []

    def watched(task: Task) -> PageCount | PagesRead | Rejected | Died:
        if isinstance(task, ReadPages):
            seen.append(task)
        return worker(task)

    work_off(made, watched)
    return seen


def late(*numbers: int, total: int = 1) -> Worker:
    """A worker that runs out of time on some pages, however often it tries."""

    def worker(task: Task) -> PageCount | PagesRead | Died:
        first, last = pages_of(task)
        return LATE if set(numbers) & set(range(first, last + 1)) else read(task, total)

    return worker


def test_a_page_that_runs_out_of_time_is_tried_once_more_with_more_time_and_fewer_pixels() -> None:
    first, second = tasks_of(job(), late(1))

    assert (first.seconds, second.seconds) == (10.0, 20.0)
    assert first.recipe == RECIPE
    assert (second.recipe.rendering.dpi, second.recipe.rendering.min_dpi) == (150, 100)
    assert second.recipe.preprocessing.max_side == RECIPE.preprocessing.max_side // 2
    assert second.recipe.weights == RECIPE.weights


def test_a_pdf_page_has_half_of_the_resolution_at_the_second_try(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf_of_images([text_page(["Small print"], width=2480, height=3508)], dpi=300))
    shapes = []
    for task in tasks_of(job(), late(1)):
        recipe = task.recipe
        with pages.open_document(path, recipe.limits, recipe.rendering) as source:
            page = source.page(1)
        shapes.append((page.width, page.height, round(page.dpi or 0)))

    (first, second) = shapes
    assert first == (2480, 3508, 300)
    assert second == pytest.approx((1240, 1754, 150), abs=2)


def test_a_page_that_the_second_try_reads_says_that_it_has_fewer_pixels() -> None:
    made = job()
    results = iter([LATE])

    tasks_of(made, lambda t: read(t, 1) if isinstance(t, CountPages) else next(results, read(t, 1)))

    document = made.document()
    (warning,) = document.pages[0].warnings
    assert document.status == "done"
    assert (warning.kind, warning.page) == ("reduced_resolution", 1)
    assert "limits.page_seconds" in warning.message


def test_pages_that_are_read_at_the_first_try_have_no_such_warning() -> None:
    made = job()

    work_off(made, lambda task: read(task, 6))

    assert [page.warnings for page in made.document().pages] == [()] * 6


def test_running_out_of_time_in_a_range_is_no_try_of_its_pages() -> None:
    tried = [(t.first, t.last, t.seconds) for t in tasks_of(job(), late(2, total=3))]

    alone = [(1, 1, 10.0), (2, 2, 10.0), (3, 3, 10.0)]
    assert tried == [(1, 3, 30.0), *alone, (2, 2, 20.0)]


def test_a_second_try_that_dies_of_something_else_is_tried_again_as_it_was() -> None:
    made = job()
    ends = iter([LATE, KILLED])

    tasks = tasks_of(made, lambda t: next(ends, None) or read(t, 1) if isinstance(t, ReadPages)
                     else read(t, 1))  # fmt: skip

    assert [task.seconds for task in tasks] == [10.0, 20.0, 20.0]
    assert made.document().status == "done"


@pytest.mark.parametrize(("kilobytes", "tries"), [(0.1, 1), (0.9, 1), (1.1, 2), (8, 2), (9000, 2)])
def test_a_file_that_costs_more_than_ten_seconds_a_kilobyte_is_tried_once(
    kilobytes: float, tries: int
) -> None:
    made = job(claim=claim_of(kilobytes))

    tasks = tasks_of(made, late(1))

    failure = made.document().failure
    assert len(tasks) == tries
    assert failure is not None
    assert ("not tried again" in failure.message) == (tries == 1)


def test_a_small_file_that_cannot_be_opened_in_time_is_opened_once() -> None:
    small, large = job(claim=claim_of(0.5)), job()

    assert work_off(small, lambda _: LATE) == {COUNTED: 1}
    assert work_off(large, lambda _: LATE) == {COUNTED: 2}
    assert [made.document().status for made in (small, large)] == ["failed", "failed"]


def test_a_small_file_of_many_pages_without_end_is_given_up_after_three() -> None:
    made = job(claim=claim_of(5))

    tasks = tasks_of(made, late(*range(1, 2001), total=2000))

    document = made.document()
    assert [(t.first, t.last) for t in tasks] == [(1, 4), (5, 8), (5, 5), (6, 6), (7, 7)]
    assert len(document.pages) == 2000
    assert document.failure is not None
    assert "not tried, since pages 5 to 7 took too long" in document.failure.message


# --- the sentence about a document --------------------------------------------------------------


def sentence(total: int, ends: dict[int, Died], claim: Claim = CLAIM) -> str:
    """Return the message of a document of which some pages always end in the given way."""
    made = job(claim=claim)

    def worker(task: Task) -> PageCount | PagesRead | Died:
        first, last = pages_of(task)
        return next((ends[n] for n in range(first, last + 1) if n in ends), read(task, total))

    work_off(made, worker)
    failure = made.document().failure
    assert failure is not None
    assert failure.page == min(ends)
    return failure.message


def test_the_sentence_names_all_pages_that_failed_and_the_remedy() -> None:
    said = sentence(12, dict.fromkeys((2, 5, 6, 7, 11, 12), LATE))

    assert said.startswith("pages 2, 5 to 7, 11 and 12: took more than 10 s of processor time")
    assert said.count("limits.page_seconds") == 1
    assert "second try, at half of the resolution; the first one had 10 s" in said


def test_pages_that_failed_for_different_reasons_are_named_with_each() -> None:
    memory = Died("memory", "needed more than 900 MB of memory and was stopped", 9)

    said = sentence(9, {2: KILLED, 4: memory, 9: KILLED})

    killed, starved = said.split("; page 4: ")
    assert killed.startswith("pages 2 and 9: the worker process was ended by signal 9 (3 tries)")
    assert "worker_max_megabytes" in starved
    assert "page_seconds" not in said


def test_the_sentence_of_a_tiny_file_does_not_ask_for_more_time() -> None:
    said = sentence(1, {1: LATE}, claim_of(0.8))

    assert "the file has 0.8 kB" in said
    assert "raise limits.page_seconds" not in said


def test_many_reasons_end_with_where_to_find_the_others() -> None:
    ends = {n: Died("crashed", f"reading it ended in error {n}") for n in range(1, 10)}

    said = sentence(9, ends)

    assert "error 5" in said
    assert "error 6" not in said
    assert said.endswith("pages 6 to 9: see `error` of these pages")


def selected(pages: str, total: int) -> tuple[DocumentJob, Counter[tuple[int, int]]]:
    made = DocumentJob(CLAIM, 3, RECIPE, 4, PageSelection.parse(pages))
    made.begin(1, 1)
    return made, work_off(made, lambda task: read(task, total))


def test_only_the_selected_pages_are_read() -> None:
    made, tried = selected("2-3,9,11-", 12)

    assert list(tried) == [COUNTED, (2, 3), (9, 9), (11, 12)]
    assert [page.number for page in made.document().pages] == [2, 3, 9, 11, 12]
    assert made.document().status == "done"


def test_a_long_selected_range_is_several_tasks() -> None:
    _, tried = selected("2-10", 20)

    assert list(tried) == [COUNTED, (2, 5), (6, 9), (10, 10)]


def test_a_selection_beyond_the_document_is_a_failure() -> None:
    made, _ = selected("5-", 4)

    document = made.document()
    assert (document.status, document.failure and document.failure.kind) == (
        "failed",
        "no_such_page",
    )
    assert "4 pages" in str(document.failure)
