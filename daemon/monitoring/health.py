"""How the daemon is, asked from another thread: does it live, and would it answer a file now?

What is asked of the rooms here never touches a folder, so that there is an answer even while a
share hangs or the loop stands still. Times are monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from daemon.core.records import Fault
from daemon.core.volumes import DiskUsage
from daemon.inbox.intake import QueueCounts
from daemon.monitoring.heartbeat import STALE_SECONDS

START_SECONDS = 300.0  # loading the model has 120; what was left in work is taken up after that
TURN_SECONDS = 10.0  # between two turns of a loop that nothing keeps, with room to spare

Phase = Literal["starting", "ready"]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing looked at: whether it holds, a sentence, and for how many seconds or how long ago.

    A check that holds may have something to say all the same.
    """

    check: str
    ok: bool
    says: str
    seconds: float | None = None


class Inbox(Protocol):
    """What is asked of the intake."""

    fault: Fault | None
    waiting: QueueCounts

    @property
    def scanned_at(self) -> float:
        """When the inbox was last looked at."""

    @property
    def overdue_at(self) -> float:
        """By when a look must have come back."""

    @property
    def watch_says(self) -> str | None:
        """What is wrong with the events."""

    @property
    def events_come(self) -> bool:
        """Whether events are relied upon."""


class Loop(Protocol):
    """What is asked of the service."""

    draining: bool

    @property
    def faults(self) -> list[Fault]:
        """What holds it up."""

    @property
    def is_stalled(self) -> bool:
        """Whether a step is late."""

    @property
    def in_progress(self) -> int:
        """How many documents are in work."""

    @property
    def retrying(self) -> int:
        """How many of them are held up."""


class Workers(Protocol):
    """What is asked of the engine."""

    def states(self, now: float) -> Sequence[tuple[str, float]]:
        """What each worker does, for how long."""


class MonitoredVolumes(Protocol):
    """What is asked of the grounds."""

    warning: str | None

    @property
    def room(self) -> dict[Path, DiskUsage]:
        """Free and total bytes of each folder."""


class Health:
    """The rooms of one daemon as others see them; the loop says when it turns (`beat_at`)."""

    def __init__(
        self, inbox: Inbox, loop: Loop, workers: Workers, folders: MonitoredVolumes, began: float
    ) -> None:
        self.inbox = inbox
        self.loop = loop
        self.folders = folders
        self._workers = workers
        self._began = began
        self.beat_at = began
        self.phase: Phase = "starting"

    def workers(self, now: float) -> Counter[str]:
        """Return how many workers do what."""
        return Counter(state for state, _ in self._workers.states(now))

    def live(self, now: float) -> list[HealthCheck]:
        """Return what must hold for the daemon to do its work, or heal by itself soon."""
        return [self._loop(now), self._scan(now), self._readers(now), self._events()]

    def ready(self, now: float) -> list[HealthCheck]:
        """Return what must hold, besides, for a file that lands now to be taken and answered."""
        is_loaded = self.phase == "ready"
        model = HealthCheck(
            "model", is_loaded, "it is loaded" if is_loaded else "it is being loaded"
        )
        draining = self.loop.draining
        taking = HealthCheck("taking", not draining, "it ends" if draining else "files are taken")
        return [*self.live(now), model, taking, *self._faults(now)]

    def is_progressing(self, now: float) -> bool:
        """Tell a loop that scans, or knows why it cannot, from one that has lost its way."""
        return self._scan(now).ok or bool(self.loop.faults) or self.loop.is_stalled

    def _loop(self, now: float) -> HealthCheck:
        if self.phase == "starting":
            age = now - self._began
            return HealthCheck("loop", age <= START_SECONDS, "the daemon is starting", age)
        age = now - self.beat_at
        says = "it turns" if age <= TURN_SECONDS else "it has not turned for long"
        return HealthCheck("loop", age <= STALE_SECONDS, says, age)

    def _scan(self, now: float) -> HealthCheck:
        if self.phase == "starting" or self.loop.draining:
            return HealthCheck("scan", True, "none is due")
        if self.inbox.scanned_at < self._began:
            return HealthCheck("scan", True, "the first look is to come")
        age = now - self.inbox.scanned_at
        if now <= self.inbox.overdue_at:
            return HealthCheck("scan", True, "the inbox is looked at", age)
        fault = next(iter(self.loop.faults), None)
        return HealthCheck(
            "scan", False, fault.why if fault else "the inbox was not looked at", age
        )

    def _readers(self, now: float) -> HealthCheck:
        """Idle ones that ended are replaced by their next task: nothing is wrong with that."""
        states = self._workers.states(now)
        counted = ", ".join(f"{n} {state}" for state, n in self.workers(now).items())
        longest = max((seconds for state, seconds in states if state == "overdue"), default=None)
        return HealthCheck("workers", longest is None, counted, longest)

    def _events(self) -> HealthCheck:
        says = self.inbox.watch_says
        if says is not None:
            return HealthCheck("events", False, says)
        come = self.inbox.events_come
        return HealthCheck(
            "events", True, "they come" if come else "none are relied upon: it scans"
        )

    def _faults(self, now: float) -> Iterator[HealthCheck]:
        for fault in self.loop.faults:
            yield HealthCheck("fault", False, fault.why, now - fault.since)
        if self.folders.warning is not None:
            yield HealthCheck("logs", True, self.folders.warning)
