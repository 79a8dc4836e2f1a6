"""The bell: a supervised watchdog observer that says "look now", never what happened.

Events are lost (a stalled reader saw 886 of 20 000 with watchdog 7), emitters die with a moved
folder while the observer says it is alive, and network mounts deliver none at all. So the scan is
the truth, and this room only makes it come sooner. Here alone is watchdog imported.
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
# where folders come and go quickly watchdog warns of itself, in lines as long as its whole list
warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
logging.getLogger("watchdog").setLevel(
    logging.CRITICAL
)  # and of events behind a stop that we asked

# our own reading opens and closes files: asking for those events would make the daemon wake itself
RINGING: list[type[FileSystemEvent]] = [
    DirCreatedEvent, DirMovedEvent, FileClosedEvent, FileCreatedEvent, FileModifiedEvent,
    FileMovedEvent,
]  # fmt: skip
TOLD: list[type[FileSystemEvent]] = [
    FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent,
]  # fmt: skip
SILENT_FILESYSTEMS = (
    "nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "glusterfs", "vboxsf", "virtiofs",
)  # fmt: skip


class _Bell(FileSystemEventHandler):
    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    def on_any_event(self, event: FileSystemEvent) -> None:
        del event  # the listing is the truth
        self._notify()


class InboxWatcher:
    """Rings when something moves in the inbox; `delivers` tells whether it can be relied upon."""

    def __init__(
        self, inbox: Path, mode: Literal["auto", "events", "scan"], notify: Callable[[], None]
    ) -> None:
        self._inbox = inbox
        self._wanted = mode == "events" or (mode == "auto" and delivers_events(inbox))
        self._wakeup = _Bell(notify)
        self._observer: BaseObserver | None = None
        self._root: tuple[int, int] | None = None
        self._refusal = ""

    @property
    def delivers(self) -> bool:
        """Whether events are coming in; otherwise the caller scans every `poll_seconds`."""
        return self._observer is not None

    @property
    def fault(self) -> str | None:
        """What is wrong with the events until the next `supervise`; accesses no folder."""
        observer = self._observer
        if observer is None or (observer.is_alive() and _all_alive(observer)):
            return None
        return "no filesystem events arrive any more; the next scan restarts the watch"

    def supervise(self) -> None:
        """Start or rebuild the observer where it is missing, half dead, or on a replaced folder."""
        if not self._wanted or self._is_sound():
            return
        self.stop()
        try:
            observer = self._started()
            self._root = _identity(self._inbox)
        except OSError as error:
            self._refuse(error)
            return
        self._observer = observer
        self._refusal = ""
        log.info("watch.started", inbox=str(self._inbox))

    def stop(self) -> None:
        """End the observer's threads."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=2)
            self._observer = None

    def _started(self) -> BaseObserver:
        """Return an observer that runs; making one may fail too (watchdog 7 opens inotify then)."""
        observer = Observer()
        try:
            observer.schedule(self._wakeup, str(self._inbox), recursive=True, event_filter=RINGING)
            observer.start()
        except OSError:
            observer.stop()  # or its inotify descriptor stays open
            raise
        return observer

    def _is_sound(self) -> bool:
        if self._observer is None or self._root != _identity(self._inbox):
            return False
        return self._observer.is_alive() and _all_alive(self._observer)

    def _refuse(self, error: OSError) -> None:
        """Say once why there are no events; the scans go on every `poll_seconds`."""
        if str(error) != self._refusal:
            self._refusal = str(error)
            limits = "raise fs.inotify.max_user_watches or max_user_instances"
            is_limit = error.errno in (errno.ENOSPC, errno.EMFILE)
            remedy = limits if is_limit else "restore the folder"
            log.warning("watch.refused", error=str(error), remedy=f"scanning instead; {remedy}")


def _all_alive(observer: BaseObserver) -> bool:
    return all(emitter.is_alive() for emitter in list(observer.emitters))


@dataclass(frozen=True, slots=True)
class FileEvent:
    """One event: what happened (created, modified, closed, moved, deleted) to a path, where to.

    `at` is monotonic seconds when watchdog told it, up to half a second after it happened.
    """

    what: str
    path: str
    to: str
    at: float


class _Ear(FileSystemEventHandler):
    def __init__(self, heard: SimpleQueue[FileEvent]) -> None:
        self._heard = heard

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            path, to = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
            self._heard.put(FileEvent(event.event_type, path, to, time.monotonic()))


@contextlib.contextmanager
def listening(folder: Path, heard: SimpleQueue[FileEvent]) -> Iterator[None]:
    """Put every event below a folder into `heard`; an OSError where none can be had."""
    observer = Observer()
    try:
        observer.schedule(_Ear(heard), str(folder), recursive=True, event_filter=TOLD)
        observer.start()
        yield
    finally:
        observer.stop()
        if observer.is_alive():
            observer.join(timeout=2)


def delivers_events(folder: Path) -> bool:
    """Tell from the filesystem type whether inotify sees what other machines write there."""
    return not mount_of(folder)[1].startswith(SILENT_FILESYSTEMS)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
