"""The filesystems of the daemon's folders: whether they are still mounted, and their free space.

An unmounted share leaves an empty folder on the disk below. Answers written there would be hidden
once the share is mounted again, so the mount point of each folder is recorded at the start.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from daemon.core.io_thread import IoThread

_OCTAL = re.compile(rb"\\([0-7]{3})")  # how the mount table escapes blanks
_MISSING = (errno.ENODEV, "no such folder")
MOUNT_TABLE = Path("/proc/self/mountinfo")


def mount_of(folder: Path) -> tuple[str, str]:
    """Return mount point and type of the filesystem that contains `folder` (proc(5), mountinfo).

    Both are empty if they are unknown.
    """
    path = os.path.realpath(folder)
    best, kind = "", ""
    try:
        table = MOUNT_TABLE.read_bytes()
    except OSError:
        return "", ""
    for line in table.strip().split(b"\n"):
        before, _, after = line.partition(b" - ")
        raw = _OCTAL.sub(lambda code: bytes([int(code[1], 8)]), before.split(b" ")[4])
        mount = os.fsdecode(raw)
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, os.fsdecode(after.split(b" ")[0])
    return best, kind


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Free and total bytes of a filesystem."""

    free: int
    total: int


class Volume:
    """A folder and the filesystem on which it was when the daemon started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mount, _ = mount_of(folder)
        self._device = _device(folder)
        self.disk_usage: DiskUsage | None = None

    def check(self) -> None:
        """Raise OSError (ENODEV) if the folder is missing or its filesystem is not mounted.

        A folder that was created again on the same filesystem, or a share that was mounted again,
        is accepted.
        """
        if not self.folder.is_dir():
            exists = os.path.lexists(self.folder)
            code, message = (errno.ENOTDIR, "Not a directory") if exists else _MISSING
            raise OSError(code, message, str(self.folder))
        device = self.folder.stat().st_dev
        if device == self._device:
            return
        mount, _ = mount_of(self.folder)
        if mount != self._mount and self._mount.startswith(mount.rstrip("/") + "/"):
            raise OSError(errno.ENODEV, f"{self._mount} is not mounted", str(self.folder))
        self._mount, self._device = mount, device

    def mount_problem(self) -> str | None:
        """Return why the folder is not available, None if it is."""
        try:
            self.check()
        except OSError as error:
            return f"{self.folder} is not available ({error.strerror}); restore it"
        return None

    def problem(self, min_free_bytes: int) -> str | None:
        """Return why the daemon cannot write in the folder, None if it can; set `disk_usage`."""
        self.disk_usage, problem = self._check_writing(min_free_bytes)
        return problem

    def _check_writing(self, min_free_bytes: int) -> tuple[DiskUsage | None, str | None]:
        if problem := self.mount_problem():
            return None, problem
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return None, f"{self.folder} cannot be written (read-only or not permitted); allow it"
        try:
            usage = shutil.disk_usage(self.folder)
        except OSError as error:
            return None, f"{self.folder}: free space is unknown ({error.strerror}); restore it"
        disk_usage = DiskUsage(usage.free, usage.total)
        required = required_free_bytes(min_free_bytes, usage.total)
        if usage.free >= required:
            return disk_usage, None
        free, needed = (f"{size / 1e6:.1f} MB" for size in (usage.free, required))
        shortage = f"{free} free, {needed} required (min_free_megabytes)"
        return disk_usage, f"{self.folder}: {shortage}; free some space"


class VolumeMonitor:
    """All folders of a daemon, checked before files are claimed."""

    def __init__(
        self, inbox: Path, written: Iterable[Path], logs: Path, min_free_bytes: int
    ) -> None:
        """`written` are the folders needed to publish an answer and to archive its original."""
        self._inbox = Volume(inbox)
        self._written = [Volume(folder) for folder in written]
        self._logs = Volume(logs)
        self.min_free_bytes = min_free_bytes
        self._logs_lock = Lock()  # after a reload the former intake may still be checking
        self._io = IoThread("logs")
        self._logs_check: Future[str | None] | None = None
        self.warning: str | None = None

    @property
    def disk_usage(self) -> dict[Path, DiskUsage]:
        """The disk usage of each folder at the last check, without folders where it is unknown."""
        volumes = (*self._written, self._logs)
        usages = {volume.folder: volume.disk_usage for volume in volumes}
        return {folder: usage for folder, usage in usages.items() if usage is not None}

    def stop(self) -> None:
        """End the thread; no check follows."""
        self._io.stop()

    def mount_problem(self, folder: Path) -> str | None:
        """Return why one of these folders is not available; None for any other folder."""
        known = (self._inbox, *self._written, self._logs)
        return next((volume.mount_problem() for volume in known if volume.folder == folder), None)

    def problem(self) -> str | None:
        """Return why no file may be claimed now; an unwritable log folder only sets `warning`."""
        with self._logs_lock:
            self._check_logs()
        problems = [volume.problem(self.min_free_bytes) for volume in self._written]
        return self._inbox.mount_problem() or next(filter(None, problems), None)

    def _check_logs(self) -> None:
        """Read the result of the previous check and start another; a log volume may stall."""
        if self._io.stalled_seconds is not None:
            self.warning = f"{self._logs.folder} does not answer; restore it"
            return
        if self._logs_check is not None:
            self.warning = self._logs_check.result()
        self._logs_check = self._io.start(lambda: self._logs.problem(self.min_free_bytes))


def required_free_bytes(configured: int, total: int) -> int:
    """Return how many bytes must be free: `configured`, but at most a twentieth of the volume."""
    return min(configured, total // 20)


def _device(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None
