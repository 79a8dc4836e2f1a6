"""What may be claimed now: scan when it is time, settle, and say why the rest must wait.

Time comes in by the door. A scan runs when the bell was rung, when a moving file could be still,
and every `rescan_seconds` (every `poll_seconds` where no events come); never so often that scanning
a huge tree costs more than a hundredth of a core while idle.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

import structlog

from daemon.inbox.scan import Listing, Scanner
from daemon.inbox.settle import Settle
from daemon.inbox.watch import Watch

log = structlog.get_logger()

RUNG_GAP_SECONDS = 0.2  # a burst of events is one reason to look
IDLE_SHARE = 0.005  # of a core that unprompted scans may take
RUNG_SHARE = 0.05  # of a core that scans may take while events pour in


class Intake:
    """The inbox as the service sees it: a queue of ready files, oldest first."""

    def __init__(
        self,
        scanner: Scanner,
        settle: Settle,
        watch: Watch,
        rescan_seconds: float,
        poll_seconds: float,
        is_new: Callable[[Listing], Listing],
    ) -> None:
        """`is_new` filters a listing to what has not been read in place before."""
        self._scanner = scanner
        self._settle = settle
        self._watch = watch
        self._rescan = rescan_seconds
        self._poll = poll_seconds
        self._is_new = is_new
        self._ready: deque[str] = deque()
        self._refused: dict[str, float] = {}
        self._said: Mapping[str, str] = {}
        self._rung = True
        self._cost = 0.0
        self._scanned_at = float("-inf")
        self._due: float | None = None
        self.fault: str | None = None

    def ring(self) -> None:
        """Note that something moved in the inbox."""
        self._rung = True

    @property
    def scanned_at(self) -> float:
        """When (monotonic seconds) the inbox was last looked at, minus infinity before."""
        return self._scanned_at

    def next_look(self) -> float:
        """Return when (monotonic seconds) the next scan is due."""
        if self._rung:
            return self._scanned_at + max(RUNG_GAP_SECONDS, self._cost / RUNG_SHARE)
        pace = self._rescan if self._watch.delivers else self._poll
        if self.fault:
            pace = self._poll
        regular = self._scanned_at + max(pace, self._cost / IDLE_SHARE)
        return regular if self._due is None else min(regular, self._due)

    def look(self, now: float) -> None:
        """Scan if it is time; a missing inbox is a fault that heals by itself, not an empty one."""
        if now < self.next_look():
            return
        self._rung = False
        try:
            began = time.perf_counter()
            self._watch.supervise()
            seen = self._scanner.scan()
            settled = self._settle.observe(self._is_new(seen.files), now)
            self._cost = time.perf_counter() - began
        except OSError as error:
            self._break(f"the inbox cannot be listed ({error.strerror}); restore it", now)
            return
        if self.fault:
            log.info("inbox.back", after=self.fault)
        self.fault = None
        self._scanned_at = now
        self._due = settled.due
        self._ready = deque(settled.ready)
        self._say({**seen.refused, **settled.cannot}, settled.busy)

    def next_ready(self, now: float) -> str | None:
        """Take the oldest ready file off the queue, None when there is none."""
        while self._ready:
            name = self._ready.popleft()
            if now >= self._refused.get(name, now):
                self._refused.pop(name, None)
                return name
        return None

    def refuse(self, name: str, until: float) -> None:
        """Leave a file alone that could not be claimed; `until` is monotonic seconds."""
        self._refused[name] = until

    def _break(self, fault: str, now: float) -> None:
        if self.fault is None:
            log.error("inbox.gone", error=fault)
        self.fault = fault
        self._scanned_at = now
        self._ready.clear()

    def _say(self, cannot: Mapping[str, str], busy: Mapping[str, str]) -> None:
        """Say once why a file must wait."""
        for name, reason in cannot.items():
            if self._said.get(name) != reason:
                log.warning("file.cannot", name=name, reason=reason)
        for name, reason in busy.items():
            if self._said.get(name) != reason:
                log.info("file.busy", name=name, reason=reason)
        self._said = {**busy, **cannot}
