"""What folders stand on: their filesystem, whether it is still mounted, how much room is left.

A share that goes away leaves its mount point behind, an empty folder on the disk below: answers
written there would be hidden when the share returns. So the mount of each folder is remembered.
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

_OCTAL = re.compile(rb"\\([0-7]{3})")  # how the table writes blanks
_AWAY = (errno.ENODEV, "no such folder")
MOUNT_TABLE = Path("/proc/self/mountinfo")


def mount_of(folder: Path) -> tuple[str, str]:
    """Return mount point and type of the filesystem that holds `folder` (proc(5), mountinfo).

    Both are empty where they are unknown.
    """
    place = os.path.realpath(folder)
    best, kind = "", ""
    try:
        table = MOUNT_TABLE.read_bytes()
    except OSError:
        return "", ""
    for line in table.strip().split(b"\n"):
        before, _, after = line.partition(b" - ")
        raw = _OCTAL.sub(lambda code: bytes([int(code[1], 8)]), before.split(b" ")[4])
        mount = os.fsdecode(raw)
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, os.fsdecode(after.split(b" ")[0])
    return best, kind


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """How many bytes of a filesystem are free, of how many."""

    free: int
    total: int


class Volume:
    """The filesystem that a folder lay on when the daemon started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mount, _ = mount_of(folder)
        self._device = _device(folder)
        self.room: DiskUsage | None = None

    def check(self) -> None:
        """Raise an OSError (ENODEV) where the folder is gone or its filesystem not mounted.

        A folder made anew on the same filesystem, or a share mounted again, is as good as before.
        """
        if not self.folder.is_dir():
            is_there = os.path.lexists(self.folder)
            code, why = (errno.ENOTDIR, "Not a directory") if is_there else _AWAY
            raise OSError(code, why, str(self.folder))
        device = self.folder.stat().st_dev
        if device == self._device:
            return
        mount, _ = mount_of(self.folder)
        if mount != self._mount and self._mount.startswith(mount.rstrip("/") + "/"):
            raise OSError(errno.ENODEV, f"{self._mount} is not mounted", str(self.folder))
        self._mount, self._device = mount, device

    def absence(self) -> str | None:
        """Return a sentence where the folder is away, None where it is there."""
        try:
            self.check()
        except OSError as error:
            return f"{self.folder} is away ({error.strerror}); restore it"
        return None

    def hindrance(self, least_bytes: int) -> str | None:
        """Return what keeps us from writing in the folder, None where nothing does.

        What room there is is kept in `room`.
        """
        self.room, hindrance = self._look(least_bytes)
        return hindrance

    def _look(self, least_bytes: int) -> tuple[DiskUsage | None, str | None]:
        if absence := self.absence():
            return None, absence
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return None, f"{self.folder} cannot be written (read-only or not permitted); allow it"
        try:
            usage = shutil.disk_usage(self.folder)
        except OSError as error:
            why = f"{self.folder} does not tell its room ({error.strerror}); restore it"
            return None, why
        room = DiskUsage(usage.free, usage.total)
        least = least_room(least_bytes, usage.total)
        if usage.free >= least:
            return room, None
        left = f"{usage.free / 1e6:.1f} MB of room left, at least {least / 1e6:.1f} are asked for"
        return room, f"{self.folder} has {left} (min_free_megabytes); make room"


class VolumeMonitor:
    """All folders of a daemon, looked at before anything is taken from the inbox."""

    def __init__(self, inbox: Path, written: Iterable[Path], logs: Path, least_bytes: int) -> None:
        """`written` are those without which a file cannot be answered and let go of."""
        self._inbox = Volume(inbox)
        self._written = [Volume(folder) for folder in written]
        self._logs = Volume(logs)
        self.least_bytes = least_bytes
        self._one_look = Lock()  # an intake that is exchanged may still be looking
        self._io = IoThread("logs")
        self._looking: Future[str | None] | None = None
        self.warning: str | None = None

    @property
    def room(self) -> dict[Path, DiskUsage]:
        """The room that each folder had at the last look, without those that did not tell."""
        volumes = (*self._written, self._logs)
        rooms = {volume.folder: volume.room for volume in volumes}
        return {folder: room for folder, room in rooms.items() if room is not None}

    def end(self) -> None:
        """Let its thread end; it is not asked again."""
        self._io.end()

    def absence(self, folder: Path) -> str | None:
        """Return a sentence where one of these folders is away; None for any other."""
        known = (self._inbox, *self._written, self._logs)
        return next((volume.absence() for volume in known if volume.folder == folder), None)

    def _look_at_logs(self) -> None:
        """Take in what the look before found and begin another; a log volume may hang."""
        if self._io.late_seconds is not None:
            self.warning = f"{self._logs.folder} does not answer; restore it"
            return
        if self._looking is not None:
            self.warning = self._looking.result()
        self._looking = self._io.begin(lambda: self._logs.hindrance(self.least_bytes))

    def hindrance(self) -> str | None:
        """Return why nothing may be taken now; a log that cannot be written is only a `warning`."""
        with self._one_look:
            self._look_at_logs()
        found = [volume.hindrance(self.least_bytes) for volume in self._written]
        return self._inbox.absence() or next(filter(None, found), None)


def least_room(asked: int, total: int) -> int:
    """Return how many bytes must be free: of a small filesystem a twentieth is room enough."""
    return min(asked, total // 20)


def _device(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None
