"""A folder for temporary files of this process that is gone however the process ends.

multiprocessing puts the socket of its fork server into the folder for temporary files, and removes
it at the end of the interpreter: SIGKILL leaves it there. So this process gets a folder of its own,
and a shell waits for the end of the process to remove it: it reads from a pipe that only this
process can write to. What a power cut or the kill of both leaves behind, the next start removes.
The shell removes it after an ordinary end, too: multiprocessing wants to find its own there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "ocrd-"
MAX_BYTES = 60  # of the path above the folder: the address of a socket within has at most 107
UNLOCKED_SECONDS = 3600.0  # after which a folder without a lock is not one that is being made
_LOCK_NAME = "lock"
# the signals of a terminal or a service manager that ends a whole group: it outlives the process
_WATCHER = 'cd /; trap "" HUP INT TERM; read -r nothing; rm -rf -- "$1"'

_kept_open: list[int] = []  # the lock and the pipe, until the process ends


def use_private_folder() -> None:
    """Let `tempfile` and multiprocessing use a folder of this process from now on.

    A folder for temporary files whose path is too long stays in use as it is.
    """
    if (
        _kept_open
        or len(os.fsencode(tempfile.gettempdir())) + len(f"/{PREFIX}12345678") > MAX_BYTES
    ):
        return
    _remove_stale(Path(tempfile.gettempdir()))
    folder = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(f"{folder}/{_LOCK_NAME}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # without a shell the next start removes what a kill leaves
        os.posix_spawn(
            "/bin/sh", ["sh", "-c", _WATCHER, "sh", folder], {"PATH": os.defpath}, setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )  # fmt: skip
    os.close(reader)
    _kept_open.extend((lock, writer))
    tempfile.tempdir = folder


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
