"""A self-pipe that wakes the main loop from threads and signal handlers.

A threading.Event would not do: a signal handler that sets it while the loop holds its lock would
deadlock.
"""

from __future__ import annotations

import contextlib
import os
import select


class WakeupPipe:
    """Notify from anywhere, wait in the loop; a notification before the wait is not lost."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def notify(self) -> None:
        """Wake the loop; never blocks, safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b"!")

    def wait(self, seconds: float) -> None:
        """Return after a notification, or after `seconds`."""
        select.select([self._reader], [], [], max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
