"""The sandbox of a worker: rights that it drops for good before it opens an untrusted file.

No new privileges, no writing, no executing, no network, nothing that reaches another process, and
reading only where the libraries, the networks and the documents lie. Decoders need no more, and a
file that takes a decoder over gets no more. Each protection is independent: one that this kernel or
container lacks is left out, and `Protections` says which ones are in force.
"""

from __future__ import annotations

import contextlib
import os
import resource
import site
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import daemon
from daemon.engine.sandbox import kernel, landlock, refusals, seccomp

OPEN_FILES = 256  # a worker has some 20 open
MAX_OUTPUT_BYTES = 4 << 30  # of a rendered output, whose content an untrusted file decides

# What the interpreter, glibc and the libraries of the networks open while they read.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache",
    "/usr/share/zoneinfo", "/etc/localtime", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
    "/sys/devices/system", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Protections:
    """The protections in force: the ABI of Landlock (0: none) and the others by name."""

    landlock_abi: int = 0
    seccomp: bool = False
    no_new_privileges: bool = False
    capabilities_dropped: bool = False

    def __str__(self) -> str:
        """`landlock ABI 7, seccomp, no_new_privs`, or `none`."""
        named = {
            f"landlock ABI {self.landlock_abi}": self.landlock_abi > 0,
            "seccomp": self.seccomp,
            "no_new_privs": self.no_new_privileges,
            "capabilities dropped": self.capabilities_dropped,
        }
        return ", ".join(name for name, holds in named.items() if holds) or "none"

    @property
    def missing(self) -> tuple[str, ...]:
        """What this kernel or container lacks, and what a worker could then do; a clause each."""
        lacks = {
            "Landlock (Linux 5.13 or later): a worker can read all that this user may read": (
                not self.landlock_abi
            ),
            "seccomp for this machine: a worker can use the network": not self.seccomp,
            "no_new_privs: the two others need it": not self.no_new_privileges,
        }
        return tuple(clause for clause, is_lacking in lacks.items() if is_lacking)


NONE = Protections()


def enter(
    readable: Iterable[Path], writable: Sequence[Path] = (), report_to: socket.socket | None = None
) -> Protections:
    """Restrict this process, for good, to reading below `readable`.

    It may create files in the folders `writable`, if there are any. Refused system calls
    are logged at the other end of `report_to` (`refusals.log_from`). Call it while the process has
    one thread: threads that are started later are restricted too.
    """
    _lower_limits(MAX_OUTPUT_BYTES if writable else 0)
    privileges = _is_applied(kernel.forbid_new_privileges)
    dropped = os.geteuid() == 0 and _is_applied(kernel.drop_capabilities)
    abi = 0
    with contextlib.suppress(OSError):
        abi = landlock.restrict((*_libraries(), *readable), writable)
    has_filter = _is_applied(lambda: _filter_system_calls(report_to))
    return Protections(abi, has_filter, privileges, dropped)


def _filter_system_calls(report_to: socket.socket | None) -> None:
    listener = seccomp.restrict(reports=report_to is not None)
    if report_to is not None and listener is not None:
        refusals.send_listener(report_to, listener)


def _is_applied(protect: Callable[[], None]) -> bool:
    """Return whether a protection could be applied."""
    try:
        protect()
    except OSError:
        return False
    return True


def _lower_limits(file_bytes: int) -> None:
    """Forbid core dumps (they contain the document), large and many open files (setrlimit(2))."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        finite = [each for each in (limit, hard) if each != resource.RLIM_INFINITY]
        lowered = min(finite, default=resource.RLIM_INFINITY)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (lowered, lowered))


def _libraries() -> Iterator[Path]:
    """Yield the folders of the system's libraries, the standard library and the packages.

    Nothing else of the import path is left in a worker: no working directory (`worker_process`).
    """
    yield from map(Path, _SYSTEM)
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    yield Path(sys.base_prefix, "lib")  # that of the interpreter itself, where it is shared
    yield Path(site.getusersitepackages())
    yield Path(daemon.__file__).parent
    for entry in map(Path, sys.path):
        if entry.is_absolute() and entry.resolve() != Path("/"):
            yield entry
