"""What an operator asks for by signals: SIGTERM, SIGINT to stop, SIGHUP to read the config anew.

Handlers set a flag and ring, nothing else. A terminal that is closed sends SIGHUP too: then nobody
asked for anything, and the daemon stops as it did before SIGHUP had another meaning.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """Counts the stops, and remembers one reload however often it was asked for."""

    def __init__(self, notify: Callable[[], None]) -> None:
        """Begin to listen; `notify` must be safe in a signal handler."""
        self.stops = 0
        self._reload = False
        self._notify = notify
        self._terminals = [stream for stream in (0, 1, 2) if os.isatty(stream)]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)

    def take_reload(self) -> bool:
        """Tell whether a reload was asked for since the last call."""
        was, self._reload = self._reload, False
        return was

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGHUP and all(os.isatty(stream) for stream in self._terminals):
            self._reload = True
        else:
            self.stops += 1
        self._notify()
