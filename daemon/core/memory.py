"""How much memory a worker may take, and how much it takes. Megabytes are millions of bytes.

The limits of this container are those of its control groups: memory.max of version 2,
memory.limit_in_bytes of version 1, its own and those of every group around it (cgroups(7)).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
MEMORY_OF_THE_MACHINE = Path("/proc/meminfo")
MEMBERSHIPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")

# What the daemon and the fork server take themselves (45 and 174 MB measured), rounded up.
SHARE_OF_THE_DAEMON = 256
LEAST_OF_A_WORKER = 600  # less would stop ordinary pages: they take 250 to 450
RENEWED_AT = 3 / 4  # of what a worker may take, but
RENEWED_AT_MOST = 1000  # no ordinary page leaves a worker so large, however large the machine

_SHORTAGES = re.compile(
    r"can't allocate memory|not enough memory|Failed to allocate|malloc \(?.* ?bytes\)? failed"
    r"|bad_alloc|Cannot allocate memory|calloc .*failed|realloc .*failed"
)
_CV2_NO_MEMORY = -4  # cv2.Error.StsNoMem


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """What a worker may take, in megabytes: stopped above `most`, renewed after it above `idle`."""

    most: int
    idle: int


def memory_limits(most: int, idle: int, workers: int) -> MemoryLimits:
    """Return the allowance of each of `workers`; 0 is what fits this container or machine."""
    share = (available(MEMORY_OF_THE_MACHINE, MEMBERSHIPS, GROUPS) - SHARE_OF_THE_DAEMON) // workers
    most = most or max(LEAST_OF_A_WORKER, share)
    return MemoryLimits(most, idle or min(int(most * RENEWED_AT), RENEWED_AT_MOST))


def available(machine: Path, memberships: Path, groups: Path) -> int:
    """Return the megabytes of the machine, or of the tightest group that this process is in."""
    found = re.search(r"MemTotal:\s+(\d+) kB", machine.read_text())
    assert found, f"{machine} says how much memory there is"
    return min([int(found[1]) * 1024, *_limits(memberships, groups)]) // MEGABYTE


def _limits(memberships: Path, groups: Path) -> Iterator[int]:
    """Return the limits in bytes of the groups of this process and of those around them."""
    with contextlib.suppress(OSError):
        for line in memberships.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                yield from _limits_along(groups, path, "memory.max")
            elif "memory" in controllers.split(","):
                yield from _limits_along(groups / "memory", path, "memory.limit_in_bytes")


def _limits_along(top: Path, path: str, name: str) -> Iterator[int]:
    group = top / path.lstrip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(top):
            return
        with contextlib.suppress(OSError, ValueError):  # "max", and groups that are not mounted
            yield int((folder / name).read_text())


def taken_by(pid: int) -> float | None:
    """Return the megabytes that are a process's own (resident or swapped out), None when gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return sum(map(int, re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", status, re.M))) * 1024 / 1e6


def is_short(error: BaseException) -> bool:
    """Tell whether an error of Python, OpenCV, MuPDF or torch says that memory was refused."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__module__ == "cv2":
        return getattr(error, "code", None) == _CV2_NO_MEMORY
    return bool(_SHORTAGES.search(str(error)))
