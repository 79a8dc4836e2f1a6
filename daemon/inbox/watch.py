"""Filesystem events: a supervised watchdog observer that requests a scan and reports no details.

Events get lost (a stalled reader received 886 of 20 000 with watchdog 7), emitters die with a moved
folder while the observer reports that it is alive, and network mounts deliver none at all. So the
directory scan is authoritative, and an event only makes it come sooner. No other module imports
watchdog.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from daemon.core.volumes import mount_of

log = structlog.get_logger()
# if folders come and go quickly, watchdog warns in lines as long as its list of watches
warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
# and it logs events that arrive after `stop`
logging.getLogger("watchdog").setLevel(logging.CRITICAL)

# the daemon itself opens and closes files to read them: those events would wake it for nothing
SCAN_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent, DirMovedEvent, FileClosedEvent, FileCreatedEvent, FileModifiedEvent,
    FileMovedEvent,
]  # fmt: skip
REPORTED_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent,
]  # fmt: skip
REMOTE_FILESYSTEMS = (
    "nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "glusterfs", "vboxsf", "virtiofs",
)  # fmt: skip


class _ScanRequester(FileSystemEventHandler):
    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    def on_any_event(self, event: FileSystemEvent) -> None:
        del event  # the scan finds out what happened
        self._notify()


class InboxWatcher:
    """Calls `notify` when something changes in the inbox; may be unable to (see `delivers`)."""

    def __init__(
        self, inbox: Path, mode: Literal["auto", "events", "scan"], notify: Callable[[], None]
    ) -> None:
        self._inbox = inbox
        self._is_enabled = mode == "events" or (mode == "auto" and delivers_events(inbox))
        self._handler = _ScanRequester(notify)
        self._observer: BaseObserver | None = None
        self._root: tuple[int, int] | None = None
        self._last_error = ""

    @property
    def delivers(self) -> bool:
        """Whether the observer runs; otherwise the caller scans every `poll_seconds`."""
        return self._observer is not None

    @property
    def fault(self) -> str | None:
        """What is wrong with the events until the next `supervise`; accesses no folder."""
        observer = self._observer
        if observer is None or (observer.is_alive() and _all_alive(observer)):
            return None
        return "no filesystem events arrive any more; the next scan restarts the watch"

    def supervise(self) -> None:
        """Start the observer, or restart it if it is partly dead or its folder was replaced."""
        if not self._is_enabled or self._is_working():
            return
        self.stop()
        try:
            observer = self._start()
            self._root = _identity(self._inbox)
        except OSError as error:
            self._warn_once(error)
            return
        self._observer = observer
        self._last_error = ""
        log.info("watch.started", inbox=str(self._inbox))

    def stop(self) -> None:
        """End the observer's threads."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=2)
            self._observer = None

    def _start(self) -> BaseObserver:
        """Return a running observer; creating one may fail too (watchdog 7 opens inotify there)."""
        observer = Observer()
        try:
            observer.schedule(
                self._handler, str(self._inbox), recursive=True, event_filter=SCAN_EVENTS
            )
            observer.start()
        except OSError:
            observer.stop()  # otherwise its inotify descriptor stays open
            raise
        return observer

    def _is_working(self) -> bool:
        if self._observer is None or self._root != _identity(self._inbox):
            return False
        return self._observer.is_alive() and _all_alive(self._observer)

    def _warn_once(self, error: OSError) -> None:
        """Log why there are no events, once; scans go on every `poll_seconds`."""
        if str(error) != self._last_error:
            self._last_error = str(error)
            limits = "raise fs.inotify.max_user_watches or max_user_instances"
            is_limit = error.errno in (errno.ENOSPC, errno.EMFILE)
            remedy = limits if is_limit else "restore the folder"
            log.warning("watch.refused", error=str(error), remedy=f"scanning instead; {remedy}")


def _all_alive(observer: BaseObserver) -> bool:
    return all(emitter.is_alive() for emitter in list(observer.emitters))


@dataclass(frozen=True, slots=True)
class FileEvent:
    """One filesystem event: `what` is created, modified, closed, moved or deleted.

    `to` is the new path of a moved file. `at` is when watchdog reported it (monotonic seconds), up
    to half a second after it happened.
    """

    what: str
    path: str
    to: str
    at: float


class _EventRecorder(FileSystemEventHandler):
    def __init__(self, events: SimpleQueue[FileEvent]) -> None:
        self._events = events

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            path, to = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
            self._events.put(FileEvent(event.event_type, path, to, time.monotonic()))


@contextlib.contextmanager
def recorded_events(folder: Path, events: SimpleQueue[FileEvent]) -> Iterator[None]:
    """Put every event below a folder into `events`; an OSError if the folder cannot be watched."""
    observer = Observer()
    try:
        observer.schedule(
            _EventRecorder(events), str(folder), recursive=True, event_filter=REPORTED_EVENTS
        )
        observer.start()
        yield
    finally:
        observer.stop()
        if observer.is_alive():
            observer.join(timeout=2)


def delivers_events(folder: Path) -> bool:
    """Return whether inotify reports what other machines write there, by the filesystem type."""
    return not mount_of(folder)[1].startswith(REMOTE_FILESYSTEMS)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
