"""Who lives: the lock on a work folder, touched while its daemon does.

Two signs of life. The kernel drops a lock (flock) when its holder dies, which tells at once, but
only where both daemons see the same lock: the same boot of the same machine, on the same mount.
Between machines a share may keep locks to itself; there the file's time must go on changing, and
when it changed is measured on the observer's own monotonic clock, never by comparing wall clocks.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

LOCK_NAME = "lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TOUCHES = 4  # in each term, so that one late touch costs nothing


class Lease:
    """Our own sign of life in a work folder, from now until the process ends."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """`seconds` without a touch let another daemon take over."""
        self._path = folder / LOCK_NAME
        self._descriptor = self._take()
        self._gap = seconds / _TOUCHES
        self._ended = threading.Event()
        self._changing = threading.Lock()
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def renew(self) -> None:
        """Touch the lock; where it was swept away under us, make it again."""
        with self._changing:
            if self._ended.is_set():
                return
            if not self._is_ours():
                taken = self._take()
                os.close(self._descriptor)
                self._descriptor = taken
            _lock(self._descriptor)  # again: a neighbour may have held it for a moment, to see
            os.utime(self._descriptor)

    def end(self) -> None:
        """Stop touching and drop the lock; one that hangs in a touch goes with the process."""
        self._ended.set()
        if self._changing.acquire(timeout=1.0):
            os.close(self._descriptor)
            self._changing.release()

    def _take(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _here(descriptor), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_ours(self) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return False

    def _keep(self) -> None:
        while not self._ended.wait(self._gap):
            with contextlib.suppress(OSError):  # the share is away: so are we, for the others
                self.renew()


class PeerLeases:
    """The other daemons on the same inbox, by the folders beside ours."""

    def __init__(self, ours: Path, seconds: float) -> None:
        self._ours = ours
        self._seconds = seconds
        self._seen: dict[Path, tuple[int, float]] = {}

    def dead(self, now: float) -> Iterator[Path]:
        """Return the folders whose daemon is gone; `now` is monotonic seconds."""
        peers = [path for path in self._ours.parent.iterdir() if path != self._ours]
        self._seen = {path: seen for path, seen in self._seen.items() if path in peers}
        for folder in peers:
            is_folder = folder.is_dir() and not folder.is_symlink()
            if is_folder and (self._is_unlocked(folder) or self._is_silent(folder, now)):
                yield folder

    def _is_unlocked(self, folder: Path) -> bool:
        """Tell whether a lock that we would see, were it held, is free."""
        try:
            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if os.pread(descriptor, 200, 0) != _here(descriptor):
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _is_silent(self, folder: Path, now: float) -> bool:
        try:
            touched = (folder / LOCK_NAME).stat().st_mtime_ns
        except FileNotFoundError:
            touched = 0
        before, since = self._seen.get(folder, (None, now))
        if touched != before:
            since = now
        self._seen[folder] = touched, since
        return now - since >= self._seconds


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # a filesystem without locks has the touches
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _here(descriptor: int) -> bytes:
    """Say where a lock is seen: this boot of this kernel, this mount."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    return json.dumps({"boot": boot, "device": os.fstat(descriptor).st_dev}).encode()
