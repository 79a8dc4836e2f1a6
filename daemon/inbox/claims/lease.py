"""The lease on a work folder: a lock on a file, whose time of change is renewed periodically.

Two liveness signals. The kernel releases a lock (flock) when its holder dies, which shows at once,
but only where both daemons see the same lock: on the same boot of the same machine, on the same
mount. A share may not pass locks on between machines; there the time of the file must keep
changing, and each observer measures that on its own monotonic clock, never by comparing wall
clocks.

A work folder is removed by the daemon that takes its claims over, perhaps at the moment in which
its owner starts again. So that daemon holds the lock until the folder is gone, and who has got a
lock checks that its file still has its name: otherwise folder and file are created again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.core import fs

LOCK_NAME = "lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_RENEWALS_PER_TERM = 4  # so that one late renewal costs nothing
_LOCK_WAIT_SECONDS = 5.0  # a peer holds it while it probes it or renames claims: milliseconds
_LOCK_POLL_SECONDS = 0.01
_HELD = (errno.EWOULDBLOCK, errno.EACCES)  # by another process, flock(2)


class Lease:
    """Our own lease on a work folder, from now until the process ends."""

    def __init__(
        self, folder: Path, seconds: float, make_folder: Callable[[], None] = lambda: None
    ) -> None:
        """After `seconds` without a renewal another daemon may take over.

        `make_folder` creates the folder where it is missing.
        """
        self._path = folder / LOCK_NAME
        self._make_folder = make_folder
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
            if not self._is_named(self._descriptor):
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
        """Return the locked file of our folder; both are created where they are missing."""
        return fs.until_not_removed(self._lock_file_once)

    def _lock_file_once(self) -> int:
        """Lock the file; FileNotFoundError if a peer that took the folder over has removed it."""
        self._make_folder()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _lock(descriptor, _LOCK_WAIT_SECONDS)
            if not self._is_named(descriptor):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _lock_identity(descriptor), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _is_named(self, descriptor: int) -> bool:
        """Tell whether the open lock file is the one in our folder."""
        try:
            return self._path.stat().st_ino == os.fstat(descriptor).st_ino
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
        """Return the folders whose daemon is gone; `now` is monotonic seconds.

        The lock of a folder is held until the next one is asked for, if there is a lock: its daemon
        cannot start meanwhile.
        """
        peers = [path for path in self._ours.parent.iterdir() if path != self._ours]
        self._seen = {path: seen for path, seen in self._seen.items() if path in peers}
        for folder in peers:
            if not folder.is_dir() or folder.is_symlink():
                continue
            with _probed(folder) as is_unlocked:
                if is_unlocked or self._is_silent(folder, now):
                    yield folder

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


@contextlib.contextmanager
def _probed(folder: Path) -> Iterator[bool]:
    """Tell whether the lock of a folder is free, and hold it during the block if it is.

    False where it would not be visible to us if it were held.
    """
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        yield _is_unlocked(descriptor)
    finally:
        os.close(descriptor)


def _is_unlocked(descriptor: int) -> bool:
    try:
        if os.pread(descriptor, 200, 0) != _lock_identity(descriptor):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock(descriptor: int, max_seconds: float = 0.0) -> None:
    """Lock a file, waiting up to `max_seconds`; on a filesystem without locks renewals must do."""
    ends = time.monotonic() + max_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD and time.monotonic() < ends:
                time.sleep(_LOCK_POLL_SECONDS)
                continue
        return


def _lock_identity(descriptor: int) -> bytes:
    """Return where a lock is visible: this boot of this kernel, this mount."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    return json.dumps({"boot": boot, "device": os.fstat(descriptor).st_dev}).encode()
