"""A slot for one task at a time. Whatever happens to its worker, the next task gets another one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import structlog

from daemon.core.counters import Counters
from daemon.core.errors import DaemonError, Deferred, Died, Misconfigured, Unconfirmed
from daemon.core.memory import MemoryLimits
from daemon.core.tasks import Outcome, Result, Task
from daemon.engine.deadline import WALL_FACTOR, Deadline
from daemon.engine.protocol import SlotState
from daemon.engine.wire import InvalidMessageError
from daemon.engine.worker_process import WorkerEndedError, WorkerProcess

log = structlog.get_logger()

WARM_SECONDS = 120.0  # importing torch and loading the model on a slow box, once for each worker
WARM_ATTEMPTS = 3  # workers that may die while they load the model before the daemon gives up
REPORT_SECONDS = 30.0  # after its last deadline, in which the guard must have stopped a worker
STOP_SECONDS = 5.0  # in which a worker ends that is stopped; one that waits for a disk may not
CLOSE_SECONDS = 10.0  # in which a worker ends at the end of the daemon
LAST_RESULT_SECONDS = 0.5  # a result may still be on its way when its worker is gone


class Slot:
    """One worker process after another, and the task of the present one."""

    def __init__(
        self,
        new_worker: Callable[[], WorkerProcess],
        memory_limits: MemoryLimits,
        tasks_per_worker: int,
        notify: Callable[[], None],
        counters: Counters,
    ) -> None:
        """`tasks_per_worker` is how many tasks a worker does before it is recycled, 0: no limit."""
        self._new_worker = new_worker
        self._memory_limits = memory_limits
        self._tasks_per_worker = tasks_per_worker
        self._notify = notify
        self._counters = counters
        self._worker = new_worker()
        self._warming: Future[str] | None = None
        self._warming_since = 0.0
        self._future: Future[Any] | None = None
        self._submitted_at = 0.0
        self._report_deadline = 0.0
        self._gone_since: float | None = None
        self._deadline: tuple[Future[Any], Deadline] | None = None
        self._stopped_at = 0.0
        self.task: Task | None = None

    def start(self) -> Future[str]:
        """Let the worker load its models, before any task and outside its deadline."""
        self._warming, self._warming_since = self._worker.warm(), time.monotonic()
        return self._warming

    def warm(self) -> str:
        """Wait until the models are loaded, and return the protections of the worker.

        A worker that dies meanwhile is replaced: others may have needed its memory for a moment.
        Only the end of the last one is raised.
        """
        for _ in range(WARM_ATTEMPTS - 1):
            try:
                return self._loaded()
            except WorkerEndedError as error:
                self._recycle("died", f"it ended while it loaded its models ({error})")
        return self._loaded()

    def _loaded(self) -> str:
        return (self._warming or self.start()).result(timeout=WARM_SECONDS)

    def submit(self, task: Task) -> None:
        """Begin a task; a worker that ended while it was idle is replaced first."""
        if not self._worker.is_alive:
            self._recycle("died_idle", "it ended while it was idle")
        warming = self._warming or self.start()
        self.task = task
        self._submitted_at = time.monotonic()
        self._gone_since = None
        self._future = self._worker.submit(task)
        silence = REPORT_SECONDS + (0.0 if warming.done() else WARM_SECONDS)
        self._report_deadline = time.monotonic() + _wall_seconds(task) + silence
        self._future.add_done_callback(lambda _: self._notify())

    def outcome(self, now: float) -> Outcome | None:
        """Return the outcome of the task, None while there is none or it runs; never blocks."""
        if self.task is None or self._future is None:
            return None
        if not self._future.done() and not self._is_lost(now):
            return None
        result = self._result(self._future, self.task)
        outcome = Outcome(self.task, result)
        self.task = self._future = None
        self._counters.count_task(result)
        if reason := self._reason_to_recycle(result):
            self._recycle(*reason)
        return outcome

    def check_worker(self) -> None:
        """Stop a worker above a limit, notify when it is gone; called from one other thread."""
        worker, future, task = self._worker, self._future, self.task
        if future is None or task is None or future.done():
            return
        if worker.verdict is None:
            verdict = self._verdict(worker, task, future)
            if verdict is not None and self._future is future:
                self._stopped_at = time.monotonic()
                worker.verdict = verdict
                worker.kill()
        if worker.verdict is not None or not worker.is_alive:
            self._notify()

    def _verdict(
        self, worker: WorkerProcess, task: Task, future: Future[Any]
    ) -> Died | Deferred | None:
        """Return why a worker must be stopped; its time counts from when it has loaded."""
        limit = self._memory_limits.max_megabytes
        if worker.megabytes > limit:
            return Died("memory", f"needed more than {limit} MB of memory and was stopped", 9)
        used, now = worker.cpu_seconds, time.monotonic()
        if self._warming is not None and not self._warming.done():
            if now - self._warming_since > WARM_SECONDS:
                return Died("timeout", f"did not load its models within {WARM_SECONDS:g} s")
            return None
        if used is None:
            return None
        if self._deadline is None or self._deadline[0] is not future:
            self._deadline = future, Deadline(task.seconds, used, now)
        deadline = self._deadline[1]
        if reason := deadline.notice(now, worker.waits_for):
            log.warning("worker.waiting", name=task.path.name, reason=reason)
        return deadline.verdict(used, now, worker.waits_for)

    def state(self, now: float) -> tuple[SlotState, float]:
        """Return what the slot does and the seconds since its task began; from any thread.

        It is `overdue` when the guard should have ended its task.
        """
        warming = self._warming
        if self.task is not None:
            is_overdue = now > self._report_deadline + LAST_RESULT_SECONDS
            return "overdue" if is_overdue else "reading", now - self._submitted_at
        if warming is None or not warming.done():
            return "loading", 0.0
        return ("idle" if self._worker.is_alive else "dead"), 0.0

    def close(self) -> None:
        """Kill the worker, whatever it does."""
        self._worker.close()
        self._worker.join(CLOSE_SECONDS)

    def _is_lost(self, now: float) -> bool:
        if self._worker.is_alive:
            is_stopped = self._worker.verdict is not None
            return now >= (self._stopped_at + STOP_SECONDS if is_stopped else self._report_deadline)
        self._gone_since = self._gone_since or now
        return now - self._gone_since >= LAST_RESULT_SECONDS

    def _result(self, future: Future[Any], task: Task) -> Result | DaemonError:
        """Return the result of a task, or the error that stands for it."""
        if not future.done():
            if self._worker.verdict is not None:
                return self._worker.verdict
            if self._worker.is_alive:
                return Died("timeout", "the worker process did not answer")
            return Died("killed", "the worker process ended without a result")
        try:
            result: Result = future.result()
        except Misconfigured as error:  # the weights were changed under the running daemon
            return Unconfirmed(f"a worker cannot load its models ({error})")
        except DaemonError as error:
            if isinstance(error, Died):
                log.error("worker.crashed", error=str(error), exc_info=error)
            return error
        except Exception as error:
            return self._death(error)
        if task.is_answered_by(result):
            return result
        return Died("crashed", "the worker process sent an invalid result")

    def _death(self, error: Exception) -> Died | Deferred:
        """Return what ended the worker during a task."""
        if self._worker.verdict is not None:
            return self._worker.verdict
        match error:
            case WorkerEndedError(code=int(code)) if code < 0:
                return Died("killed", f"the worker process was ended by signal {-code}", -code)
            case WorkerEndedError(code=int(code)):
                return Died("killed", f"the worker process ended by itself with code {code}")
            case WorkerEndedError():
                return Died("killed", "the worker process closed its channel")
            case InvalidMessageError():
                log.error("worker.crashed", error=str(error))
                return Died("crashed", "the worker process sent an invalid result")
            case OSError():
                return Deferred(f"a worker cannot be started ({error.strerror})")
        log.error("worker.crashed", error=repr(error), exc_info=error)
        return Died("crashed", f"reading it ended in {type(error).__name__}: {error}")

    def _reason_to_recycle(self, result: Result | DaemonError) -> tuple[str, str] | None:
        """Return the counted kind and a message; None for a worker that stays."""
        worker = self._worker
        if isinstance(result, Died):
            return "died", str(result)
        if isinstance(result, Deferred):
            reason = "its sandbox must allow folders that were replaced"
            return "deferred", str(result) if worker.verdict else reason
        if not worker.is_alive:
            return "died_idle", "it ended after its result"
        if self._tasks_per_worker and worker.tasks >= self._tasks_per_worker:
            return "tasks", f"it has done {worker.tasks} tasks"
        megabytes = worker.megabytes
        if megabytes > self._memory_limits.recycle_megabytes:
            return "memory", f"it has kept {megabytes:.0f} MB of memory"
        return None

    def _recycle(self, kind: str, reason: str) -> None:
        """Replace the worker, and let the new one load its models at once."""
        self._counters.recycles[kind] += 1
        log.info("worker.recycled", reason=reason, tasks=self._worker.tasks)
        self._worker.close()
        self._worker = self._new_worker()
        self.start()


def _wall_seconds(task: Task) -> float:
    """Return the seconds of the clock after which a task ends, whatever it waits for."""
    return task.seconds * WALL_FACTOR
