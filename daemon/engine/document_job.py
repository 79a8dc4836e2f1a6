"""The reading of one document as a series of tasks: count, read ranges, isolate poison pages.

A worker's death costs an attempt. A range over which a worker died is tried again page by page; a
page over which `attempts` workers died is marked as failed and the others are published without it.
A document that has ended the daemon itself `attempts` times is read page by page with one attempt
for each page, and given up after that.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace

from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.options import Recipe
from daemon.core.records import (
    Claim,
    Document,
    DocumentWarning,
    Failure,
    PageCount,
    PagesRead,
    PageText,
    Status,
)
from daemon.core.tasks import CountPages, Outcome, ReadPages


@dataclass(slots=True)
class DocumentJob:
    """The reading of one claimed document; `attempt` is the ledger's number, set by the owner."""

    claim: Claim
    attempts: int
    recipe: Recipe
    pages_per_task: int
    attempt: int = 0
    in_flight: int = 0
    tasks_submitted: int = 0
    _pending: deque[CountPages | ReadPages] = field(default_factory=deque)
    _deaths: Counter[CountPages | ReadPages] = field(default_factory=Counter)
    _pages: dict[int, PageText] = field(default_factory=dict)
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
                self._pending.extend(self._ranges(1, count.page_count, self.pages_per_task))
            case ReadPages(), PagesRead() as read:
                self._media_type = read.media_type
                self._seconds.update(read.seconds)
                self._precision = read.precision
                self._pages.update({page.number: page for page in read.pages})
                self._warnings.update(dict.fromkeys(read.warnings))
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
            warnings=tuple(self._warnings),
        )

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
        self._deaths[task] += 1
        if isinstance(task, ReadPages) and task.last > task.first:
            self._pending.extend(self._ranges(task.first, task.last, 1))
            return True
        if self._deaths[task] < self.attempts:
            self._pending.append(task)
            return True
        if isinstance(task, ReadPages):
            self._mark_failed(task, error)
        else:
            self.give_up(error)
        return False

    def _mark_failed(self, task: ReadPages, error: Died) -> None:
        message = f"{error.message} ({self._deaths[task]} tries)"
        failure = Failure(error.kind, message, task.first, self.attempt, error.signal)
        self._pages[task.first] = PageText.not_read(task.first, failure)


def _first_failure(pages: tuple[PageText, ...]) -> Failure | None:
    """Return the failure of the first page that has one, with the page's number."""
    for page in pages:
        if page.failure is not None:
            message = f"page {page.number}: {page.failure.message}"
            return replace(page.failure, message=message, page=page.number)
    return None


def _status(pages: tuple[PageText, ...], failure: Failure | None) -> Status:
    if failure is None:
        return "done"
    return "partial" if any(page.status != "failed" for page in pages) else "failed"
