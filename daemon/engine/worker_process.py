"""A worker process in a pebble pool of its own, from its start to its end.

pebble kills what outlives its deadline and notices most deaths. What it keeps to itself, a start
method of ours sees: who the worker is, and that another was started in its place, which after a
silent exit is the only sign. A pool whose worker has ended is not used again: a worker that was
killed while it spoke leaves half a message in the pipe, or holds the lock on it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from multiprocessing import Pipe, context
from multiprocessing.connection import Connection
from typing import Any

from pebble import ProcessPool

from daemon.core import memory
from daemon.core.records import PagesRead
from daemon.core.tasks import RenderTask, Task
from daemon.engine import wire, worker


class _Starts(context.ForkServerContext):
    """The fork server, remembering whom it was asked to start, and trusting no worker's words."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[context.ForkServerProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> context.ForkServerProcess:  # type: ignore[override]  # noqa: N802, ANN401
        """Return a process that is about to be started."""
        process = context.ForkServerProcess(*args, **kwargs)
        self.started.append(process)
        return process

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802
        """Return a pipe whose reading end, in this process, takes nothing but answers."""
        reader, writer = Pipe(duplex)
        return wire.ResultReader(reader), writer


class WorkerProcess:
    """One worker process; started by its first task."""

    def __init__(self, start: worker.WorkerSetup) -> None:
        self._context = _Starts()
        self._pool = ProcessPool(
            max_workers=1, initializer=worker.prepare, initargs=(start,), context=self._context
        )
        self.tasks = 0
        self.outgrew = False

    @property
    def is_sound(self) -> bool:
        """Whether the process that was started first still works, and is listened to."""
        return bool(self._pool.active) and len(self._context.started) <= 1

    @property
    def megabytes(self) -> float:
        """How much memory is its own; 0 before it is started and after its end."""
        pids = [process.pid for process in self._context.started]
        return (memory.private_megabytes(pids[0]) or 0.0) if pids and pids[0] else 0.0

    def warm(self, seconds: float) -> Future[str]:
        """Let it load its networks."""
        return self._pool.schedule(worker.warm, timeout=seconds)

    def do(self, task: Task | RenderTask) -> Future[PagesRead] | Future[None]:
        """Let it read, or make an output; RuntimeError when it has just ended."""
        self.tasks += 1
        if isinstance(task, RenderTask):
            return self._pool.schedule(worker.make, (task,), timeout=task.seconds)
        arguments = (task.path, task.stamp, task.first, task.last, task.recipe)
        return self._pool.schedule(worker.read, arguments, timeout=task.seconds)

    def kill(self) -> None:
        """Kill the process as it is, whatever it does."""
        for process in self._context.started:
            if process.pid:
                process.kill()

    def dismiss(self) -> threading.Thread:
        """Kill the process and let go of its pool; the thread returned ends when that is done.

        pebble waits for its own threads, and one that waits for the rest of a message never ends.
        """
        self._pool.stop()  # type: ignore[no-untyped-call]
        self.kill()
        ending = threading.Thread(target=self._pool.join, name="dismissal", daemon=True)
        ending.start()
        return ending
