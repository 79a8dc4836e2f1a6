"""Worker processes on this machine: one pebble pool of a single worker for each slot.

pebble kills what outlives its deadline and survives what dies; a pool for each slot keeps a death
to its own slot (workers of one pebble pool share a pipe and its locks, and an idle worker's death
breaks the whole pool). A worker that died, went silent, answered nonsense, has done its number of
tasks or has kept too much memory is replaced together with its pool.
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
from daemon.core.memory import MemoryLimits
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.engine import worker
from daemon.engine.memory_guard import MemoryGuard
from daemon.engine.slot import Slot, SlotState
from daemon.engine.worker_process import WorkerProcess

# What a worker must be started with to stay small. oneDNN keeps a compiled kernel for each shape of
# line, by default 1 024 of them: over 57 mixed pages two workers took 1 035 MB so, and 708 MB with
# 64, at no more CPU (docs/container.md). PyTorch keeps as many descriptions of them besides, a
# quarter of a megabyte for each product of matrices: with 32 a worker took 62 MB less for 1 to 2 %
# more CPU (docs/pages.md). glibc learns to keep blocks as large as a page once one was freed: told
# not to, a worker of six pages held 440 MB instead of 506, at no more CPU either.
ENVIRONMENT = {
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "32",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}


class LocalEngine:
    """A bounded pool: a task is accepted only while a slot is free."""

    def __init__(
        self,
        start: worker.WorkerSetup,
        workers: int,
        tasks_per_worker: int,
        memory_limits: MemoryLimits,
        wake: Callable[[], None],
        counters: Counters,
    ) -> None:
        """`wake` is called from another thread whenever a task has ended."""
        for name, value in ENVIRONMENT.items():  # read where the fork server starts
            os.environ.setdefault(name, value)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(worker.preloaded(start.widest))

        def new_worker() -> WorkerProcess:
            return WorkerProcess(start)

        self._slots = [
            Slot(new_worker, memory_limits, tasks_per_worker, wake, counters)
            for _ in range(workers)
        ]
        self._sentry = MemoryGuard(self._slots)
        self.sandbox = "none"  # what protects from the workers, known once they are warm

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return len(self._slots)

    @property
    def free(self) -> int:
        """How many slots wait for a task."""
        return sum(slot.task is None for slot in self._slots)

    def states(self, now: float) -> list[tuple[SlotState, float]]:
        """Return what each worker does and for how many seconds; from any thread."""
        return [slot.state(now) for slot in self._slots]

    def warm(self) -> None:
        """Load the model in every worker; Misconfigured when it cannot be loaded."""
        for slot in self._slots:
            slot.warm()
        try:
            for slot in self._slots:
                self.sandbox = slot.warmed()
        except (TimeoutError, ProcessExpired, BrokenProcessPool) as error:
            remedy = (
                f"a worker could not load the model ({error.__cause__ or error}); "
                "give it memory, or fewer workers"
            )
            raise Misconfigured("workers", self.slots, remedy) from error

    def submit(self, task: Task | RenderTask) -> None:
        """Give a task to a free slot."""
        next(slot for slot in self._slots if slot.task is None).submit(task)
        self._sentry.wake()

    def finished(self) -> list[Outcome]:
        """Return what has ended since the last call; never blocks."""
        outcomes = [slot.outcome(time.monotonic()) for slot in self._slots]
        return [outcome for outcome in outcomes if outcome is not None]

    def stop(self) -> None:
        """Kill the workers, whatever they do."""
        self._sentry.stop()
        for slot in self._slots:
            slot.close()
