"""One worker process, from its start to its end, and the thread that talks to it.

The thread sends a request, waits for the reply and decodes it, so the main loop never waits for a
worker, whatever that sends. A worker that has ended, or has sent anything but a reply, is not used
again: a message may have been cut off.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final

from daemon.core import memory, processes
from daemon.core.errors import DaemonError, Deferred, Died
from daemon.core.processes import Wait
from daemon.core.tasks import Task
from daemon.engine import wire
from daemon.engine.environment import decoder_environment
from daemon.engine.protocol import WorkerSetup
from daemon.engine.sandbox import refusals

END_SECONDS: Final = 1.0  # in which a worker ends that has closed its channel


class WorkerEndedError(Exception):
    """The process ended before it replied; `code` is its exit code, negative for a signal.

    It is None where the process has closed its channel and did not end by itself.
    """

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        if self.code is None:
            return "it closed its channel"
        return f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that waits for its turn, and the future of its result."""

    content: WorkerSetup | Task
    future: Future[Any] = field(default_factory=Future)


class WorkerProcess:
    """One worker process; `warm` starts it."""

    def __init__(self, setup: WorkerSetup) -> None:
        """`verdict` is set before it is stopped, and says why."""
        self._setup = setup
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = threading.Lock()  # over the next two, and what enters the queue
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="worker-channel", daemon=True)
        self.tasks = 0
        self.verdict: Died | Deferred | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, or is about to be started."""
        process = self._process
        return not self._is_over and (process is None or process.poll() is None)

    @property
    def pid(self) -> int | None:
        """The id of the process; None before it is started."""
        return self._process.pid if self._process else None

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

    def warm(self) -> Future[str]:
        """Start it, and let it load its models; the result names its protections."""
        self._thread.start()
        return self._enqueue(self._setup)

    def submit(self, task: Task) -> Future[Any]:
        """Let it do a task.

        The future raises the error of ours that ended it, InvalidMessageError where the worker
        sent something else, or WorkerEndedError.
        """
        self.tasks += 1
        return self._enqueue(task)

    def kill(self) -> None:
        """Kill the process as it is, whatever it does."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Kill the process and let its thread end; does not wait."""
        with self._lock:
            self._is_over = True
        self._calls.put(None)
        self.kill()

    def join(self, seconds: float) -> None:
        """Wait until the process has ended; one that waits for a dead share may not."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _enqueue(self, content: WorkerSetup | Task) -> Future[Any]:
        call = _Call(content)
        with self._lock:
            if self._is_over:
                call.future.set_exception(WorkerEndedError(None))
            else:
                self._calls.put(call)
        return call.future

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        """Start the process, make one call after another, and wait for the end of the process."""
        try:
            with _started(logs_refusals=self._setup.logs_refusals) as (process, channel):
                with self._lock:
                    self._process = process
                    if self._is_over:  # closed meanwhile
                        process.kill()
                error = self._make_calls(channel, process)
        except Exception as not_started:
            error = not_started
        with self._lock:
            self._is_over = True
            while not self._calls.empty():
                if call := self._calls.get():
                    call.future.set_exception(error)

    def _make_calls(self, channel: wire.Channel, process: subprocess.Popen[bytes]) -> Exception:
        """Make calls until told to end or until one fails; return the error of all later ones."""
        number = 0
        while call := self._calls.get():
            number += 1
            try:
                channel.send(wire.encode_request(number, call.content))
                result = wire.decode_reply(channel.receive(wire.MAX_REPLY_BYTES), number)
            except DaemonError as error:
                call.future.set_exception(error)
            except (OSError, EOFError):
                ended = WorkerEndedError(_exit_code(process))
                call.future.set_exception(ended)
                return ended
            except Exception as error:  # an invalid reply, or a bug of ours
                process.kill()
                call.future.set_exception(error)
                return error
            else:
                call.future.set_result(result)
        return WorkerEndedError(None)


@contextlib.contextmanager
def _started(*, logs_refusals: bool) -> Iterator[tuple[subprocess.Popen[bytes], wire.Channel]]:
    """Start a worker process and open its channel; kill it and wait for its end after the block."""
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        channel, its_channel = socket.socketpair()
        # the kernel kills the worker when `held` is closed, at the latest with this process
        parent_pipe, held = os.pipe()
        ours.callback(os.close, held)
        theirs.callback(os.close, parent_pipe)
        ours.enter_context(channel)
        theirs.enter_context(its_channel)
        descriptors = [its_channel.fileno(), parent_pipe]
        if logs_refusals:
            refused, its_refused = socket.socketpair()
            theirs.enter_context(its_refused)
            descriptors.append(its_refused.fileno())
        process = subprocess.Popen(
            command(descriptors),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            pass_fds=descriptors, cwd="/", env=decoder_environment(os.environ),
        )  # fmt: skip
        theirs.close()
        if logs_refusals:
            refusals.log_from(refused, process.pid)
        try:
            yield process, wire.Channel(channel.fileno())
        finally:
            process.kill()
            process.wait()


def command(descriptors: Sequence[int]) -> list[str]:
    """Return the command line of a worker; -P: no folder but those of packages is imported from."""
    arguments = map(str, descriptors)
    return [sys.executable, "-P", "-m", "daemon.engine.worker_main", *arguments]


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a worker that has closed its channel; None if it goes on."""
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        return None
