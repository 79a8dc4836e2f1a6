"""The intake: scans the inbox when a scan is due and keeps the queue of ready files.

The caller passes the time. A scan runs after a filesystem event, when a changing file could have
settled, and every `rescan_seconds` (every `poll_seconds` if no events arrive), but never so often
that scanning a huge tree costs more than a hundredth of a core while idle. It runs in a thread of
its own: a share whose server hangs blocks the scan and not the daemon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from itertools import islice

import structlog

from daemon.core.counters import Counters
from daemon.core.folder_rules import FolderRules
from daemon.core.io_thread import IoThread
from daemon.core.records import Fault, Stamp
from daemon.inbox.missed_events import MissedEvents
from daemon.inbox.queue import Queue, Turns
from daemon.inbox.scan import Listing, Scanner
from daemon.inbox.stability import StabilityReport, StabilityTracker
from daemon.inbox.uploads import UploadRecord, UploadRecords
from daemon.inbox.watch import InboxWatcher

log = structlog.get_logger()

EVENT_GAP_SECONDS = 0.2  # a burst of events causes one scan
IDLE_SHARE = 0.005  # of a core that periodic scans may take
EVENT_SHARE = 0.05  # of a core that scans may take while events keep arriving
DUE_SHARE = 0.25  # of a core, in a scan by which files have settled while events keep arriving
MAX_LISTED = 200  # files of each kind whose reason to wait is told by name
SLOW_SECONDS = 1.0  # the result of a scan that takes longer is collected on a later turn
STALL_SECONDS = 10.0  # a scan that takes longer means that a share does not respond, unless
STALL_TIMES = 3  # the scan before took long too: this many times as long


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many files the last scan found, by what they wait for.

    They are `unstable` until they stop changing, `incomplete` until their end has arrived, `ready`
    until a worker is free; a `blocked` file waits for an operator. `since` is when (monotonic
    seconds) the oldest of them was last seen to change, None without files.
    """

    ready: int = 0
    unstable: int = 0
    incomplete: int = 0
    blocked: int = 0
    since: float | None = None


@dataclass(frozen=True, slots=True)
class WaitingFiles:
    """Why files of the last scan wait, by name, for at most `MAX_LISTED` of each kind.

    `unstable`, `incomplete` and `blocked` are those of `QueueCounts`, the latter two with a reason
    each. `upcoming` are the first of the `ready` files, in the order in which they will be taken.
    """

    unstable: tuple[str, ...] = ()
    incomplete: Mapping[str, str] = field(default_factory=dict)
    blocked: Mapping[str, str] = field(default_factory=dict)
    upcoming: tuple[str, ...] = ()
    ready: int = 0


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The result of a scan; `fault` is why no file may be taken although the inbox is there.

    `cost` is the CPU time of the scan and `duration` its wall time, in seconds.
    """

    fault: str | None
    listing: Listing
    stability: StabilityReport
    queue: Queue
    refused: Mapping[str, str]
    cost: float
    duration: float
    oldest: float | None
    files: WaitingFiles

    @property
    def counts(self) -> QueueCounts:
        """The number of files by what they wait for."""
        ready, incomplete, blocked = map(
            len, (self.stability.ready, self.stability.incomplete, self.stability.blocked)
        )
        unstable = max(0, len(self.listing) - ready - incomplete - blocked)
        return QueueCounts(ready, unstable, incomplete, blocked + len(self.refused), self.oldest)


class Intake:
    """The inbox as the main loop uses it: a queue of ready files."""

    def __init__(
        self,
        scanner: Scanner,
        stability: StabilityTracker,
        watch: InboxWatcher,
        rescan_seconds: float,
        poll_seconds: float,
        only_new: Callable[[Listing], Listing],
        check_volumes: Callable[[], str | None] = lambda: None,
        priority: FolderRules[int] | None = None,
        counters: Counters | None = None,
        uploads: UploadRecords | None = None,
    ) -> None:
        """`only_new` removes from a listing the files that were read in place before.

        `check_volumes` checks the other folders and returns why no file may be taken now, if so.
        `uploads` are the records of what the web process puts into the inbox, if there is one.
        """
        self._scanner = scanner
        self._stability = stability
        self._watch = watch
        self._rescan_seconds = rescan_seconds
        self._poll_seconds = poll_seconds
        self._only_new = only_new
        self._check_volumes = check_volumes
        self._counters = counters or Counters()
        self._uploads = uploads
        self._missed_events = MissedEvents()
        self._io = IoThread("scan")
        self._scanning: Future[_Snapshot] | None = None
        self._waited_at = 0.0
        self._priority = priority or FolderRules(0)
        self._turns = Turns()
        self._queue = self._new_queue({})
        self._listing: Listing = {}
        self._postponed: dict[str, tuple[float, str]] = {}
        self._logged: Mapping[str, str] = {}
        self._is_notified = True
        self._has_unchecked = False
        self._cost = 0.0
        self._duration = 0.0
        self._scanned_at = float("-inf")
        self._due: float | None = None
        self.fault: Fault | None = None
        self.waiting = QueueCounts()
        self.waiting_files = WaitingFiles()

    def end(self) -> None:
        """Stop scanning; the watch stops after the running scan, which would start it again."""
        self._io.stop(self._watch.stop)

    def notify(self) -> None:
        """Note that something changed in the inbox."""
        self._missed_events.notify()
        self._is_notified = True

    @property
    def scanned_at(self) -> float:
        """When (monotonic seconds) the last scan began, minus infinity before the first."""
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
        """By when (monotonic seconds) a scan must have returned, unless something hangs.

        A huge tree is scanned rarely, and its scans take long.
        """
        interval = max(self._rescan_seconds, self._poll_seconds, self._cost / IDLE_SHARE)
        return self._scanned_at + interval + STALL_SECONDS + STALL_TIMES * self._duration

    def next_scan(self) -> float:
        """Return when (monotonic seconds) `scan_if_due` has something to do."""
        if self._scanning is not None:
            return self._waited_at + SLOW_SECONDS
        if (self._is_notified or self._has_unchecked) and not self.fault:
            pause = max(EVENT_GAP_SECONDS, self._cost / EVENT_SHARE)
            if self._due is not None:
                pause = min(pause, max(self._due - self._scanned_at, self._cost / DUE_SHARE))
            return self._scanned_at + pause
        interval = self._rescan_seconds if self._watch.delivers else self._poll_seconds
        if self.fault:
            interval = self._poll_seconds
        regular = self._scanned_at + max(interval, self._cost / IDLE_SHARE)
        return regular if self._due is None else min(regular, self._due)

    def scan_if_due(self, now: float) -> None:
        """Scan if it is time; a missing inbox is a fault that can pass, and not an empty inbox."""
        if now < self.next_scan():
            return
        if self._scanning is None:
            is_periodic = not self._is_notified and self._watch.delivers
            notifications = self._missed_events.notifications if is_periodic else None
            self._is_notified = False
            self._scanned_at = now
            self._scanning = self._io.start(lambda: self._scan(now, notifications))
        self._waited_at = now
        wait([self._scanning], SLOW_SECONDS)
        if (stalled_seconds := self._io.stalled_seconds) is not None:
            if stalled_seconds >= max(STALL_SECONDS, STALL_TIMES * self._duration):
                self.pause(
                    "the inbox, or a folder that answers need, does not answer; restore it", now
                )
            return
        scanning, self._scanning = self._scanning, None
        try:
            self._apply(scanning.result(), now)
        except OSError as error:
            self.pause(f"the inbox cannot be listed ({error.strerror}); restore it", now)

    def _scan(self, now: float, notifications: int | None) -> _Snapshot:
        began, cpu_before = time.monotonic(), time.thread_time()
        self._watch.supervise()
        result = self._scanner.scan(self._stability.knows(now))
        listing = self._only_new(result.files)
        if self._uploads:
            self._uploads.refresh()
        self._counters.missed_events += self._missed_events.observe(listing, notifications)
        stability = self._stability.observe(listing, now)
        ready = self._not_postponed(stability.ready, now)
        queue = self._new_queue(ready, self._queue, self._awaited(listing))
        cost = time.thread_time() - cpu_before  # waiting for a share costs nothing
        duration = time.monotonic() - began
        oldest = self._stability.oldest
        blocked = {**result.refused, **stability.blocked, **self._reasons_of_postponed()}
        files = _waiting_files(listing, stability, blocked, queue)
        fault = self._check_volumes()
        return _Snapshot(
            fault, listing, stability, queue, result.refused, cost, duration, oldest, files
        )

    def _new_queue(
        self,
        ready: Mapping[str, float],
        before: Queue | None = None,
        awaited: Set[str] = frozenset(),
    ) -> Queue:
        return Queue(ready, self._priority, self._turns, before, awaited)

    def _awaited(self, listing: Listing) -> set[str]:
        """Return the uploads in a listing whose answers clients wait for."""
        uploads = self._uploads.all() if self._uploads else []
        return {
            upload.name
            for upload in uploads
            if upload.is_awaited
            and upload.name in listing
            and upload.is_stamped(listing[upload.name])
        }

    def _not_postponed(self, ready: Mapping[str, float], now: float) -> Mapping[str, float]:
        """Leave out the files that could not be claimed: they must not use up a turn."""
        postponed = {name for name, (until, _) in dict(self._postponed).items() if now < until}
        return {name: since for name, since in ready.items() if name not in postponed}

    def _reasons_of_postponed(self) -> dict[str, str]:
        return {name: reason for name, (_, reason) in dict(self._postponed).items()}

    def _apply(self, snapshot: _Snapshot, now: float) -> None:
        self._cost, self._duration = snapshot.cost, snapshot.duration
        self._counters.scans.observe(snapshot.duration)
        self.waiting = snapshot.counts
        self.waiting_files = snapshot.files
        self._postponed = {
            name: postponed
            for name, postponed in self._postponed.items()
            if name in snapshot.listing
        }
        self._due = snapshot.stability.due
        self._has_unchecked = snapshot.stability.unchecked > 0
        blocked = {**snapshot.refused, **snapshot.stability.blocked}
        self._log_waiting(blocked, snapshot.stability.incomplete)
        if snapshot.fault:
            self.pause(snapshot.fault, now)
            return
        if self.fault:
            log.info(
                "intake.resumed", after=self.fault.message, seconds=round(now - self.fault.since)
            )
        self.fault = None
        self._queue = snapshot.queue
        self._listing = snapshot.listing

    def next_ready(self, now: float) -> str | None:
        """Remove the next ready file from the queue and return it, None if there is none."""
        while (name := self._queue.pop()) is not None:
            if now >= self._postponed.get(name, (now, ""))[0]:
                self._postponed.pop(name, None)
                return name
        return None

    @property
    def has_awaited(self) -> bool:
        """Whether a client waits for the answer to a ready file."""
        return self._queue.has_awaited

    def upload_of(self, name: str) -> UploadRecord | None:
        """Return the record of a ready file, None if it is no upload."""
        return self._uploads.of(name, self._listing[name]) if self._uploads else None

    def stamp_of(self, name: str) -> Stamp:
        """Return the stamp with which a ready file has settled."""
        return self._listing[name]

    def verify(self, name: str, now: float) -> None:
        """Raise NotReady unless a ready file is complete and still as it settled.

        Accesses the inbox: a share may hang.
        """
        self._stability.verify(name, self._listing[name], now)

    def recheck(self, name: str) -> None:
        """Look at a file anew with the next scan: it changed before it could be claimed."""
        self._stability.recheck(name)

    def postpone(self, name: str, until: float, reason: str) -> None:
        """Offer a file that could not be claimed again only after `until` (monotonic seconds)."""
        self._postponed[name] = until, reason
        self.recheck(name)

    def pause(self, reason: str, now: float) -> None:
        """Offer no file until a later scan finds no fault."""
        if self.fault is None or self.fault.message != reason:
            log.error("intake.paused", reason=reason)
            self.fault = Fault(reason, self.fault.since if self.fault else now)
        self._queue = self._new_queue({})

    def _log_waiting(self, blocked: Mapping[str, str], incomplete: Mapping[str, str]) -> None:
        """Log once why a file has to wait."""
        for name, reason in blocked.items():
            if self._logged.get(name) != reason:
                log.warning("file.blocked", name=name, reason=reason)
        for name, reason in incomplete.items():
            if self._logged.get(name) != reason:
                log.info("file.incomplete", name=name, reason=reason)
        self._logged = {**incomplete, **blocked}


def _waiting_files(
    listing: Listing, stability: StabilityReport, blocked: Mapping[str, str], queue: Queue
) -> WaitingFiles:
    """Return why the files of a listing wait; a file that could not be claimed is blocked."""
    settled = stability.ready, stability.incomplete, blocked
    unstable = (name for name in listing if not any(name in known for known in settled))
    return WaitingFiles(
        tuple(islice(unstable, MAX_LISTED)),
        dict(islice(stability.incomplete.items(), MAX_LISTED)),
        dict(islice(blocked.items(), MAX_LISTED)),
        queue.upcoming(MAX_LISTED),
        len(queue),
    )
