"""Signals of the daemon: SIGTERM and SIGINT stop it, SIGHUP reloads the config.

Handlers set a flag and wake the main loop, nothing else. A terminal that is closed sends SIGHUP,
too: that is no request to reload, and the daemon stops as it does by default.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """Counts requests to stop, and notes whether a reload was requested."""

    def __init__(self, notify: Callable[[], None]) -> None:
        """Install the handlers; `notify` must be safe in a signal handler."""
        self.stops = 0
        self._reload = False
        self._notify = notify
        self._terminals = [stream for stream in (0, 1, 2) if os.isatty(stream)]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def reload_requested(self) -> bool:
        """Tell whether a reload was requested since the last call."""
        was_requested, self._reload = self._reload, False
        return was_requested

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGHUP and all(os.isatty(stream) for stream in self._terminals):
            self._reload = True
        else:
            self.stops += 1
        self._notify()
