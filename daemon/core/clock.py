"""Clocks for times that outlast a restart, on machines whose clock is set while the daemon runs.

Waiting within a run uses `time.monotonic`. Times in the ledger and of files are seconds since 1970;
what is decided from their age must not go wrong because somebody sets the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]

JUMP_SECONDS = 2.0  # by which the wall clock must leave the other one: less is adjusted smoothly
ADOPT_SECONDS = 86_400.0  # for which a clock that was set forward must stay so, to be believed
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on during suspend


def elapsed() -> float:
    """Return seconds since the machine was started, suspend included; nobody can set them."""
    return time.clock_gettime(_BOOT_TIME)


class JumpDetector:
    """Tells by how much the wall clock was set since the last question."""

    def __init__(self, wall: Clock, steady: Clock) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self.jumped_at: float | None = None  # by the steady clock

    def jump(self) -> float:
        """Return the seconds by which the clock was set forward (negative: back), else 0."""
        offset = self._wall() - self._steady()
        jump = offset - self._offset
        if abs(jump) < JUMP_SECONDS:
            return 0.0
        self._offset, self.jumped_at = offset, self._steady()
        return jump


class CautiousClock:
    """Seconds since 1970 by which nothing looks older than it is, for what removes old files.

    A clock that is set forward is believed after a day, one that is set back at once. Until then
    time goes on from where it was. The clock at the start of the process is believed.
    """

    def __init__(self, wall: Clock = time.time, steady: Clock = elapsed) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._ahead_since: float | None = None

    def __call__(self) -> float:
        """Return the time."""
        steady = self._steady()
        offset = self._wall() - steady
        if offset - self._offset < JUMP_SECONDS:  # smoothly adjusted, or set back
            self._offset, self._ahead_since = offset, None
        elif self._ahead_since is None:
            self._ahead_since = steady
        elif steady - self._ahead_since >= ADOPT_SECONDS:
            self._offset, self._ahead_since = offset, None
        return steady + self._offset
