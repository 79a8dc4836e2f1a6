"""The outputs of one document that workers make, on their way through the engine.

Each is a task of its own once the document is read. One whose worker dies is tried once more and
given up then: an answer without a picture is better than none.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.core.errors import DaemonError, Died, Rejected
from daemon.core.options import Recipe
from daemon.core.records import Claim, Document, Failure, MissingOutput, OutputKind
from daemon.core.tasks import Outcome, RenderTask

TRIES = 2
SECONDS_A_PAGE = 1.0  # that a searchable PDF may take for each page, beside those for one reading


@dataclass(slots=True)
class RenderJob:
    """What is wanted, what was made of it, and what could not be made."""

    pending: deque[RenderTask]
    in_flight: int = 0
    given: int = 0
    made: list[RenderTask] = field(default_factory=list)
    missing: list[MissingOutput] = field(default_factory=list)
    _deaths: Counter[Path] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        claim: Claim,
        document: Document,
        kinds: Sequence[OutputKind],
        room: Path,
        recipe: Recipe,
    ) -> RenderJob:
        """Return the tasks that make `kinds` of a document in the folder `room`."""
        read = [page for page in document.pages if page.status != "failed"]
        page_seconds = recipe.limits.page_seconds
        template = RenderTask(
            claim.id, claim.path, claim.stamp, "picture", (), room, page_seconds, recipe
        )
        tasks = []
        if "searchable_pdf" in kinds:
            seconds = page_seconds + SECONDS_A_PAGE * len(document.pages)
            whole = replace(template, kind="searchable_pdf", pages=document.pages, seconds=seconds)
            tasks.append(replace(whole, target=room / "searchable.pdf"))
        if "picture" in kinds:
            tasks += [
                replace(template, pages=(page,), target=room / f"page-{page.number:04d}.png")
                for page in read
            ]
        return cls(deque(tasks))

    @property
    def is_finished(self) -> bool:
        """Whether nothing is pending or in flight."""
        return not self.pending and not self.in_flight

    def next_task(self) -> RenderTask:
        """Return the next output to make."""
        self.in_flight += 1
        self.given += 1
        return self.pending.popleft()

    def put_back(self, render_task: RenderTask) -> None:
        """Queue a task again that the environment spoiled."""
        self.in_flight -= 1
        self.pending.appendleft(render_task)

    def take(self, render_task: RenderTask, outcome: Outcome) -> None:
        """Take in what became of a task."""
        self.in_flight -= 1
        match outcome.result:
            case None:
                self.made.append(render_task)
            case Died() as error:
                self._deaths[render_task.target] += 1
                if self._deaths[render_task.target] < TRIES:
                    self.pending.append(render_task)
                else:
                    self._miss(render_task, error.kind, f"{error} ({TRIES} tries)", error.signal)
            case Rejected(reason=kind, message=message):
                self._miss(render_task, kind, message)
            case DaemonError() as error:
                self._miss(render_task, "environment", str(error))
            case result:
                raise AssertionError(f"the slot lets no {result!r} through")

    def _miss(
        self, render_task: RenderTask, kind: str, why: str, signal: int | None = None
    ) -> None:
        page = render_task.pages[0].number if render_task.kind == "picture" else None
        self.missing.append(
            MissingOutput(render_task.kind, Failure(kind, why, page, signal=signal))
        )
