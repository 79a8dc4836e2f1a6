"""Threads for file operations that may block for ever, with a time limit for the caller.

On a share whose server is gone `stat` waits in the kernel, where no signal reaches it. So every
access to a shared folder runs in an IoThread. The main loop waits for a few seconds; if the call
has not returned by then, the loop goes on, with the reason in its heartbeat, until the call does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

import structlog

from daemon.core.records import Fault

log = structlog.get_logger()
T = TypeVar("T")

_Call = tuple[Future[object], Callable[[], object]]
STOP_TIMEOUT_SECONDS = 2.0  # how long `stop` waits for the running call
CALL_TIMEOUT_SECONDS = 5.0  # a loop that waits longer would look dead


class Stalled(Exception):
    """The call has not returned yet; it goes on and must not be repeated meanwhile."""


class IoThread:
    """A daemon thread that runs one call at a time; it never keeps the process from ending."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._last: Future[object] | None = None
        self._since = 0.0
        self._description = ""
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def stalled(self) -> Fault | None:
        """The running call as a fault, None if no call is running."""
        if self.stalled_seconds is None:
            return None
        message = f"a folder does not answer ({self._description}); restore the share"
        return Fault(message, self._since)

    @property
    def stalled_seconds(self) -> float | None:
        """How long the present call has been running, None if no call is running."""
        if self._last is None or self._last.done():
            return None
        return time.monotonic() - self._since

    @property
    def failure(self) -> BaseException | None:
        """The exception of the last call, which must have returned; None without one."""
        return self._last.exception(0) if self._last else None

    def start(self, step: Callable[[], T]) -> Future[T]:
        """Start a call; the one before it must have returned."""
        assert self.stalled_seconds is None, "one call at a time"
        future: Future[T] = Future()
        self._last, self._since = future, time.monotonic()  # type: ignore[assignment]
        self._calls.put((future, step))  # type: ignore[arg-type]
        return future

    def call(self, description: str, step: Callable[[], T]) -> T:
        """Return (or raise) the result of `step`; raise Stalled if it takes too long.

        `description` names the call in log and heartbeat.
        """
        self._description = description
        future = self.start(step)
        try:
            return future.result(CALL_TIMEOUT_SECONDS)
        except TimeoutError as error:
            if future.done():  # the TimeoutError of `step` itself
                raise
            reason = "a folder does not answer; restore the share"
            log.error("io.stalled", step=description, reason=reason)
            raise Stalled from error

    def stop(self, last: Callable[[], object] = lambda: None) -> None:
        """End the thread after the running call and `last`; waits up to STOP_TIMEOUT_SECONDS."""
        ended: Future[object] = Future()
        self._calls.put((ended, last))
        self._calls.put(None)
        wait([ended], STOP_TIMEOUT_SECONDS)

    def _work(self) -> None:
        while call := self._calls.get():
            future, step = call
            try:
                future.set_result(step())
            except BaseException as error:
                future.set_exception(error)
