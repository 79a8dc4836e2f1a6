"""Worker processes on this machine: one pebble pool of a single worker for each slot.

pebble kills what outlives its deadline and survives what dies; a pool for each slot keeps a death
to its own slot (workers of one pebble pool share a pipe and its locks, and an idle worker's death
breaks the whole pool). A slot whose pool breaks or goes silent is rebuilt.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import structlog
from pebble import ProcessExpired, ProcessPool

from daemon.engine import worker
from daemon.errors import DaemonError, Died, Misconfigured
from daemon.recipe import Recipe
from daemon.records import PagesRead

log = structlog.get_logger()

WARM_SECONDS = 120.0  # importing torch and loading the model on a slow box, once for each worker
SILENCE_SECONDS = 30.0  # after its deadline pebble has had this long to say what became of a task

# What a worker must be started with to stay small. oneDNN keeps a compiled kernel for each shape of
# line, by default 1 024 of them: over 57 mixed pages two workers took 1 035 MB so, and 708 MB with
# 64, at no more CPU (docs/container.md). glibc learns to keep blocks as large as a page once one
# was freed: told not to, a worker of six pages held 440 MB instead of 506, at no more CPU either.
ENVIRONMENT = {
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}


@dataclass(frozen=True, slots=True)
class Task:
    """Pages `first` to `last` (1-based, inclusive) of a claimed file; `seconds` is its deadline."""

    claim: str
    path: Path
    first: int
    last: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: pages read, or Rejected, Deferred or Died."""

    task: Task
    result: PagesRead | DaemonError


class LocalEngine:
    """A bounded pool: a task is accepted only while a slot is free."""

    def __init__(
        self,
        recipe: Recipe,
        workers: int,
        threads: int,
        tasks_per_worker: int,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called from another thread whenever a task has ended."""
        for name, value in ENVIRONMENT.items():  # read where the fork server starts
            os.environ.setdefault(name, value)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(worker.preloaded(recipe))

        def pool() -> ProcessPool:
            return ProcessPool(
                max_workers=1,
                max_tasks=tasks_per_worker,
                initializer=worker.prepare,
                initargs=(recipe, threads),
                context=context,
            )

        self._slots = [_Slot(pool, wake) for _ in range(workers)]

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return len(self._slots)

    @property
    def free(self) -> int:
        """How many slots wait for a task."""
        return sum(slot.task is None for slot in self._slots)

    def warm(self) -> None:
        """Load the model in every worker; Misconfigured when it cannot be loaded."""
        futures = [slot.warm() for slot in self._slots]
        wait(futures, timeout=WARM_SECONDS)
        try:
            for future in futures:
                future.result(timeout=0)
        except (TimeoutError, ProcessExpired, BrokenProcessPool) as error:
            remedy = (
                f"a worker could not load the model ({error}); give it memory, or fewer workers"
            )
            raise Misconfigured("workers", self.slots, remedy) from error

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""
        next(slot for slot in self._slots if slot.task is None).submit(task)

    def finished(self) -> list[Outcome]:
        """Return what has ended since the last call; never blocks."""
        outcomes = [slot.outcome(time.monotonic()) for slot in self._slots]
        return [outcome for outcome in outcomes if outcome is not None]

    def stop(self) -> None:
        """Kill the workers, whatever they do."""
        for slot in self._slots:
            slot.drop_pool()


class _Slot:
    """One worker process and the task it has."""

    def __init__(self, make_pool: Callable[[], ProcessPool], wake: Callable[[], None]) -> None:
        self._make_pool = make_pool
        self._wake = wake
        self._pool: ProcessPool = make_pool()
        self._future: Future[PagesRead] | None = None
        self._silent_after = 0.0
        self._is_cold = True
        self.task: Task | None = None

    def warm(self) -> Future[str]:
        self._is_cold = False
        future: Future[str] = self._pool.schedule(worker.warm, timeout=WARM_SECONDS)
        return future

    def submit(self, task: Task) -> None:
        if not self._pool.active:  # an idle worker's death leaves the pool broken
            self.rebuild()
        silence = task.seconds + SILENCE_SECONDS
        if self._is_cold:  # runs before the task, whose deadline is for reading alone
            self.warm()
            silence += WARM_SECONDS
        self.task = task
        self._future = self._pool.schedule(
            worker.read, args=(task.path, task.first, task.last), timeout=task.seconds
        )
        self._silent_after = time.monotonic() + silence
        self._future.add_done_callback(lambda _: self._wake())

    def outcome(self, now: float) -> Outcome | None:
        if self.task is None or self._future is None:
            return None
        is_waiting = self._pool.active and now < self._silent_after
        if is_waiting and not self._future.done():
            return None
        outcome = Outcome(self.task, self._result(self._future))
        self.task = self._future = None
        return outcome

    def _result(self, future: Future[PagesRead]) -> PagesRead | DaemonError:
        if not future.done():
            is_broken = not self._pool.active  # its idle worker died just as it got the task
            self.rebuild()
            if is_broken:
                return Died("killed", "the worker process died before it could begin")
            return Died("timeout", "the worker process fell silent")
        try:
            return future.result()
        except Misconfigured:
            raise  # the weights were changed under the running daemon
        except DaemonError as error:
            return error
        except TimeoutError:
            assert self.task is not None
            self._is_cold = True
            return Died("timeout", f"took longer than {self.task.seconds:.0f} s and was stopped")
        except ProcessExpired as error:
            self._is_cold = True
            return _death(error.exitcode)
        except BrokenProcessPool:
            self.rebuild()
            return Died("killed", "the worker process died before it could begin")
        except Exception as error:  # a bug of ours over this document: costs an attempt, is logged
            log.exception("worker.crashed", error=repr(error))
            return Died("crashed", f"reading it ended in {type(error).__name__}: {error}")

    def rebuild(self) -> None:
        self.drop_pool()
        self._pool = self._make_pool()
        self._is_cold = True

    def drop_pool(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join(timeout=10)


def _death(exitcode: int) -> Died:
    if exitcode < 0:
        return Died("killed", f"the worker process was ended by signal {-exitcode}", -exitcode)
    return Died("killed", f"the worker process ended by itself with code {exitcode}")
