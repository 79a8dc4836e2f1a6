"""Reads a list of files over all slots of an engine, without inbox, ledger or watching."""

from __future__ import annotations

import errno
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core import fs
from daemon.core.errors import Deferred
from daemon.core.records import Claim, Document, DocumentState, Failure, Stamp
from daemon.core.scratch import Scratch
from daemon.core.tasks import Outcome, RenderTask
from daemon.core.wakeup import WakeupPipe
from daemon.engine.document_job import DocumentJob
from daemon.engine.protocol import Engine
from daemon.inbox.queue import natural_path
from daemon.inbox.scan import Scanner
from daemon.outbox import reader
from daemon.outbox.publish import Outbox
from daemon.outbox.sidecar import Sidecar
from daemon.supervisor.dispatcher import Dispatcher
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.outputs import DerivedOutputs
from daemon.supervisor.policy import Policy

# a sidecar of ours for the same bytes is replaced, so that a command may be repeated
REPLACEABLE = ("done", "partial", "failed")
READ_AHEAD = 4  # documents in progress for each slot, so that a long first one delays no other


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file and what was read of it; `in_flight` is None for a file that cannot be opened."""

    path: Path
    document: Document
    in_flight: DocumentInFlight | None = None


@dataclass(slots=True)
class _OpenFile:
    """A file that is read, or the failure to open it."""

    path: Path
    in_flight: DocumentInFlight | None = None
    failure: Failure | None = None

    @property
    def is_finished(self) -> bool:
        return self.in_flight is None or self.in_flight.is_read


def find(paths: Sequence[Path], ignore: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Return the name (relative to what was asked for) and path of each file, folders walked.

    Answers in a folder, and the outputs that they list, are left out: a command may be repeated.
    """
    for path in paths:
        if path.is_dir():
            seen = Scanner(path, ignore, ()).scan()
            own = _answers_in(path, seen.files)
            # a folder that cannot be listed is returned too, and reported when it is opened
            names = [name for name in (*seen.files, *seen.refused) if name not in own]
            yield from ((name, path / name) for name in sorted(names, key=natural_path))
        else:
            yield path.name, Path(os.path.realpath(path))  # a link that is named is followed


def _answers_in(folder: Path, names: Iterable[str]) -> set[str]:
    """Return the names of sidecars, and of the outputs that these list."""
    found = set()
    for name in names:
        if name.endswith(".json") and (answer := reader.read(folder / name)) is not None:
            outputs = reader.output_names(answer)
            found.add(name)
            found.update(reader.output_path(name, each) for each in outputs)
    return found


class BatchReader:
    """Reads a list of files over all slots and yields them in the order given."""

    def __init__(
        self,
        engine: Engine,
        policy: Policy,
        wakeup: WakeupPipe,
        show: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        """`show` is called with the name of the first file in progress, whenever that changes.

        It also gets the numbers of its pages that are read, and of its pages (0: not known yet).
        """
        self._show = show
        self._engine = engine
        self._dispatcher = Dispatcher(engine)
        self._policy = policy
        self._wakeup = wakeup
        self._open: dict[str, _OpenFile] = {}
        self._rendering: DocumentInFlight | None = None

    def read(self, found: Sequence[tuple[str, Path]]) -> Iterator[FileResult]:
        """Read every file once, whatever becomes of the others."""
        waiting = deque(found)
        while waiting or self._open:
            self._dispatch(waiting)
            self._collect_outcomes()
            self._dispatch(waiting)
            while self._open and (first := next(iter(self._open.values()))).is_finished:
                del self._open[next(iter(self._open))]
                yield self._result_of(first)
            self._show_progress()
            if self._engine.free < max(1, self._engine.slots):  # a cluster may have no worker yet
                self._wakeup.wait(1.0)

    def publish(
        self, result: FileResult, outbox: Outbox, scratch: Scratch | None
    ) -> tuple[list[Path], Sidecar] | None:
        """Write the sidecar of a file and its outputs; return their paths, and its content.

        None for a file that cannot be opened.
        """
        document, in_flight = result.document, result.in_flight
        if in_flight is None:
            return None
        claim, policy = in_flight.claim, self._policy
        outputs = DerivedOutputs(outbox, scratch)
        in_flight.render_job = outputs.render_job(claim, document, policy)
        self._render(in_flight)
        with outputs.drafted(claim, document, policy, in_flight.render_job) as drafts:
            place, named = outputs.choose_names(drafts, document, claim, policy)
            whole = self._sidecar(in_flight, document)
            with outputs.with_parts(whole, named, place) as (content, files):
                outbox.publish(place, content, claim, lambda: True, files)
        outputs.forget(claim)
        sidecar = outbox.folder / place
        return [sidecar, *(sidecar.parent / each.name for each in content.outputs)], content

    def sidecar(self, result: FileResult) -> Sidecar | None:
        """Return the sidecar of a file without outputs; None for one that cannot be opened."""
        if result.in_flight is None:
            return None
        return self._sidecar(result.in_flight, result.document)

    def _sidecar(self, in_flight: DocumentInFlight, document: Document) -> Sidecar:
        started_at, seconds = in_flight.started_at, in_flight.seconds
        provenance = self._policy.provenance(document, started_at, seconds)
        return Sidecar(in_flight.claim, document, provenance)

    def _render(self, in_flight: DocumentInFlight) -> None:
        """Let the workers render outputs; pages of other files that end meanwhile are added."""
        self._rendering = in_flight
        while not in_flight.is_rendered:
            self._dispatcher.dispatch(lambda: [in_flight], lambda: False)
            self._collect_outcomes()
            if not in_flight.is_rendered:
                self._wakeup.wait(1.0)
        self._rendering = None

    def _show_progress(self) -> None:
        first = next(iter(self._open.values()), None)
        if first is not None and first.in_flight is not None:
            job = first.in_flight.job
            self._show(job.claim.name, job.pages_read, job.page_count)

    def _dispatch(self, waiting: deque[tuple[str, Path]]) -> None:
        def in_flight() -> list[DocumentInFlight]:
            return [each.in_flight for each in self._open.values() if each.in_flight]

        def start_next() -> bool:
            if not waiting or len(self._open) >= READ_AHEAD * self._engine.slots:
                return False
            self._begin(*waiting.popleft())
            return True

        self._dispatcher.dispatch(in_flight, start_next)

    def _begin(self, name: str, path: Path) -> None:
        policy, token = self._policy, uuid.uuid4().hex
        try:
            if not fs.is_regular(path):
                raise OSError(errno.EINVAL, "it is no regular file")
            claim = Claim(token, name, path.absolute(), Stamp.of(path), fs.sha256_of(path))
        except OSError as error:
            failure = Failure("environment", f"it cannot be opened: {error.strerror}")
            self._open[token] = _OpenFile(path, failure=failure)
            return
        job = DocumentJob(
            claim, policy.attempts, policy.recipe, policy.pages_per_task, policy.pages
        )
        job.begin(1, 1)
        in_flight = DocumentInFlight(job, policy, state=DocumentState.CLAIMED)
        self._open[token] = _OpenFile(path, in_flight)

    def _collect_outcomes(self) -> None:
        for outcome in self._engine.finished():
            self._add_outcome(outcome)

    def _add_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome.task, RenderTask):
            assert self._rendering is not None, "only awaited outputs are rendered"
            self._rendering.add_outcome(outcome)
            return
        in_flight = self._open[outcome.task.claim].in_flight
        assert in_flight is not None, "only files that can be opened have tasks"
        if isinstance(outcome.result, Deferred):
            in_flight.put_back(outcome.task)
            in_flight.job.give_up(outcome.result)
        elif in_flight.add_outcome(outcome):
            in_flight.job.attempt += 1

    def _result_of(self, file: _OpenFile) -> FileResult:
        if file.in_flight is None:
            return FileResult(file.path, Document("failed", None, (), {}, 1, file.failure))
        file.in_flight.document = file.in_flight.job.document()
        return FileResult(file.path, file.in_flight.document, file.in_flight)
