"""What a decoder that a file has taken over would try; run in place of `worker.read`.

Without a sandbox each would get further than EACCES or EPERM, and still do no harm.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from daemon.core.options import Recipe
from daemon.core.records import PagesRead, PageText, Stamp
from daemon.engine import worker


def by_kind(path: Path, stamp: Stamp, first: int, last: int, recipe: Recipe) -> PagesRead:
    """Try what the file's name says; the answer's media type tells how it went."""
    try:
        _KINDS[path.stem](path)
        told = "done"
    except OSError as error:
        told = errno.errorcode[error.errno or 0]
    pages = tuple(PageText.not_read(number, None) for number in range(first, last + 1))
    return PagesRead(told, last, pages, {})


def _connect(family: int, address: object) -> None:
    with socket.socket(family) as stranger:
        stranger.connect(address)


def _thread() -> None:
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()


def _mount() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b"/nowhere/at/all", b"nothing", 0, None):  # ENOENT for who may mount
        raise OSError(ctypes.get_errno(), "mount")


def _libc(name: str, *arguments: int) -> None:
    """Call a function of libc; an OSError where it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _open_file(path: Path, act: Callable[[int], object]) -> None:
    with path.open("rb") as file:
        act(file.fileno())


def _secrets(path: Path) -> None:
    if "a secret token" not in Path("/proc/self/environ").read_text():
        raise OSError(errno.EPERM, "the environment has no token")


_KINDS = {
    "read": lambda path: path.read_bytes(),
    "outside": lambda path: (path.parents[1] / "secret").read_bytes(),
    "shadow": lambda path: Path("/etc/shadow").read_bytes(),
    "environment": lambda path: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "write": lambda path: path.write_bytes(b"replaced"),
    "make": lambda path: path.with_name("new").touch(),
    "truncate": lambda path: os.truncate(path, 0),
    "remove": lambda path: path.unlink(),
    "rename": lambda path: path.rename(path.with_name("other")),
    "link": lambda path: path.with_name("link").symlink_to("/etc/shadow"),
    "internet": lambda path: _connect(socket.AF_INET, ("127.0.0.1", 9)),
    "socket": lambda path: _connect(socket.AF_UNIX, "/run/docker.sock"),
    "program": lambda path: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "child": lambda path: os._exit(0) if os.fork() == 0 else None,
    "signal": lambda path: os.kill(os.getppid(), 0),
    "mount": lambda path: _mount(),
    "limit": lambda path: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)),
    "priority": lambda path: os.setpriority(os.PRIO_PROCESS, os.getppid(), 5),
    "affinity": lambda path: os.sched_setaffinity(os.getppid(), {0}),
    "scheduler": lambda path: os.sched_setscheduler(
        os.getppid(), os.SCHED_BATCH, os.sched_param(0)
    ),
    "mode": lambda path: path.chmod(0o666),
    "open-mode": lambda path: _open_file(path, lambda file: os.fchmod(file, 0o666)),
    "owner": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "time": lambda path: os.utime(path),
    "attribute": lambda path: os.setxattr(path, "user.note", b"x"),
    "signal-owner": lambda path: _open_file(
        path, lambda file: fcntl.fcntl(file, fcntl.F_SETOWN, os.getppid())
    ),
    "signal-number": lambda path: _open_file(
        path, lambda file: fcntl.fcntl(file, fcntl.F_SETSIG, 9)
    ),
    "lease": lambda path: _open_file(
        path, lambda file: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    ),
    "lock": lambda path: _open_file(path, lambda file: fcntl.lockf(file, fcntl.LOCK_SH)),
    "flock": lambda path: _open_file(path, lambda file: fcntl.flock(file, fcntl.LOCK_SH)),
    "shared-memory": lambda path: _libc("shmget", 0x0C2, 4096, 0o1666),
    "queue": lambda path: _libc("msgget", 0x0C2, 0o1666),
    "semaphores": lambda path: _libc("semget", 0x0C2, 1, 0o1666),
    "fifo": lambda path: os.mkfifo(path.with_name("fifo")),
    "token": _secrets,
    "working-folder": lambda path: (path.parents[1] / "started-here" / "cv2.py").read_bytes(),
    "thread": lambda path: _thread(),
    "own": lambda path: os.kill(os.getpid(), 0),
    "own-limit": lambda path: resource.prlimit(0, resource.RLIMIT_NOFILE),
}


def install() -> None:
    """Replace reading, in a worker."""
    worker.read = by_kind
