"""The health of the daemon: is it alive, and would it answer a file that arrives now?

Other threads ask. No check here touches a folder, so that there is an answer even while a share
hangs or the loop stands still. Times are monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from daemon.core.records import Fault
from daemon.core.volumes import DiskUsage
from daemon.inbox.intake import QueueCounts
from daemon.monitoring.heartbeat import STALE_SECONDS, START_SECONDS, HealthStatus

TURN_SECONDS = 10.0  # between two turns of a loop that nothing delays, with a margin

Phase = Literal["starting", "ready"]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result of one check; `seconds` is for how long it has held, or how long ago it was.

    A check that is ok may have a message too.
    """

    check: str
    ok: bool
    message: str
    seconds: float | None = None


class Inbox(Protocol):
    """What the checks need of the intake."""

    fault: Fault | None
    waiting: QueueCounts

    @property
    def scanned_at(self) -> float:
        """When the last scan began."""

    @property
    def overdue_at(self) -> float:
        """By when a scan must have returned."""

    @property
    def watch_fault(self) -> str | None:
        """What is wrong with the filesystem events."""

    @property
    def uses_events(self) -> bool:
        """Whether the intake relies on filesystem events."""


class Loop(Protocol):
    """What the checks need of the main loop."""

    draining: bool

    @property
    def faults(self) -> list[Fault]:
        """What holds it up."""

    @property
    def is_stalled(self) -> bool:
        """Whether a step has not returned from the folders in time."""

    @property
    def in_progress(self) -> int:
        """How many documents are in progress."""

    @property
    def retrying(self) -> int:
        """How many of them wait for a retry."""


class Workers(Protocol):
    """What the checks need of the engine."""

    def states(self, now: float) -> Sequence[tuple[str, float]]:
        """The state of each worker, and for how long."""


class MonitoredVolumes(Protocol):
    """What the checks need of the volumes."""

    warning: str | None

    @property
    def disk_usage(self) -> dict[Path, DiskUsage]:
        """Free and total bytes of each folder."""


class Health:
    """The checks of one daemon; the loop reports each of its turns (`beat`)."""

    def __init__(
        self, inbox: Inbox, loop: Loop, workers: Workers, folders: MonitoredVolumes, began: float
    ) -> None:
        self.inbox = inbox
        self.loop = loop
        self.folders = folders
        self._workers = workers
        self._began = began
        self._reported: tuple[Fault, ...] = ()
        self.beat_at = began
        self.phase: Phase = "starting"

    def workers(self, now: float) -> Counter[str]:
        """Return the number of workers in each state."""
        return Counter(state for state, _ in self._workers.states(now))

    def beat(self, now: float, faults: Iterable[Fault]) -> tuple[HealthStatus, list[Fault]]:
        """Note that the main loop runs and which faults it knows; return the health and all faults.

        Failed checks that repeat none of the faults are added to them.
        """
        self.beat_at, self._reported = now, tuple(faults)
        known = {fault.message for fault in self._reported}
        failed = [
            Fault(check.message, now - (check.seconds or 0.0))
            for check in self.live(now)
            if not check.ok and check.message not in known
        ]
        return self.status(now), [*self._reported, *failed]

    def status(self, now: float) -> HealthStatus:
        """Return the health in one word, from the checks and from what the loop reported last."""
        checks = self.ready(now)
        if not all(check.ok for check in checks if check.check == "loop"):
            return "down"
        if self.phase == "starting":
            return "starting"
        is_well = not self._reported and all(check.ok for check in checks)
        return "ok" if is_well else "degraded"

    def live(self, now: float) -> list[HealthCheck]:
        """Return the checks of a daemon that works, or will recover by itself soon."""
        return [self._loop(now), self._scan(now), self._pool(now), self._events()]

    def ready(self, now: float) -> list[HealthCheck]:
        """Return, with those, the checks of a daemon that would answer a file that arrives now."""
        is_loaded = self.phase == "ready"
        model = HealthCheck(
            "model", is_loaded, "the model is loaded" if is_loaded else "the model is being loaded"
        )
        draining = self.loop.draining
        taking = HealthCheck(
            "taking", not draining, "no new files are taken" if draining else "new files are taken"
        )
        return [*self.live(now), model, taking, *self._no_worker(now), *self._faults(now)]

    def is_progressing(self, now: float) -> bool:
        """Return False for a loop that neither scans nor knows a reason why it cannot."""
        return self._scan(now).ok or bool(self.loop.faults) or self.loop.is_stalled

    def _loop(self, now: float) -> HealthCheck:
        if self.phase == "starting":
            age = now - self._began
            return HealthCheck("loop", age <= START_SECONDS, "the daemon is starting", age)
        age = now - self.beat_at
        message = (
            "the main loop runs"
            if age <= TURN_SECONDS
            else "the main loop has not completed a turn for long"
        )
        return HealthCheck("loop", age <= STALE_SECONDS, message, age)

    def _scan(self, now: float) -> HealthCheck:
        if self.phase == "starting" or self.loop.draining:
            return HealthCheck("scan", True, "no scan is due")
        if self.inbox.scanned_at < self._began:
            return HealthCheck("scan", True, "the first scan is still to come")
        age = now - self.inbox.scanned_at
        if now <= self.inbox.overdue_at:
            return HealthCheck("scan", True, "the inbox is scanned", age)
        fault = next(iter(self.loop.faults), None)
        message = fault.message if fault else "the scan of the inbox is overdue"
        return HealthCheck("scan", False, message, age)

    def _pool(self, now: float) -> HealthCheck:
        """An idle worker that ended is no fault: the next task replaces it."""
        states = self._workers.states(now)
        counts = ", ".join(f"{number} {state}" for state, number in self.workers(now).items())
        longest = max((seconds for state, seconds in states if state == "overdue"), default=None)
        return HealthCheck("workers", longest is None, f"workers: {counts or 'none'}", longest)

    def _no_worker(self, now: float) -> Iterator[HealthCheck]:
        """Yield a check that fails while a cluster has no worker for us: the inbox then waits."""
        if self.phase == "ready" and not self._workers.states(now):
            yield HealthCheck("cluster", False, "no worker of the cluster reads for this daemon")

    def _events(self) -> HealthCheck:
        message = self.inbox.watch_fault
        if message is not None:
            return HealthCheck("events", False, message)
        message = "filesystem events arrive"
        if not self.inbox.uses_events:
            message = "no filesystem events are used; the inbox is scanned"
        return HealthCheck("events", True, message)

    def _faults(self, now: float) -> Iterator[HealthCheck]:
        for fault in self.loop.faults:
            yield HealthCheck("fault", False, fault.message, now - fault.since)
        if self.folders.warning is not None:
            yield HealthCheck("logs", True, self.folders.warning)
