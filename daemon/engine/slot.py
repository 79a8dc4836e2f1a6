"""A place for one task at a time. Whatever becomes of its worker, the next task finds another."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Literal

import structlog
from pebble import ProcessExpired

from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred, Died, Misconfigured
from daemon.core.memory import MemoryLimits
from daemon.core.records import PagesRead
from daemon.core.tasks import Outcome, RenderTask, Task
from daemon.engine.worker_process import WorkerProcess

log = structlog.get_logger()

WARM_SECONDS = 120.0  # importing torch and loading the model on a slow box, once for each worker
WARM_TRIES = 3  # workers that may die of it one after another before the daemon gives up
SILENCE_SECONDS = 30.0  # after its deadline pebble has had this long to say what became of a task
SlotState = Literal["loading", "idle", "reading", "overdue", "dead"]
LAST_WORDS_SECONDS = 0.5  # an answer may still lie in the pipe when its worker is gone


class Slot:
    """One worker process after another, and the task that the present one has."""

    def __init__(
        self,
        new_worker: Callable[[], WorkerProcess],
        memory_limits: MemoryLimits,
        most_tasks: int,
        wake: Callable[[], None],
        counters: Counters,
    ) -> None:
        """`most_tasks` is what a worker reads before it is renewed, 0 for ever."""
        self._new_worker = new_worker
        self._memory_limits = memory_limits
        self._most_tasks = most_tasks
        self._wake = wake
        self._counters = counters
        self._worker = new_worker()
        self._warming: Future[str] | None = None
        self._future: Future[PagesRead] | Future[None] | None = None
        self._began = 0.0
        self._silent_after = 0.0
        self._gone_since: float | None = None
        self.task: Task | RenderTask | None = None

    def warm(self) -> Future[str]:
        """Let the worker load its networks, before any task and outside its deadline."""
        self._warming = self._worker.warm(WARM_SECONDS)
        return self._warming

    def warmed(self) -> str:
        """Wait until the networks are loaded, and return what protects from the worker.

        One that dies meanwhile may have been in the way of others, who needed memory for a moment:
        another takes its place, and only the last one's end is raised, as pebble tells it.
        """
        for _ in range(WARM_TRIES - 1):
            try:
                return self._loaded()
            except (ProcessExpired, BrokenProcessPool) as error:
                why = error.__cause__ or error
                self._replace("died", f"it ended while it loaded its networks ({why})")
        return self._loaded()

    def _loaded(self) -> str:
        return (self._warming or self.warm()).result(timeout=WARM_SECONDS)

    def submit(self, task: Task | RenderTask) -> None:
        """Begin a task; a worker that ended while it was idle is replaced first."""
        if not self._worker.is_sound:
            self._replace("idle", "it ended while it was idle")
        warming = self._warming or self.warm()
        self.task = task
        self._began = time.monotonic()
        self._future = self._scheduled(task)
        silence = SILENCE_SECONDS + (0.0 if warming.done() else WARM_SECONDS)
        self._silent_after = time.monotonic() + task.seconds + silence
        self._gone_since = None
        self._future.add_done_callback(lambda _: self._wake())

    def outcome(self, now: float) -> Outcome | None:
        """Return what became of the task, None while there is none or it runs; never blocks."""
        if self.task is None or self._future is None:
            return None
        if not self._future.done() and not self._is_lost(now):
            return None
        result = self._result(self._future, self.task)
        outcome = Outcome(self.task, result)
        self.task = self._future = None
        self._counters.count_task(result)
        if why := self._reason_to_renew(result):
            self._replace(*why)
        return outcome

    def watch(self) -> None:
        """Kill a worker that outgrows its allowance, ring when one is gone; from any thread."""
        worker, future = self._worker, self._future
        if future is None or future.done():
            return
        if worker.megabytes > self._memory_limits.max_megabytes:
            worker.outgrew = True
            worker.kill()
        elif not worker.is_sound:
            self._wake()

    def state(self, now: float) -> tuple[SlotState, float]:
        """Return what the worker does and the seconds since its task began; from any thread.

        Where it has a task it is `overdue` when even pebble should have said what became of it.
        """
        warming = self._warming
        if self.task is not None:
            is_late = now > self._silent_after + LAST_WORDS_SECONDS
            return "overdue" if is_late else "reading", now - self._began
        if warming is None or not warming.done():
            return "loading", 0.0
        return ("idle" if self._worker.is_sound else "dead"), 0.0

    def close(self) -> None:
        """Kill the worker, whatever it does."""
        self._worker.dismiss().join(10)

    def _scheduled(self, task: Task | RenderTask) -> Future[PagesRead] | Future[None]:
        try:
            return self._worker.do(task)
        except RuntimeError:
            self._replace("idle", "it ended just now")
            return self._worker.do(task)

    def _is_lost(self, now: float) -> bool:
        if self._worker.is_sound:
            return now >= self._silent_after
        self._gone_since = self._gone_since or now
        return now - self._gone_since >= LAST_WORDS_SECONDS

    def _result(
        self, future: Future[PagesRead] | Future[None], task: Task | RenderTask
    ) -> PagesRead | DaemonError | None:
        """Return the answer, or what stands for it."""
        if not future.done():
            if self._worker.is_sound:
                return Died("timeout", "the worker process fell silent")
            return Died("killed", "the worker process ended without an answer")
        try:
            result = future.result()
        except Misconfigured as error:  # the weights were changed under the running daemon
            return Deferred(f"a worker cannot load its networks ({error})")
        except DaemonError as error:
            if isinstance(error, Died):
                log.error("worker.crashed", error=str(error), exc_info=error)
            return error
        except Exception as error:
            return self._death(error, task)
        if task.is_answered_by(result):
            return result
        return Died("crashed", "the worker process answered with something else than was asked")

    def _death(self, error: Exception, task: Task | RenderTask) -> Died | Deferred:
        """Return what ended the worker, or its pool, over a task.

        pebble's deadlines go by the wall clock: one that is set forward ends them early.
        """
        if self._worker.outgrew:
            most = self._memory_limits.max_megabytes
            return Died("memory", f"needed more than {most} MB of memory and was stopped", 9)
        match error:
            case TimeoutError() if time.monotonic() - self._began < task.seconds:
                return Deferred("the clock was set forward in the middle of a task")
            case TimeoutError():
                return Died("timeout", f"took longer than {task.seconds:g} s and was stopped")
            case ProcessExpired(exitcode=int(code)) if code < 0:
                return Died("killed", f"the worker process was ended by signal {-code}", -code)
            case ProcessExpired(exitcode=code):
                return Died("killed", f"the worker process ended by itself with code {code}")
            case BrokenProcessPool():
                return Died("killed", f"the worker process was lost ({error})")
        log.error("worker.crashed", error=repr(error), exc_info=error)
        return Died("crashed", f"reading it ended in {type(error).__name__}: {error}")

    def _reason_to_renew(self, result: PagesRead | DaemonError | None) -> tuple[str, str] | None:
        """Return a word that is counted, and a sentence; None for a worker that stays."""
        worker = self._worker
        if isinstance(result, Died):
            return "died", str(result)
        if not worker.is_sound:
            return "idle", "it ended after its answer"
        if isinstance(result, Deferred):
            return "deferred", "what it may open is looked for anew"
        if self._most_tasks and worker.tasks >= self._most_tasks:
            return "tasks", f"it has done {worker.tasks} tasks"
        megabytes = worker.megabytes
        if megabytes > self._memory_limits.recycle_megabytes:
            return "memory", f"it has kept {megabytes:.0f} MB of memory"
        return None

    def _replace(self, kind: str, reason: str) -> None:
        """Take another worker, and let it load its networks at once."""
        self._counters.recycles[kind] += 1
        log.info("worker.recycled", reason=reason, tasks=self._worker.tasks)
        self._worker.dismiss()
        self._worker = self._new_worker()
        self.warm()
