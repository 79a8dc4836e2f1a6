"""The memory limits of a worker, and its present memory. Megabytes are millions of bytes.

The limits of this container are those of its control groups and all their parents: memory.max of
version 2, memory.limit_in_bytes of version 1 (cgroups(7)).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
MEMINFO = Path("/proc/meminfo")
CGROUP_MEMBERSHIP = Path("/proc/self/cgroup")
CGROUP_ROOT = Path("/sys/fs/cgroup")

# the daemon, the web process (45 and 60 MB measured) and one that renders a page image
DAEMON_MEGABYTES = 256
MIN_WORKER_MEGABYTES = 600  # less would stop ordinary pages, which take 250 to 450 MB
RECYCLE_FRACTION = 3 / 4  # of the limit of a worker, up to MAX_RECYCLE_MEGABYTES:
MAX_RECYCLE_MEGABYTES = 1000  # an ordinary page never leaves a worker this large

_OUT_OF_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|Failed to allocate|malloc \(?.* ?bytes\)? failed"
    r"|bad_alloc|Cannot allocate memory|calloc .*failed|realloc .*failed"
)
_CV2_NO_MEMORY = -4  # cv2.Error.StsNoMem


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """Limits of a worker: killed above the first, replaced after its task above the second."""

    max_megabytes: int
    recycle_megabytes: int


def memory_limits(max_megabytes: int, recycle_megabytes: int, workers: int) -> MemoryLimits:
    """Return the limits of each of `workers`; 0 stands for what fits this container or machine."""
    share = (
        available_megabytes(MEMINFO, CGROUP_MEMBERSHIP, CGROUP_ROOT) - DAEMON_MEGABYTES
    ) // workers
    maximum = max_megabytes or max(MIN_WORKER_MEGABYTES, share)
    recycle = recycle_megabytes or min(int(maximum * RECYCLE_FRACTION), MAX_RECYCLE_MEGABYTES)
    return MemoryLimits(maximum, recycle)


def available_megabytes(meminfo: Path, membership: Path, root: Path) -> int:
    """Return the memory of the machine, or the lowest limit of this process's control groups."""
    found = re.search(r"MemTotal:\s+(\d+) kB", meminfo.read_text())
    assert found, f"{meminfo} contains MemTotal"
    return min([int(found[1]) * 1024, *_cgroup_limits(membership, root)]) // MEGABYTE


def _cgroup_limits(membership: Path, root: Path) -> Iterator[int]:
    """Return the limits in bytes of the control groups of this process and of their parents."""
    with contextlib.suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                yield from _limits_of_parents(root, path, "memory.max")
            elif "memory" in controllers.split(","):
                yield from _limits_of_parents(root / "memory", path, "memory.limit_in_bytes")


def _limits_of_parents(top: Path, path: str, name: str) -> Iterator[int]:
    group = top / path.lstrip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(top):
            return
        with contextlib.suppress(OSError, ValueError):  # "max", or a group that is not mounted
            yield int((folder / name).read_text())


def private_megabytes(pid: int) -> float | None:
    """Return the anonymous memory of a process, resident or swapped; None if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return sum(map(int, re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", status, re.M))) * 1024 / 1e6


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of Python, OpenCV, MuPDF or torch means a failed allocation."""
    if isinstance(error, MemoryError):
        return True
    if type(error).__module__ == "cv2":
        return getattr(error, "code", None) == _CV2_NO_MEMORY
    return bool(_OUT_OF_MEMORY.search(str(error)))
