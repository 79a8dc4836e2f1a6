"""Reading a list of files over all slots of an engine, without inbox, ledger or watching."""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core import fs
from daemon.core.errors import Deferred
from daemon.core.records import Claim, Document, Failure, Stamp
from daemon.core.tasks import Outcome, RenderTask
from daemon.core.wakeup import WakeupPipe
from daemon.engine.document_job import DocumentJob
from daemon.engine.local_pool import LocalEngine
from daemon.inbox.queue import natural_path
from daemon.inbox.scan import Scanner
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import sidecar
from daemon.supervisor.outputs import DerivedOutputs
from daemon.supervisor.policy import Policy, utc_now
from daemon.supervisor.render_jobs import RenderJob

# an answer of ours to the same bytes is replaced, so that a command may be repeated
REPLACEABLE = ("done", "partial", "failed")
READ_AHEAD = 4  # documents in work for each slot, so that a long first one does not hold up all


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file and what was read of it; `claim` is None for a file that could not be opened."""

    path: Path
    document: Document
    claim: Claim | None
    started_at: str
    seconds: float


@dataclass(slots=True)
class _Open:
    path: Path
    job: DocumentJob | None
    failure: Failure | None = None
    started_at: str = ""
    began: float = 0.0

    @property
    def is_finished(self) -> bool:
        return self.job is None or self.job.is_finished


def find(paths: Sequence[Path], ignore: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Return the name (relative to what was asked for) and path of each file, folders walked."""
    for path in paths:
        if path.is_dir():
            seen = Scanner(path, ignore, ()).scan()
            # a folder that cannot be listed is handed on, to be told as what cannot be opened
            yield from (
                (name, path / name)
                for name in sorted([*seen.files, *seen.refused], key=natural_path)
            )
        else:
            yield path.name, Path(os.path.realpath(path))  # a link that was named is meant


class BatchReader:
    """Reads a list of files over all slots and yields them in the order given."""

    def __init__(self, engine: LocalEngine, policy: Policy, wakeup: WakeupPipe) -> None:
        self._engine = engine
        self._policy = policy
        self._wakeup = wakeup
        self._open: dict[str, _Open] = {}
        self._render_job: RenderJob | None = None

    def read(self, found: Sequence[tuple[str, Path]]) -> Iterator[FileResult]:
        """Read every file once, whatever becomes of the others."""
        waiting = deque(found)
        while waiting or self._open:
            self._feed(waiting)
            self._collect()
            self._feed(waiting)
            while self._open and (first := next(iter(self._open.values()))).is_finished:
                del self._open[next(iter(self._open))]
                yield self._reading(first)
            if self._engine.free < self._engine.slots:
                self._wakeup.wait(1.0)

    def publish(self, reading: FileResult, outbox: Outbox, outputs: DerivedOutputs) -> Path | None:
        """Write the sidecar of a reading and its outputs, None for a file that cannot be opened."""
        claim, document = reading.claim, reading.document
        if claim is None:
            return None
        by = self._policy.provenance(document, reading.started_at, reading.seconds)
        render_job = outputs.render_job(claim, document, self._policy)
        self._make(render_job)
        with outputs.drafted(claim, document, self._policy, render_job) as drafted:
            place = outbox.place_for(claim.name, claim.sha256, drafted.endings)
            content = sidecar(claim, document, by, drafted.outputs_at(place), drafted.missing)
            outbox.publish(place, content, claim, lambda: True, drafted.drafts)
        outputs.forget(claim)
        return outbox.folder / place

    def _make(self, render_job: RenderJob | None) -> None:
        """Let the workers make outputs; what they read meanwhile is taken in."""
        self._render_job = render_job
        while render_job is not None and not render_job.is_finished:
            while render_job.pending and self._engine.free:
                self._engine.submit(render_job.next_task())
            self._collect()
            if not render_job.is_finished:
                self._wakeup.wait(1.0)

    def _feed(self, waiting: deque[tuple[str, Path]]) -> None:
        while self._engine.free:
            jobs = (entry.job for entry in self._open.values())
            job = next((job for job in jobs if job and job.has_pending), None)
            if job is not None:
                self._engine.submit(job.next_task())
            elif waiting and len(self._open) < READ_AHEAD * self._engine.slots:
                self._begin(*waiting.popleft())
            else:
                return

    def _begin(self, name: str, path: Path) -> None:
        policy, token = self._policy, uuid.uuid4().hex
        entry = _Open(path, None, started_at=utc_now(), began=time.monotonic())
        self._open[token] = entry
        try:
            if not fs.is_regular(path):
                raise OSError(errno.EINVAL, "it is no regular file")
            claim = Claim(token, name, path.absolute(), Stamp.of(path), fs.sha256_of(path))
        except OSError as error:
            entry.failure = Failure("environment", f"it cannot be opened: {error.strerror}")
            return
        entry.job = DocumentJob(claim, policy.attempts, policy.recipe, policy.pages_per_task)
        entry.job.begin(1, 1)

    def _collect(self) -> None:
        for outcome in self._engine.finished():
            self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome.task, RenderTask):
            assert self._render_job is not None, "only what is awaited is given"
            self._render_job.take(outcome.task, outcome)
            return
        job = self._open[outcome.task.claim].job
        assert job is not None, "only jobs have tasks"
        if isinstance(outcome.result, Deferred):
            job.put_back(outcome.task)
            job.give_up(outcome.result)
        elif job.take(outcome):
            job.attempt += 1

    def _reading(self, entry: _Open) -> FileResult:
        document = (
            entry.job.document()
            if entry.job
            else Document("failed", None, (), {}, 1, entry.failure)
        )
        claim = entry.job.claim if entry.job else None
        seconds = time.monotonic() - entry.began
        return FileResult(entry.path, document, claim, entry.started_at, seconds)
