"""A document in flight: one claimed file between its claim and the release of its original."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from daemon.core.errors import Died, Unconfirmed
from daemon.core.records import Claim, Document, DocumentState, Fault
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.engine.document_job import DocumentJob
from daemon.inbox.uploads import UploadRecord
from daemon.supervisor.outputs import RenderJob
from daemon.supervisor.policy import Policy, utc_now

MAX_UNCONFIRMED = 3  # faults of the environment that a worker may report and the daemon not find


@dataclass(slots=True)
class DocumentInFlight:
    """One claimed document, under the policy of its folder.

    `document` is set when there is nothing (more) to read, `render_job` when workers render outputs
    of it. `is_recovered` says that the claim was found at a start or taken over from another
    daemon: it may have a sidecar already. `is_reread` says that it has been answered before and is
    read again, when there is time. While the environment is at fault, `fault` says how and
    since when, and `retry_at` when (monotonic seconds) the step is tried again; `failing_since` is
    kept while a step that was tried again has not succeeded. `unconfirmed` counts the faults that
    only workers have reported. `upload` is the record of a file that the web process has put into
    the inbox.
    """

    job: DocumentJob
    policy: Policy
    is_recovered: bool = False
    is_reread: bool = False
    state: DocumentState = DocumentState.UNRECORDED
    document: Document | None = None
    render_job: RenderJob | None = None
    fault: Fault | None = None
    failing_since: float | None = None
    retry_at: float = 0.0
    unconfirmed: int = 0
    upload: UploadRecord | None = None
    started_at: str = field(default_factory=utc_now)
    _began: float = field(default_factory=time.monotonic)

    @property
    def claim(self) -> Claim:
        """The claimed file."""
        return self.job.claim

    @property
    def is_awaited(self) -> bool:
        """Whether a client waits for the answer."""
        return self.upload is not None and self.upload.is_awaited

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in (DocumentState.CLOSED, DocumentState.GIVEN_BACK)

    @property
    def may_have_sidecar(self) -> bool:
        """Whether a sidecar of this claim may have been published already."""
        return self.is_recovered or self.state == DocumentState.ANSWERING

    @property
    def is_read(self) -> bool:
        """Whether all its pages have been read, or need not be."""
        return self.document is not None or self.job.is_finished

    @property
    def is_rendered(self) -> bool:
        """Whether nothing is left but to publish."""
        is_rendered = self.render_job is None or self.render_job.is_finished
        return self.document is not None and is_rendered

    @property
    def has_pending(self) -> bool:
        """Whether one of its tasks waits for a slot."""
        if self.render_job is not None:
            return bool(self.render_job.pending)
        is_recorded = self.state != DocumentState.UNRECORDED
        return is_recorded and self.document is None and self.job.has_pending

    @property
    def has_unsubmitted_render_job(self) -> bool:
        """Whether outputs are to be rendered and no task for that has been submitted yet."""
        return self.render_job is not None and self.has_pending and not self.render_job.submitted

    @property
    def tasks_submitted(self) -> int:
        """How many of its tasks have been given to the engine."""
        return self.job.tasks_submitted

    def next_task(self) -> Task:
        """Return the next task for a worker."""
        return self.render_job.next_task() if self.render_job else self.job.next_task()

    def put_back(self, task: Task) -> None:
        """Queue a task again that failed because of the environment."""
        if not isinstance(task, RenderTask):
            self.job.put_back(task)
        elif self.render_job is not None:
            self.render_job.put_back(task)

    def count_unconfirmed(self, outcome: Outcome) -> Outcome:
        """Count a fault that the worker reports and the daemon does not find.

        Returns the outcome; after `MAX_UNCONFIRMED` of them, a death of the worker in its place.
        """
        if not isinstance(outcome.result, Unconfirmed):
            return outcome
        self.unconfirmed += 1
        if self.unconfirmed <= MAX_UNCONFIRMED:
            return outcome
        message = f"{outcome.result} (so say {self.unconfirmed} workers; the daemon can access it)"
        return replace(outcome, result=Died("crashed", message))

    def add_outcome(self, outcome: Outcome) -> bool:
        """Add what became of a task; return whether it is tried again at the cost of an attempt."""
        if not isinstance(outcome.task, RenderTask):
            return self.job.add_outcome(outcome)
        if self.render_job is not None:
            self.render_job.add_outcome(outcome.task, outcome)
        return False

    def note_failure(self, message: str, now: float) -> bool:
        """Note why a step must be tried again; return whether that is news."""
        self.failing_since = now if self.failing_since is None else self.failing_since
        if self.fault is not None and self.fault.message == message:
            return False
        self.fault = Fault(message, self.fault.since if self.fault else now)
        return True

    def note_success(self) -> None:
        """Note that a step succeeded: no fault holds the document up."""
        self.fault = self.failing_since = None

    @property
    def seconds(self) -> float:
        """Wall seconds since the claim."""
        return time.monotonic() - self._began
