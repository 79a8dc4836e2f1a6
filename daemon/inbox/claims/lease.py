"""The lease on a work folder: a lock on a file, whose time of change is renewed periodically.

Two liveness signals. The kernel releases a lock (flock) when its holder dies, which shows at once,
but only where both daemons see the same lock: on the same boot of the same machine, on the same
mount. A share may not pass locks on between machines; there the time of the file must keep
changing, and each observer measures that on its own monotonic clock, never by comparing wall
clocks.
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
_RENEWALS_PER_TERM = 4  # so that one late renewal costs nothing


class Lease:
    """Our own lease on a work folder, from now until the process ends."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """After `seconds` without a renewal another daemon may take over."""
        self._path = folder / LOCK_NAME
        self._descriptor = self._lock_file()
        self._interval = seconds / _RENEWALS_PER_TERM
        self._ended = threading.Event()
        self._changing = threading.Lock()
        threading.Thread(target=self._renew_periodically, name="lease", daemon=True).start()

    def renew(self) -> None:
        """Renew the time of the lock file; create it again where it was deleted."""
        with self._changing:
            if self._ended.is_set():
                return
            if not self._is_ours():
                taken = self._lock_file()
                os.close(self._descriptor)
                self._descriptor = taken
            _lock(self._descriptor)  # again: a peer may have held it for a moment, to probe it
            os.utime(self._descriptor)

    def end(self) -> None:
        """Stop renewing and release the lock; a renewal that hangs ends with the process."""
        self._ended.set()
        if self._changing.acquire(timeout=1.0):
            os.close(self._descriptor)
            self._changing.release()

    def _lock_file(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _lock_identity(descriptor), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_ours(self) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return False

    def _renew_periodically(self) -> None:
        while not self._ended.wait(self._interval):
            with contextlib.suppress(OSError):  # without the share peers take us for dead
                self.renew()


class PeerLeases:
    """The leases of the other daemons on the same inbox, in the folders beside ours."""

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
        """Tell whether the lock is free and would be visible to us if it were held."""
        try:
            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if os.pread(descriptor, 200, 0) != _lock_identity(descriptor):
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _is_silent(self, folder: Path, now: float) -> bool:
        try:
            renewed_at = (folder / LOCK_NAME).stat().st_mtime_ns
        except FileNotFoundError:
            renewed_at = 0
        before, since = self._seen.get(folder, (None, now))
        if renewed_at != before:
            since = now
        self._seen[folder] = renewed_at, since
        return now - since >= self._seconds


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # on a filesystem without locks the renewals must do
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_identity(descriptor: int) -> bytes:
    """Return where a lock is visible: this boot of this kernel, this mount."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    return json.dumps({"boot": boot, "device": os.fstat(descriptor).st_dev}).encode()
