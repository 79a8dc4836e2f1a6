"""What another process has used and what it waits for, from /proc (proc(5))."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Literal

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

Wait = Literal["disk", "processor", "stopped", "itself"]
"""What a process waits for: a disk, share or pipe; a processor; SIGCONT; or its own threads."""

# System calls that wait for a file or a pipe: read, write, open, stat, lseek, fsync and their
# variants (asm/unistd_64.h, asm-generic/unistd.h).
_FILE_CALLS = {
    "x86_64": {
        0, 1, 2, 3, 4, 5, 6, 8, 17, 18, 19, 20, 74, 75, 89, 217, 221, 257, 262, 267, 295, 296, 332,
        437,
    },
    "aarch64": {56, 57, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 78, 79, 80, 82, 83, 223, 291, 437},
}  # fmt: skip
_OUTSIDE_CALLS = -1  # blocked, but in no system call: a page of a mapped file is being read


def cpu_seconds(pid: int, proc: Path = PROC) -> float | None:
    """Return the processor time of all threads of a process so far; None if it has ended."""
    fields = _stat(proc / str(pid) / "stat")
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND if fields else None


def waits_for(pid: int, proc: Path = PROC) -> Wait:
    """Return what a process waits for at this moment.

    A process whose threads all sleep, and none of them in a call for a file, waits for `itself`: a
    lock that is never released, or a timer. Where the kernel does not tell the call, too.
    """
    waits = {_thread_waits_for(thread) for thread in (proc / str(pid) / "task").glob("*")}
    order: tuple[Wait, ...] = ("stopped", "disk", "processor")
    return next((wait for wait in order if wait in waits), "itself")


def _thread_waits_for(thread: Path) -> Wait:
    state = _stat(thread / "stat")[:1]
    if state in (["T"], ["t"]):
        return "stopped"
    if state == ["D"]:
        return "disk"
    if state == ["R"]:
        return "processor"
    with contextlib.suppress(OSError, ValueError, IndexError):
        call = int((thread / "syscall").read_text().split()[0])
        if call == _OUTSIDE_CALLS or call in _FILE_CALLS.get(platform.machine(), ()):
            return "disk"
    return "itself"


def _stat(path: Path) -> list[str]:
    """Return the fields from the state on; the name before them may hold spaces and brackets."""
    try:
        return path.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
