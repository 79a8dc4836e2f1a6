"""Worker processes on this machine: a slot for each, in which one follows another.

A worker that died, fell silent, sent an invalid reply, has done its number of tasks or has kept too
much memory is replaced; a death affects only its own slot.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from daemon.core.counters import Counters
from daemon.core.errors import Misconfigured
from daemon.core.tasks import Outcome, Task
from daemon.engine.memory_guard import MemoryGuard
from daemon.engine.protocol import EngineSetup, SlotState
from daemon.engine.slot import Slot
from daemon.engine.wire import InvalidMessageError
from daemon.engine.worker_process import WorkerEndedError, WorkerProcess


class LocalEngine:
    """The engine of worker processes on this machine."""

    def __init__(self, setup: EngineSetup, notify: Callable[[], None], counters: Counters) -> None:
        """`notify` is called from another thread whenever a task has finished."""

        def new_worker() -> WorkerProcess:
            return WorkerProcess(setup.worker)

        self._slots = [
            Slot(new_worker, setup.memory_limits, setup.tasks_per_worker, notify, counters)
            for _ in range(setup.workers)
        ]
        self._memory_guard = MemoryGuard(self._slots)
        self._protections = "none"

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return len(self._slots)

    @property
    def free(self) -> int:
        """How many slots wait for a task."""
        return sum(slot.task is None for slot in self._slots)

    @property
    def protections(self) -> str:
        """What protects the daemon from its workers, known once they are warm."""
        return self._protections

    def start(self) -> None:
        """Begin to start the workers and to load their models; returns at once."""
        for slot in self._slots:
            slot.start()

    def warm(self) -> None:
        """Wait until every worker has loaded its models; Misconfigured where that fails."""
        try:
            for slot in self._slots:
                self._protections = slot.warm()
        except (TimeoutError, WorkerEndedError, InvalidMessageError, OSError) as error:
            reason = str(error) or "it took too long"
            remedy = (
                f"a worker could not load the model ({reason}); "
                "give it more memory, or run fewer workers"
            )
            raise Misconfigured("workers", self.slots, remedy) from error

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""
        next(slot for slot in self._slots if slot.task is None).submit(task)
        self._memory_guard.wake()

    def finished(self) -> list[Outcome]:
        """Return what has finished since the last call; never blocks."""
        outcomes = [slot.outcome(time.monotonic()) for slot in self._slots]
        return [outcome for outcome in outcomes if outcome is not None]

    def states(self, now: float) -> list[tuple[SlotState, float]]:
        """Return what each slot does, and for how many seconds; called from any thread."""
        return [slot.state(now) for slot in self._slots]

    def close(self) -> None:
        """End the workers, whatever they do."""
        self._memory_guard.close()
        for slot in self._slots:
            slot.close()
