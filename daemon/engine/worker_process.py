"""One worker process in a pebble pool of its own, from its start to its end.

pebble notices most deaths, and kills a worker after its deadline by the clock, if nobody else has.
It does not tell the worker's process id, nor that another worker was started in its place, which
after a silent exit is the only sign: a start method of ours records both. A pool whose worker has
ended is not used again: a worker that was killed while it wrote leaves half a message in the pipe,
or holds the lock on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing import Pipe, context
from multiprocessing.connection import Connection
from typing import Any

from pebble import ProcessPool

from daemon.core import memory, processes
from daemon.core.errors import Deferred, Died
from daemon.core.processes import Wait
from daemon.core.tasks import CountPages, ReadPages, RenderTask, Task
from daemon.engine import wire, worker
from daemon.engine.protocol import WorkerSetup


class _RecordingContext(context.ForkServerContext):
    """A fork server that records the processes it starts, and restricts what they may send."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[context.ForkServerProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> context.ForkServerProcess:  # type: ignore[override]  # noqa: N802, ANN401
        """Return a process that is about to be started."""
        process = context.ForkServerProcess(*args, **kwargs)
        self.started.append(process)
        return process

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802
        """Return a pipe whose reading end, in this process, accepts only results."""
        reader, writer = Pipe(duplex)
        return wire.ResultReader(reader), writer


class WorkerProcess:
    """One worker process; its first task starts it."""

    def __init__(self, setup: WorkerSetup) -> None:
        """`verdict` is set before it is stopped, and says why."""
        self._context = _RecordingContext()
        self._pool = ProcessPool(
            max_workers=1, initializer=worker.prepare, initargs=(setup,), context=self._context
        )
        self.tasks = 0
        self.verdict: Died | Deferred | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process that was started first still runs, and its pool is active."""
        return bool(self._pool.active) and len(self._context.started) <= 1

    @property
    def pid(self) -> int | None:
        """The id of the process; None before it is started."""
        return next((process.pid for process in self._context.started), None)

    @property
    def megabytes(self) -> float:
        """Megabytes of memory of its own; 0 before it is started and after its end."""
        return (memory.private_megabytes(self.pid) or 0.0) if self.pid else 0.0

    @property
    def cpu_seconds(self) -> float | None:
        """Processor seconds that it has used; None before it is started and after its end."""
        return processes.cpu_seconds(self.pid) if self.pid else None

    def waits_for(self) -> Wait:
        """Return what it waits for at this moment."""
        return processes.waits_for(self.pid) if self.pid else "itself"

    def warm(self, seconds: float) -> Future[str]:
        """Let it load its models."""
        return self._pool.schedule(worker.warm, timeout=seconds)

    def submit(self, task: Task, wall_seconds: float) -> Future[Any]:
        """Let it do a task, for `wall_seconds` at most; RuntimeError when it has just ended."""
        self.tasks += 1
        function, arguments = _call_of(task)
        return self._pool.schedule(function, arguments, timeout=wall_seconds)

    def kill(self) -> None:
        """Kill the process as it is, whatever it does."""
        for process in self._context.started:
            if process.pid:
                process.kill()

    def close(self) -> threading.Thread:
        """Kill the process and close its pool; the returned thread ends when that is done.

        pebble joins its own threads, and one that waits for the rest of a message never ends.
        """
        self._pool.stop()  # type: ignore[no-untyped-call]
        self.kill()
        ending = threading.Thread(target=self._pool.join, name="pool-close", daemon=True)
        ending.start()
        return ending


def _call_of(task: Task) -> tuple[Callable[..., object], tuple[object, ...]]:
    """Return the worker's function for a task, and its arguments."""
    match task:
        case CountPages():
            return worker.count, (task.path, task.stamp, task.recipe)
        case ReadPages():
            return worker.read, (task.path, task.stamp, task.first, task.last, task.recipe)
        case RenderTask():
            return worker.render, (task,)
