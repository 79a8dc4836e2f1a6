"""One document's way through the engine: count, read ranges, isolate what kills, add up.

A death costs an attempt. A range that dies is tried again page by page; a page that has died
`attempts` times is marked and the others are published without it. A document that has ended the
daemon itself `attempts` times is read page by page with one try for each, and given up after that.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace

from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.options import Recipe
from daemon.core.records import Claim, Document, Failure, PagesRead, PageText, Status
from daemon.core.tasks import Outcome, Task

COUNT_ONLY = (1, 0)


@dataclass(slots=True)
class DocumentJob:
    """The state of one document in work; `attempt` is the ledger's number, set by the owner."""

    claim: Claim
    attempts: int
    recipe: Recipe
    pages_per_task: int
    attempt: int = 0
    in_flight: int = 0
    tasks_given: int = 0
    _pending: deque[tuple[int, int]] = field(default_factory=lambda: deque([COUNT_ONLY]))
    _deaths: Counter[tuple[int, int]] = field(default_factory=Counter)
    _pages: dict[int, PageText] = field(default_factory=dict)
    _seconds: Counter[str] = field(default_factory=Counter)
    _media_type: str | None = None
    _precision: str | None = None
    _failure: Failure | None = None
    _given_up: bool = False

    def begin(self, starts: int, attempt: int) -> None:
        """Begin with the ledger's counts, this start included.

        A document that was started before and not ended has, for all we know, ended the daemon.
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
    def is_finished(self) -> bool:
        """Whether nothing is pending or in flight."""
        return not self._pending and not self.in_flight

    def next_task(self) -> Task:
        """Return the next range to read."""
        first, last = self._pending.popleft()
        self.in_flight += 1
        self.tasks_given += 1
        seconds = max(1, last - first + 1) * self.recipe.limits.page_seconds
        claim = self.claim
        return Task(claim.id, claim.path, first, last, seconds, claim.stamp, self.recipe)

    def put_back(self, task: Task) -> None:
        """Queue a task again that the environment spoiled."""
        self.in_flight -= 1
        if not self._given_up:
            self._pending.appendleft((task.first, task.last))

    def take(self, outcome: Outcome) -> bool:
        """Take in what became of a task; return whether it must be tried again at a cost."""
        self.in_flight -= 1
        if self._given_up:
            return False
        match outcome.result:
            case PagesRead() as read if isinstance(outcome.task, Task):
                self._add(read, outcome.task)
            case Rejected() as error:
                self.give_up(error)
            case Died() as error if isinstance(outcome.task, Task):
                return self._died(outcome.task, error)
            case error:
                raise AssertionError(f"the owner deals with {error!r}")
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
        """Add the pages up."""
        pages = tuple(self._pages[number] for number in sorted(self._pages))
        if self._failure is None:
            self._failure = _first_failure(pages)
        return Document(
            status=_status(pages, self._failure),
            media_type=self._media_type,
            pages=pages,
            seconds=dict(self._seconds),
            attempt=self.attempt,
            failure=self._failure,
            precision=self._precision,
        )

    def _add(self, read: PagesRead, task: Task) -> None:
        self._media_type = read.media_type
        self._seconds.update(read.seconds)
        self._precision = read.precision
        self._pages.update({page.number: page for page in read.pages})
        if (task.first, task.last) == COUNT_ONLY:
            self._pending.extend(_ranges(1, read.page_count, self.pages_per_task))

    def _died(self, task: Task, error: Died) -> bool:
        key = (task.first, task.last)
        self._deaths[key] += 1
        if task.last > task.first:
            self._pending.extend(_ranges(task.first, task.last, 1))
        elif self._deaths[key] < self.attempts:
            self._pending.append(key)
        elif key == COUNT_ONLY:
            self.give_up(error)
            return False
        else:
            self._mark(task.first, error)
            return False
        return True

    def _mark(self, number: int, error: Died) -> None:
        tries = self._deaths[number, number]
        failure = Failure(
            error.kind, f"{error.message} ({tries} tries)", number, self.attempt, error.signal
        )
        self._pages[number] = PageText.unread(number, failure)


def _ranges(first: int, last: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]


def _first_failure(pages: tuple[PageText, ...]) -> Failure | None:
    """Return what is wrong with the first page that is not whole, saying which page it is."""
    for page in pages:
        if page.failure is not None:
            message = f"page {page.number}: {page.failure.message}"
            return replace(page.failure, message=message, page=page.number)
    return None


def _status(pages: tuple[PageText, ...], failure: Failure | None) -> Status:
    if failure is None:
        return "done"
    return "partial" if any(page.status != "failed" for page in pages) else "failed"
