"""What the loop waits for: a pipe that threads and signal handlers may ring at any moment.

An Event would not do: a signal handler that sets it while the loop is just inside its lock would
wait for itself.
"""

from __future__ import annotations

import contextlib
import os
import select


class WakeupPipe:
    """Ring from anywhere, wait in the loop; rings before the wait are not lost."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def notify(self) -> None:
        """Wake the loop; never blocks, safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b"!")

    def wait(self, seconds: float) -> None:
        """Return when rung or after `seconds`."""
        select.select([self._reader], [], [], max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
