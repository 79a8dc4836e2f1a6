"""Tasks for the worker pool and their outcomes.

A worker that a hostile file has taken over may answer anything: `is_answered_by` checks the type
and range of a result. The content of pages is checked when the sidecar is validated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core.errors import DaemonError
from daemon.core.options import Recipe
from daemon.core.records import MAX_CODES, OutputKind, PageCount, PagesRead, PageText, Stamp


@dataclass(frozen=True, slots=True)
class CountPages:
    """Open a claimed file and count its pages within `seconds`.

    `stamp` is that of the file when it was claimed: other bytes are not opened in its name.
    `recipe` is that of its folder's profile.
    """

    claim: str
    path: Path
    stamp: Stamp
    seconds: float
    recipe: Recipe

    def is_answered_by(self, result: object) -> bool:
        """Tell whether `result` is a page count within the limits."""
        return isinstance(result, PageCount) and _is_count(result.page_count, self.recipe)


@dataclass(frozen=True, slots=True)
class ReadPages:
    """Read pages `first` to `last` (1-based, inclusive) of a claimed file within `seconds`.

    `stamp` and `recipe` are as in `CountPages`.
    """

    claim: str
    path: Path
    stamp: Stamp
    seconds: float
    recipe: Recipe
    first: int
    last: int

    def is_answered_by(self, result: object) -> bool:
        """Tell whether `result` holds the pages of this range, of a document within the limits."""
        return (
            isinstance(result, PagesRead)
            and _is_count(result.page_count, self.recipe)
            and isinstance(result.pages, tuple)
            and all(isinstance(page, PageText) for page in result.pages)
            and [page.number for page in result.pages] == self._numbers(result.page_count)
            and all(len(page.codes or ()) <= MAX_CODES for page in result.pages)
            and isinstance(result.seconds, dict)
            and all(isinstance(seconds, int | float) for seconds in result.seconds.values())
        )

    def _numbers(self, page_count: int) -> list[int]:
        return list(range(self.first, min(self.last, page_count) + 1))


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Render an output of a document that has been read into the file `target`.

    `pages` are those that the output shows: one page for a picture, all of them otherwise, or a
    selection, `is_selection`, of which the output has no other pages. `part` is the part of a batch
    that it is an output of.
    """

    claim: str
    path: Path
    stamp: Stamp
    kind: OutputKind
    pages: Sequence[PageText]
    target: Path
    seconds: float
    recipe: Recipe
    is_selection: bool = False
    part: int | None = None

    def is_answered_by(self, result: object) -> bool:
        """Tell whether `result` says that the task is done; whether it is, the file tells."""
        return result is None


Task = CountPages | ReadPages | RenderTask
Result = PageCount | PagesRead | None
"""What a worker returns: pages counted, pages read, or None for a rendered output."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished task and its result, or the Rejected, Deferred or Died that ended it."""

    task: Task
    result: Result | DaemonError


def _is_count(pages: object, recipe: Recipe) -> bool:
    return isinstance(pages, int) and 1 <= pages <= recipe.limits.pages
