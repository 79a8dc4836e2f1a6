"""Worker processes on this machine: one pebble pool with a single worker for each slot.

pebble kills a worker at its deadline and survives workers that die. A pool for each slot keeps a
death to its own slot: workers of one pebble pool share a pipe and its locks, and the death of an
idle worker breaks the whole pool. A worker that died, fell silent, sent an invalid result, has done
its number of tasks or has kept too much memory is replaced together with its pool.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool

from pebble import ProcessExpired

from daemon.core.counters import Counters
from daemon.core.errors import Misconfigured
from daemon.core.tasks import Outcome, Task
from daemon.engine import worker
from daemon.engine.memory_guard import MemoryGuard
from daemon.engine.protocol import EngineSetup, SlotState
from daemon.engine.slot import Slot
from daemon.engine.worker_process import WorkerProcess

# Environment that keeps a worker small. oneDNN keeps a compiled kernel for each shape of line, by
# default 1 024 of them: over 57 mixed pages two workers took 1 035 MB so, and 708 MB with 64, at no
# more CPU (docs/container.md). PyTorch keeps as many descriptions of them besides, a quarter of a
# megabyte for each product of matrices: with 32 a worker took 62 MB less for 1 to 2 % more CPU
# (docs/pages.md). glibc learns to keep blocks as large as a page once one was freed: told not to, a
# worker of six pages held 440 MB instead of 506, at no more CPU either.
ENVIRONMENT = {
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "32",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}


class LocalEngine:
    """The engine of worker processes on this machine."""

    def __init__(self, setup: EngineSetup, notify: Callable[[], None], counters: Counters) -> None:
        """`notify` is called from another thread whenever a task has finished."""
        for name, value in ENVIRONMENT.items():  # read where the fork server starts
            os.environ.setdefault(name, value)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(worker.preloaded(setup.worker.largest_recipe))

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
        except (TimeoutError, ProcessExpired, BrokenProcessPool) as error:
            remedy = (
                f"a worker could not load the model ({error.__cause__ or error}); "
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
