"""What a slot is given, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daemon.errors import DaemonError
from daemon.records import PagesRead, PageText, Stamp


@dataclass(frozen=True, slots=True)
class Task:
    """Pages `first` to `last` (1-based, inclusive) of a claimed file; `seconds` is its deadline.

    `stamp` is the file's when it was claimed: other bytes are not read in its name.
    """

    claim: str
    path: Path
    first: int
    last: int
    seconds: float
    stamp: Stamp

    def is_answered_by(self, result: object, most_pages: int) -> bool:
        """Tell whether `result` is the pages of this range, of a document of at most `most_pages`.

        A worker that went astray may answer anything; what the pages say is judged when their
        answer is held against the schema.
        """
        return (
            isinstance(result, PagesRead)
            and isinstance(result.page_count, int)
            and 1 <= result.page_count <= most_pages
            and isinstance(result.pages, tuple)
            and all(isinstance(page, PageText) for page in result.pages)
            and [page.number for page in result.pages] == self._numbers(result.page_count)
            and isinstance(result.seconds, dict)
            and all(isinstance(spent, int | float) for spent in result.seconds.values())
        )

    def _numbers(self, page_count: int) -> list[int]:
        return list(range(self.first, min(self.last, page_count) + 1))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: pages read, or Rejected, Deferred or Died."""

    task: Task
    result: PagesRead | DaemonError


class Engine(Protocol):
    """Where tasks run."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""

    @property
    def free(self) -> int:
        """How many slots wait for a task."""

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""

    def finished(self) -> list[Outcome]:
        """Return what has ended since the last call."""
