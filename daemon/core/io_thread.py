"""Calls that may never come back: a thread of its own for each kind, and patience that ends.

A share whose server is gone makes `stat` wait in the kernel, where no signal helps. So whatever
touches a shared folder is called aside; the loop waits a little, and where the call is late it goes
on turning, with the reason in its heartbeat, until the call comes back by itself.
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
END_SECONDS = 2.0  # that who ends it waits for the call in hand
PATIENCE_SECONDS = 5.0  # a loop that waits longer seems dead


class Stalled(Exception):
    """The call has not come back yet; it goes on by itself and must not be made again meanwhile."""


class IoThread:
    """One thread that makes one call at a time; it dies with the process, wherever it hangs."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._last: Future[object] | None = None
        self._since = 0.0
        self._doing = ""
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def stall(self) -> Fault | None:
        """What is waited for and since when, None where no call is in hand."""
        if self.late_seconds is None:
            return None
        return Fault(f"a folder does not answer ({self._doing}); restore the share", self._since)

    @property
    def late_seconds(self) -> float | None:
        """How long the call in hand has been waited for, None where none is."""
        if self._last is None or self._last.done():
            return None
        return time.monotonic() - self._since

    @property
    def failure(self) -> BaseException | None:
        """What the last call raised, None where it did not; it must have come back."""
        return self._last.exception(0) if self._last else None

    def begin(self, step: Callable[[], T]) -> Future[T]:
        """Begin a call; the one before it must have come back."""
        assert self.late_seconds is None, "one call at a time"
        future: Future[T] = Future()
        self._last, self._since = future, time.monotonic()  # type: ignore[assignment]
        self._calls.put((future, step))  # type: ignore[arg-type]
        return future

    def call(self, doing: str, step: Callable[[], T]) -> T:
        """Return (or raise) what `step` does; Late when it has not come back in time.

        `doing` says what it is, for whoever asks why it is late.
        """
        self._doing = doing
        future = self.begin(step)
        try:
            return future.result(PATIENCE_SECONDS)
        except TimeoutError as error:
            if future.done():  # a TimeoutError of its own
                raise
            log.error(
                "io.stalled", step=doing, reason="a folder does not answer; restore the share"
            )
            raise Stalled from error

    def end(self, last: Callable[[], object] = lambda: None) -> None:
        """Let the thread end after the call in hand and `last`, which are waited for a moment."""
        ended: Future[object] = Future()
        self._calls.put((ended, last))
        self._calls.put(None)
        wait([ended], END_SECONDS)

    def _work(self) -> None:
        while call := self._calls.get():
            future, step = call
            try:
                future.set_result(step())
            except BaseException as error:
                future.set_exception(error)
