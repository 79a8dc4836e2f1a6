"""What may be claimed now: scan when it is time, settle, and say why the rest must wait.

Time comes in by the door. A scan runs when the bell was rung, when a moving file could be still,
and every `rescan_seconds` (every `poll_seconds` where no events come); never so often that scanning
a huge tree costs more than a hundredth of a core while idle. It runs aside: a share whose server
hangs keeps the scan, and not the daemon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass

import structlog

from daemon.core.counters import Counters
from daemon.core.folder_rules import ByFolder
from daemon.core.io_thread import IoThread
from daemon.core.records import Fault, Stamp
from daemon.inbox.missed_events import MissedEvents
from daemon.inbox.queue import Queue, Turns
from daemon.inbox.scan import Listing, Scanner
from daemon.inbox.stability import StabilityReport, StabilityTracker
from daemon.inbox.watch import InboxWatcher

log = structlog.get_logger()

RUNG_GAP_SECONDS = 0.2  # a burst of events is one reason to look
IDLE_SHARE = 0.005  # of a core that unprompted scans may take
RUNG_SHARE = 0.05  # of a core that scans may take while events pour in
SLOW_SECONDS = 1.0  # a scan that takes longer is fetched on a later turn
STALL_SECONDS = 10.0  # a scan that takes longer is a share that does not answer, unless
STALL_TIMES = 3  # the one before took long, too: this many times that


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many files the last look found unanswered, by what they wait for.

    They are `unstable` until they are still, `incomplete` until their end has come, `ready` until a
    worker is free; those that `blocked` be taken wait for a person. `since` is when (monotonic
    seconds) the one that waits longest last changed before our eyes, None where none waits.
    """

    ready: int = 0
    unstable: int = 0
    incomplete: int = 0
    blocked: int = 0
    since: float | None = None


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look found: `hindrance` says why nothing may be taken though the inbox is there."""

    hindrance: str | None
    listing: Listing
    settled: StabilityReport
    queue: Queue
    refused: Mapping[str, str]
    cost: float
    took: float
    oldest: float | None

    @property
    def waiting(self) -> QueueCounts:
        """How many files wait for what."""
        ready, incomplete, blocked = map(
            len, (self.settled.ready, self.settled.incomplete, self.settled.blocked)
        )
        unstable = max(0, len(self.listing) - ready - incomplete - blocked)
        return QueueCounts(ready, unstable, incomplete, blocked + len(self.refused), self.oldest)


class Intake:
    """The inbox as the service sees it: a queue of ready files."""

    def __init__(
        self,
        scanner: Scanner,
        settle: StabilityTracker,
        watch: InboxWatcher,
        rescan_seconds: float,
        poll_seconds: float,
        is_new: Callable[[Listing], Listing],
        hindrance: Callable[[], str | None] = lambda: None,
        priority: ByFolder[int] | None = None,
        counters: Counters | None = None,
    ) -> None:
        """`is_new` filters a listing to what has not been read in place before.

        `hindrance` looks at the other folders and says why nothing may be taken now.
        """
        self._scanner = scanner
        self._settle = settle
        self._watch = watch
        self._rescan = rescan_seconds
        self._poll = poll_seconds
        self._is_new = is_new
        self._hindrance = hindrance
        self._counters = counters or Counters()
        self._missed_events = MissedEvents()
        self._io = IoThread("scan")
        self._looking: Future[_Looked] | None = None
        self._asked_at = 0.0
        self._priority = priority or ByFolder(0)
        self._turns = Turns()
        self._queue = self._queued({})
        self._listing: Listing = {}
        self._refused: dict[str, float] = {}
        self._said: Mapping[str, str] = {}
        self._rung = True
        self._cost = 0.0
        self._took = 0.0
        self._scanned_at = float("-inf")
        self._due: float | None = None
        self.fault: Fault | None = None
        self.waiting = QueueCounts()

    def end(self) -> None:
        """Look no more: the watch is stopped behind the look in hand, which would begin it anew."""
        self._io.end(self._watch.stop)

    def notify(self) -> None:
        """Note that something moved in the inbox."""
        self._missed_events.notify()
        self._rung = True

    @property
    def scanned_at(self) -> float:
        """When (monotonic seconds) the inbox was last looked at, minus infinity before."""
        return self._scanned_at

    @property
    def uses_events(self) -> bool:
        """Whether the next scan may wait for a filesystem event."""
        return self._watch.delivers

    @property
    def watch_fault(self) -> str | None:
        """What is wrong with the filesystem events, None if nothing is."""
        return self._watch.fault

    @property
    def overdue_at(self) -> float:
        """By when (monotonic seconds) a look must have come back, unless something hangs.

        A huge tree is looked at rarely, and its looks take long.
        """
        pace = max(self._rescan, self._poll, self._cost / IDLE_SHARE)
        return self._scanned_at + pace + STALL_SECONDS + STALL_TIMES * self._took

    def next_look(self) -> float:
        """Return when (monotonic seconds) the next scan is due, or the one in hand is asked for."""
        if self._looking is not None:
            return self._asked_at + SLOW_SECONDS
        if self._rung and not self.fault:
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
        if self._looking is None:
            is_unasked = not self._rung and self._watch.delivers
            rings = self._missed_events.rings if is_unasked else None
            self._rung = False
            self._scanned_at = now
            self._looking = self._io.begin(lambda: self._look(now, rings))
        self._asked_at = now
        wait([self._looking], SLOW_SECONDS)
        if (late := self._io.late_seconds) is not None:
            if late >= max(STALL_SECONDS, STALL_TIMES * self._took):
                self.pause(
                    "the inbox, or a folder that answers need, does not answer; restore it", now
                )
            return
        looking, self._looking = self._looking, None
        try:
            self._take_in(looking.result(), now)
        except OSError as error:
            self.pause(f"the inbox cannot be listed ({error.strerror}); restore it", now)

    def _look(self, now: float, rings: int | None) -> _Looked:
        began, spent = time.monotonic(), time.thread_time()
        self._watch.supervise()
        seen = self._scanner.scan()
        listing = self._is_new(seen.files)
        self._counters.missed_events += self._missed_events.observe(listing, rings)
        settled = self._settle.observe(listing, now)
        queue = self._queued(self._untried(settled.ready, now), self._queue)
        cost = time.thread_time() - spent  # what a share lets us wait for is no cost
        took = time.monotonic() - began
        oldest = self._settle.oldest
        refused, hindrance = seen.refused, self._hindrance()
        return _Looked(hindrance, listing, settled, queue, refused, cost, took, oldest)

    def _queued(self, ready: Mapping[str, float], before: Queue | None = None) -> Queue:
        return Queue(ready, self._priority, self._turns, before)

    def _untried(self, ready: Mapping[str, float], now: float) -> Mapping[str, float]:
        """Leave out what could not be claimed a moment ago: it must not take another's turn."""
        refused = {name for name, until in dict(self._refused).items() if now < until}
        return {name: since for name, since in ready.items() if name not in refused}

    def _take_in(self, looked: _Looked, now: float) -> None:
        self._cost, self._took = looked.cost, looked.took
        self._counters.scans.add(looked.took)
        self.waiting = looked.waiting
        self._refused = {name: at for name, at in self._refused.items() if name in looked.listing}
        self._due = looked.settled.due
        self._say({**looked.refused, **looked.settled.blocked}, looked.settled.incomplete)
        if looked.hindrance:
            self.pause(looked.hindrance, now)
            return
        if self.fault:
            log.info("intake.resumed", after=self.fault.why, seconds=round(now - self.fault.since))
        self.fault = None
        self._queue = looked.queue
        self._listing = looked.listing

    def next_ready(self, now: float) -> str | None:
        """Take the next ready file off the queue, None when there is none."""
        while (name := self._queue.take()) is not None:
            if now >= self._refused.get(name, now):
                self._refused.pop(name, None)
                return name
        return None

    def settled(self, name: str) -> Stamp:
        """Return the stamp with which a ready file has settled."""
        return self._listing[name]

    def refuse(self, name: str, until: float) -> None:
        """Leave a file alone that could not be claimed; `until` is monotonic seconds."""
        self._refused[name] = until

    def pause(self, why: str, now: float) -> None:
        """Take nothing until a later look finds that nothing hinders."""
        if self.fault is None or self.fault.why != why:
            log.error("intake.paused", reason=why)
            self.fault = Fault(why, self.fault.since if self.fault else now)
        self._queue = self._queued({})

    def _say(self, blocked: Mapping[str, str], incomplete: Mapping[str, str]) -> None:
        """Say once why a file must wait."""
        for name, reason in blocked.items():
            if self._said.get(name) != reason:
                log.warning("file.blocked", name=name, reason=reason)
        for name, reason in incomplete.items():
            if self._said.get(name) != reason:
                log.info("file.incomplete", name=name, reason=reason)
        self._said = {**incomplete, **blocked}
