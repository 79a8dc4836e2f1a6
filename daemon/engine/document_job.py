"""The reading of one document as a series of tasks: count, read ranges, isolate poison pages.

A worker's death costs an attempt. A range over which a worker died is tried again page by page; a
page over which `attempts` workers died is marked as failed and the others are published without it.
A page that runs out of time is tried once more, with more time and at a lower resolution, unless
the file is too small to be worth it (`SECONDS_PER_KILOBYTE`).
Each task opens the file. One that is slow to open (a damaged PDF of 2 000 pages takes 0.3 s
each time) is read in longer ranges, so that a page of it costs what a page of a short one does.
A document that has ended the daemon itself `attempts` times is read page by page with one attempt
for each page, and given up after that.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, isfinite

from daemon.core import document_fields
from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.options import Recipe
from daemon.core.page_selection import PageSelection
from daemon.core.records import (
    Claim,
    Document,
    DocumentField,
    DocumentWarning,
    Failure,
    PageCount,
    PagesRead,
    PageText,
    Status,
)
from daemon.core.tasks import CountPages, Outcome, ReadPages
from daemon.engine.page_store import PageStore

MORE_TIME = 2.0  # times `limits.page_seconds`, for the second try of a page that ran out of time
# Seconds of running out of time for each kilobyte of a file, above which it is not tried again.
# Real scans take 0.02 to 0.1 s a kilobyte, a PDF whose patterns draw each other 11 to 50.
SECONDS_PER_KILOBYTE = 10.0
MAX_LATE_PAGES = 3  # pages of such a file that run out of time before the others are not tried
OPENING_SECONDS_PER_PAGE = 0.02  # of wall time that opening may add to a page; reading takes more
MAX_PAGES_PER_TASK = 16  # of a file that is slow to open: a page that hangs costs the time of all
MAX_REASONS = 5  # different reasons that the sentence about a document gives

_EXPORT_AGAIN = "export it again, or print it to a new PDF: more time hardly helps"
_REMEDIES = {
    "timeout": (
        "scan or export it at a lower resolution, print it to a new PDF, "
        "or raise limits.page_seconds"
    ),
    "memory": "raise worker_max_megabytes, run fewer workers, or scan it at a lower resolution",
    "killed": "export or scan it again, and report the file if a viewer can show it",
    "crashed": "export or scan it again, and report the file if a viewer can show it",
}


@dataclass(slots=True)
class DocumentJob:
    """The reading of one claimed document; `attempt` is the ledger's number, set by the owner.

    `pages` are those to be read, None for all.
    """

    claim: Claim
    attempts: int
    recipe: Recipe
    pages_per_task: int
    pages: PageSelection | None = None
    attempt: int = 0
    in_flight: int = 0
    tasks_submitted: int = 0
    _pending: deque[CountPages | ReadPages] = field(default_factory=deque)
    _deaths: Counter[tuple[int, int]] = field(default_factory=Counter)
    _overtime: float = 0.0
    _page_count: int = 0
    _pages: PageStore = field(default_factory=PageStore)
    _seconds: Counter[str] = field(default_factory=Counter)
    _warnings: dict[DocumentWarning, None] = field(default_factory=dict)
    _media_type: str | None = None
    _precision: str | None = None
    _failure: Failure | None = None
    _given_up: bool = False

    def __post_init__(self) -> None:
        claim, recipe = self.claim, self.recipe
        count = CountPages(claim.id, claim.path, claim.stamp, recipe.limits.page_seconds, recipe)
        self._pending.append(count)

    def begin(self, starts: int, attempt: int) -> None:
        """Begin with the ledger's counts, this start included.

        A document that was started before and not finished may have ended the daemon.
        """
        self.attempt = attempt
        if starts > self.attempts + 1:
            self.give_up(Died("killed", f"reading it has ended the daemon {starts - 1} times"))
        elif starts > self.attempts:
            self.pages_per_task = self.attempts = 1

    @property
    def has_pending(self) -> bool:
        """Whether a task waits for a slot."""
        return bool(self._pending)

    @property
    def page_count(self) -> int:
        """The number of its pages; 0 until they have been counted."""
        return self._page_count

    @property
    def pages_read(self) -> int:
        """How many of its pages have been read."""
        return len(self._pages)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is pending or in flight."""
        return not self._pending and not self.in_flight

    def next_task(self) -> CountPages | ReadPages:
        """Return the next task."""
        self.in_flight += 1
        self.tasks_submitted += 1
        return self._pending.popleft()

    def put_back(self, task: CountPages | ReadPages) -> None:
        """Queue a task again that failed because of the environment."""
        self.in_flight -= 1
        if not self._given_up:
            self._pending.appendleft(task)

    def add_outcome(self, outcome: Outcome) -> bool:
        """Add what became of a task; return whether it is tried again at the cost of an attempt."""
        self.in_flight -= 1
        if self._given_up:
            return False
        match outcome.task, outcome.result:
            case CountPages(), PageCount() as count:
                self._media_type = count.media_type
                self._seconds.update(count.seconds)
                self._page_count = count.page_count
                self._add_ranges(count)
            case ReadPages() as task, PagesRead() as read:
                self._media_type = read.media_type
                self._seconds.update(read.seconds)
                self._precision = read.precision
                self._page_count = read.page_count
                self._warnings.update(dict.fromkeys(read.warnings))
                self._add_pages(task, read)
            case _, Rejected() as error:
                self.give_up(error)
            case (CountPages() | ReadPages()) as task, Died() as error:
                return self._retry(task, error)
            case _, result:
                raise AssertionError(f"the owner of a job handles {result!r}")
        return False

    def give_up(self, error: DaemonError) -> None:
        """End the job with nothing read, whatever is still in flight."""
        self._given_up = True
        self._pending.clear()
        self._pages.clear()
        match error:
            case Rejected(reason=kind, message=message):
                self._failure = Failure(kind, message, attempt=self.attempt)
            case Died(kind=kind, message=message, signal=signal):
                self._failure = Failure(kind, message, attempt=self.attempt, signal=signal)
            case _:
                self._failure = Failure("environment", str(error), attempt=self.attempt)

    def document(self) -> Document:
        """Return the document made of the pages read so far."""
        pages, failures = self._pages.pages(), self._pages.failures
        if self._failure is None:
            self._failure = _failure_of(failures)
        return Document(
            status=_status(pages, self._failure),
            media_type=self._media_type,
            pages=pages,
            seconds=dict(self._seconds),
            attempt=self.attempt,
            failure=self._failure,
            precision=self._precision,
            warnings=tuple(self._warnings),
            fields=self._fields(pages),
        )

    def _fields(self, pages: Sequence[PageText]) -> tuple[DocumentField, ...]:
        rules = self.recipe.fields
        return document_fields.of_document(pages, rules) if rules and pages else ()

    def _add_ranges(self, count: PageCount) -> None:
        """Queue the pages to be read of a document that has been counted."""
        step, last = self._pages_per_task_after(count), count.page_count
        ranges = [(1, last)] if self.pages is None else self.pages.within(last)
        for first, last in ranges:
            self._pending.extend(self._ranges(first, last, step))
        if not ranges:
            has = "1 page" if count.page_count == 1 else f"{count.page_count} pages"
            message = f"it has {has}, and pages {self.pages} were requested; request others"
            self.give_up(Rejected("no_such_page", message))

    def _add_pages(self, task: ReadPages, read: PagesRead) -> None:
        """Keep the pages of a task; a document with too much text is given up."""
        try:
            for page in read.pages:
                self._pages.add(self._noted(task, page))
        except Rejected as error:
            self.give_up(error)

    def _pages_per_task_after(self, count: PageCount) -> int:
        """Return how many pages a task reads of a file that took so long to open."""
        opening = count.seconds.get("decode", 0.0)
        if self.pages_per_task == 1 or not isinstance(opening, float) or not isfinite(opening):
            return self.pages_per_task  # a page at a time, or a worker that was taken over
        wanted = ceil(min(opening, 1.0) / OPENING_SECONDS_PER_PAGE)
        return max(self.pages_per_task, min(MAX_PAGES_PER_TASK, wanted))

    def _ranges(self, first: int, last: int, step: int) -> list[ReadPages]:
        claim, recipe = self.claim, self.recipe
        ranges = [(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]
        return [
            ReadPages(
                claim.id, claim.path, claim.stamp,
                (end - start + 1) * recipe.limits.page_seconds, recipe, start, end,
            )
            for start, end in ranges
        ]  # fmt: skip

    def _retry(self, task: CountPages | ReadPages, error: Died) -> bool:
        """Queue a task again over which a worker died; False where its attempts are used up."""
        pages = _pages_of(task)
        self._deaths[pages] += 1
        if error.kind == "timeout":
            self._overtime += task.seconds
        if isinstance(task, ReadPages) and task.last > task.first:
            alone = self._ranges(task.first, task.last, 1)
            if self._is_too_slow_for_its_size:  # before other ranges cost as much
                self._pending.extendleft(reversed(alone))
            else:
                self._pending.extend(alone)
            return True
        again = self._next_try(task, error)
        if again is not None:
            self._pending.append(again)
            return True
        failure = Died(error.kind, self._message(task, error), error.signal)
        if isinstance(task, ReadPages):
            self._mark_failed(task, failure)
            self._abandon_rest_of_bomb()
        else:
            self.give_up(failure)
        return False

    def _next_try(self, task: CountPages | ReadPages, error: Died) -> CountPages | ReadPages | None:
        """Return the task as it is tried again, None where that is not worth it."""
        if self._deaths[_pages_of(task)] >= self.attempts:
            return None
        if error.kind != "timeout":
            return task
        page_seconds = self.recipe.limits.page_seconds
        if self._is_too_slow_for_its_size or task.seconds > page_seconds:
            return None
        recipe = _at_lower_resolution(task.recipe)
        return replace(task, seconds=page_seconds * MORE_TIME, recipe=recipe)

    @property
    def _is_too_slow_for_its_size(self) -> bool:
        """Whether tasks have run out of more time than a file of this size deserves."""
        return self._overtime > SECONDS_PER_KILOBYTE * self.claim.stamp.size / 1000

    def _abandon_rest_of_bomb(self) -> None:
        """Do not try the other pages of a small file of which several ran out of time."""
        late = [n for n, failure in self._pages.failures.items() if _is_timeout(failure)]
        if len(late) < MAX_LATE_PAGES or not self._is_too_slow_for_its_size:
            return
        message = f"not tried, since {_page_list(sorted(late))} took too long; {_EXPORT_AGAIN}"
        failure = Died("timeout", message)
        while self._pending:
            task = self._pending.popleft()
            assert isinstance(task, ReadPages), "the pages are counted before any is read"
            for page in self._ranges(task.first, min(task.last, self._page_count), 1):
                self._mark_failed(page, failure)

    def _message(self, task: CountPages | ReadPages, error: Died) -> str:
        """Return what became of all tries, and what to do."""
        tries = self._deaths[_pages_of(task)]
        size = self.claim.stamp.size / 1000
        if error.kind != "timeout":
            remedy = _REMEDIES.get(error.kind)
            return f"{error.message} ({tries} tries){f'; {remedy}' if remedy else ''}"
        if task.seconds > self.recipe.limits.page_seconds:
            how = ", at half of the resolution" if isinstance(task, ReadPages) else ""
            first = f"the first one had {self.recipe.limits.page_seconds:g} s"
            tried = f"{error.message} (second try{how}; {first})"
        elif self._is_too_slow_for_its_size:
            tried = f"{error.message}; it is not tried again, since the file has {size:.1f} kB"
            return f"{tried}; {_EXPORT_AGAIN}"
        else:
            tried = f"{error.message} ({tries} tries)" if tries > 1 else error.message
        return f"{tried}; {_REMEDIES['timeout']}"

    def _mark_failed(self, task: ReadPages, error: Died) -> None:
        failure = Failure(error.kind, error.message, task.first, self.attempt, error.signal)
        self._pages.add(PageText.not_read(task.first, failure))

    def _noted(self, task: ReadPages, page: PageText) -> PageText:
        """Return a page with a warning where it was read at a lower resolution."""
        if task.recipe == self.recipe or page.status == "failed":
            return page
        seconds = self.recipe.limits.page_seconds
        message = (
            f"it took more than {seconds:g} s of processor time, and was then read at half of the "
            "resolution: small print may be missing; raise limits.page_seconds to read it in full"
        )
        warning = DocumentWarning("reduced_resolution", message, page.number)
        return replace(page, warnings=(*page.warnings, warning))


def _pages_of(task: CountPages | ReadPages) -> tuple[int, int]:
    """Return the range of a task, which its tries share; that of counting is (0, 0)."""
    return (task.first, task.last) if isinstance(task, ReadPages) else (0, 0)


def _at_lower_resolution(recipe: Recipe) -> Recipe:
    """Return a recipe with half of the resolution: a quarter of the pixels."""
    rendering, preprocessing = recipe.rendering, recipe.preprocessing
    return replace(
        recipe,
        rendering=replace(rendering, dpi=rendering.dpi // 2, min_dpi=rendering.min_dpi // 2),
        preprocessing=replace(preprocessing, max_side=preprocessing.max_side // 2),
    )


def _is_timeout(failure: Failure) -> bool:
    return failure.kind == "timeout"


def _page_list(numbers: Sequence[int]) -> str:
    """Return `page 2`, or `pages 2 to 4, 7 and 8`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = []
    for run in runs:
        parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else list(map(str, run))
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"page{'s' * (len(numbers) > 1)} {listed}"


def _failure_of(failures: Mapping[int, Failure]) -> Failure | None:
    """Return the failure of the first page that has one, with a sentence about all such pages."""
    if not failures:
        return None
    numbers: dict[str, list[int]] = {}
    for number in sorted(failures):
        numbers.setdefault(failures[number].message, []).append(number)
    first = min(failures)
    parts = [f"{_page_list(each)}: {message}" for message, each in numbers.items()]
    shown, hidden = parts[:MAX_REASONS], list(numbers.values())[MAX_REASONS:]
    if hidden:
        others = _page_list(sorted(number for each in hidden for number in each))
        shown.append(f"{others}: see `error` of these pages")
    return replace(failures[first], message="; ".join(shown), page=first)


def _status(pages: Sequence[PageText], failure: Failure | None) -> Status:
    if failure is None:
        return "done"
    return "partial" if any(page.status != "failed" for page in pages) else "failed"
