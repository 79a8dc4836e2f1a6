"""What a slot is given, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daemon.core.errors import DaemonError
from daemon.core.options import Recipe
from daemon.core.records import OutputKind, PagesRead, PageText, Stamp


@dataclass(frozen=True, slots=True)
class Task:
    """Pages `first` to `last` (1-based, inclusive) of a claimed file; `seconds` is its deadline.

    `stamp` is the file's when it was claimed: other bytes are not read in its name. `recipe` says
    how it is read: that of its folder's profile.
    """

    claim: str
    path: Path
    first: int
    last: int
    seconds: float
    stamp: Stamp
    recipe: Recipe

    def is_answered_by(self, result: object) -> bool:
        """Tell whether `result` is the pages of this range, of a document that is not too long.

        A worker that went astray may answer anything; what the pages say is judged when their
        answer is held against the schema.
        """
        return (
            isinstance(result, PagesRead)
            and isinstance(result.page_count, int)
            and 1 <= result.page_count <= self.recipe.limits.pages
            and isinstance(result.pages, tuple)
            and all(isinstance(page, PageText) for page in result.pages)
            and [page.number for page in result.pages] == self._numbers(result.page_count)
            and isinstance(result.seconds, dict)
            and all(isinstance(spent, int | float) for spent in result.seconds.values())
        )

    def _numbers(self, page_count: int) -> list[int]:
        return list(range(self.first, min(self.last, page_count) + 1))


@dataclass(frozen=True, slots=True)
class RenderTask:
    """An output of a document that has been read, to be written as `target`.

    `pages` are those that it shows: the one of a picture, all of them otherwise.
    """

    claim: str
    path: Path
    stamp: Stamp
    kind: OutputKind
    pages: tuple[PageText, ...]
    target: Path
    seconds: float
    recipe: Recipe

    def is_answered_by(self, result: object) -> bool:
        """Tell whether `result` says that it was made; whether it was, the file tells."""
        return result is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: pages read, None for what was made, or Rejected, Deferred or Died."""

    task: Task | RenderTask
    result: PagesRead | DaemonError | None


class Engine(Protocol):
    """Where tasks run."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""

    @property
    def free(self) -> int:
        """How many slots wait for a task."""

    def submit(self, task: Task | RenderTask) -> None:
        """Give a task to a free slot."""

    def finished(self) -> list[Outcome]:
        """Return what has ended since the last call."""
