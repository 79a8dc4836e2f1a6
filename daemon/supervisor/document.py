"""One claimed document on its way through workers and delivery, and what they have to do for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from daemon.core.records import Claim, Document, Fault
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.engine.document_job import DocumentJob
from daemon.supervisor.policy import Policy, utc_now
from daemon.supervisor.render_jobs import RenderJob


@dataclass(slots=True)
class DocumentInFlight:
    """A claimed document on its way, under the policy of its folder.

    It is `begun` once counted, `answered` once its answer is durable, `is_over` once its original
    is let go of.

    `document` is set when there is nothing (more) to read, `render_job` when workers are to make
    outputs of it. While the environment is at fault, `fault` says how, since when, and `retry_at`
    when (monotonic seconds) the step is tried again; `held_since` outlives a try that came to
    nothing too.
    """

    job: DocumentJob
    policy: Policy
    document: Document | None = None
    render_job: RenderJob | None = None
    may_be_answered: bool = False
    begun: bool = False
    answered: bool = False
    is_over: bool = False
    fault: Fault | None = None
    held_since: float | None = None
    retry_at: float = 0.0
    started_at: str = field(default_factory=utc_now)
    _began: float = field(default_factory=time.monotonic)

    @property
    def claim(self) -> Claim:
        """The file in our possession."""
        return self.job.claim

    @property
    def is_to_be_read(self) -> bool:
        """Whether its tasks may go to a worker: counted, and not answered without reading."""
        return self.begun and self.document is None

    @property
    def has_pending(self) -> bool:
        """Whether a task of it waits for a slot."""
        if self.render_job is not None:
            return bool(self.render_job.pending)
        return self.is_to_be_read and self.job.has_pending

    @property
    def is_read(self) -> bool:
        """Whether nothing is left but to answer."""
        if self.render_job is not None:
            return self.render_job.is_finished
        return self.begun and (self.document is not None or self.job.is_finished)

    @property
    def has_new_makings(self) -> bool:
        """Whether outputs are to be made, and none has been given to a worker yet."""
        return self.has_pending and self.render_job is not None and not self.render_job.given

    def next_task(self) -> Task | RenderTask:
        """Return what a worker is to do next."""
        return self.render_job.next_task() if self.render_job is not None else self.job.next_task()

    def put_back(self, task: Task | RenderTask) -> None:
        """Queue a task again that the environment spoiled."""
        if isinstance(task, Task):
            self.job.put_back(task)
        elif self.render_job is not None:
            self.render_job.put_back(task)

    def take(self, outcome: Outcome) -> bool:
        """Take in what became of a task; return whether it must be tried again at a cost."""
        if isinstance(outcome.task, Task):
            return self.job.take(outcome)
        if self.render_job is not None:
            self.render_job.take(outcome.task, outcome)
        return False

    def hold(self, why: str, now: float) -> bool:
        """Note what the environment holds it up with; return whether that is news."""
        self.held_since = now if self.held_since is None else self.held_since
        if self.fault is not None and self.fault.message == why:
            return False
        self.fault = Fault(why, self.fault.since if self.fault else now)
        return True

    def go_on(self) -> None:
        """Note that a step came to its end: nothing holds it up."""
        self.fault = self.held_since = None

    @property
    def seconds(self) -> float:
        """Wall seconds since the claim."""
        return time.monotonic() - self._began
