"""A folder for temporary files that is gone however this process ends.

A shell waits for the end of the process to remove it: it reads from a pipe that only this process
can write to. What a power cut, or a kill of both, leaves behind is removed by the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "ocr-daemon-"
UNLOCKED_SECONDS = 3600.0  # after which a folder without a lock is not one that is being made
_LOCK_NAME = "lock"
# the signals of a terminal or a service manager that ends a whole group: it outlives the process
_WATCHER = 'cd /; trap "" HUP INT TERM; read -r nothing; rm -rf -- "$1"'


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder; it is removed at the end of the block, and after a kill."""
    _remove_stale(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # without a shell the next start removes what a kill leaves
        os.posix_spawn(
            "/bin/sh", ["sh", "-c", _WATCHER, "sh", os.fspath(folder)], {"PATH": os.defpath},
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )  # fmt: skip
    os.close(reader)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        os.close(writer)


def _remove_stale(parent: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and not _is_used(folder):
                shutil.rmtree(folder)


def _is_used(folder: Path) -> bool:
    """Tell whether a process holds the lock of a folder, or may be about to."""
    try:
        lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime < UNLOCKED_SECONDS
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
