"""The deadline of a task: processor seconds of its worker, measured from outside.

Time in which the worker waits for a disk, a share or a busy processor is not its own: it has
`WALL_FACTOR` times as long by the clock, and what ends there is a fault of the environment. A
worker that neither computes nor waits for anything outside hangs, and ends after the same seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.errors import Deferred, Died, Unconfirmed
from daemon.core.processes import Wait

WALL_FACTOR = 10.0  # seconds of the clock for each processor second that a task may take
PAUSE_SECONDS = 5.0  # between two checks, which come every 0.05 s: the daemon was paused as well

_WAITED_FOR: dict[Wait, str] = {
    "disk": "a disk or share that does not answer",
    "processor": "a processor that other programs use",
    "stopped": "a signal to go on (it was stopped)",
    "itself": "others of its threads",
}


class Deadline:
    """The time of one task; `now` is monotonic seconds, `used` processor seconds of its worker."""

    def __init__(self, seconds: float, used: float, now: float) -> None:
        self._seconds = seconds
        self._used_before = self._used = used
        self._began = self._progressed_at = self._checked_at = now
        self._is_noted = False

    def verdict(
        self, used: float, now: float, waits_for: Callable[[], Wait]
    ) -> Died | Deferred | None:
        """Return why the worker must be stopped, None while it may go on."""
        self._leave_out_pauses(now)
        if used > self._used:
            self._used, self._progressed_at = used, now
        if used - self._used_before > self._seconds:
            return Died("timeout", f"took more than {self._seconds:g} s of processor time")
        is_idle = now - self._progressed_at > self._seconds
        if is_idle and waits_for() == "itself":
            return Died("timeout", f"hung for {self._seconds:g} s without using the processor")
        if now - self._began > self._seconds * WALL_FACTOR:
            wait = waits_for()
            # the kernel says who gets no processor; for the rest a worker may only pretend to wait
            error = Deferred if wait == "processor" else Unconfirmed
            return error(f"{self._waiting(now, wait)}; the task begins anew")
        return None

    def notice(self, now: float, waits_for: Callable[[], Wait]) -> str | None:
        """Return once what the worker waits for, when it should have ended by the clock."""
        if self._is_noted or now - self._began <= self._seconds:
            return None
        self._is_noted = True
        return self._waiting(now, waits_for())

    def _leave_out_pauses(self, now: float) -> None:
        """Do not count the time in which nobody could check, nor the worker compute."""
        pause, self._checked_at = now - self._checked_at, now
        if pause > PAUSE_SECONDS:
            self._began += pause
            self._progressed_at += pause

    def _waiting(self, now: float, wait: Wait) -> str:
        used, took = self._used - self._used_before, now - self._began
        return (
            f"a worker has computed for {used:.1f} of {took:.0f} s: "
            f"it waits for {_WAITED_FOR[wait]}"
        )
