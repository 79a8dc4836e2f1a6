"""What a worker gives up before it opens a stranger's file; nothing of it can be taken back.

No new privileges, no writing, no executing, no network, no signals to others, and reading only
where the interpreter, the networks and the documents lie. Decoders need no more, and a file that
takes one over gets no more. Each protection stands alone: what this kernel or container has not is
left out, and `Protections` says what is in force.
"""

from __future__ import annotations

import contextlib
import os
import resource
import site
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import daemon
from daemon.engine.sandbox import kernel, landlock, seccomp

OPEN_FILES = 256  # a worker has some 20 open
MOST_BYTES = 4 << 30  # of a file that is made; its content is a stranger's doing

# What the interpreter, glibc and the networks' libraries look at while they read.
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo",
    "/proc/meminfo", "/sys/devices/system", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Protections:
    """What is in force: the ABI of Landlock (0 is none) and the others by name."""

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


NONE = Protections()


def enter(readable: Iterable[Path], writable: Sequence[Path] = ()) -> Protections:
    """Give up, for this process and for good, all but reading below `readable`.

    Files may be made in the folders `writable`, if there are any. For a process with one thread:
    threads that it starts later are bound too.
    """
    _lower_limits(MOST_BYTES if writable else 0)
    privileges = _held(kernel.forbid_new_privileges)
    dropped = os.geteuid() == 0 and _held(kernel.drop_capabilities)
    abi = 0
    with contextlib.suppress(OSError):
        abi = landlock.restrict((*_libraries(), *readable), writable)
    return Protections(abi, _held(seccomp.restrict), privileges, dropped)


def _held(protect: Callable[[], None]) -> bool:
    """Return whether a protection could be taken."""
    try:
        protect()
    except OSError:
        return False
    return True


def _lower_limits(file_bytes: int) -> None:
    """No core dumps (they hold what was read), small files, few of them open (setrlimit(2))."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for kind, limit in wanted.items():
        _, most = resource.getrlimit(kind)
        finite = [each for each in (limit, most) if each != resource.RLIM_INFINITY]
        lowered = min(finite, default=resource.RLIM_INFINITY)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (lowered, lowered))


def _libraries() -> Iterator[Path]:
    """Return where the interpreter, its packages and this package lie."""
    yield from map(Path, _SYSTEM)
    yield from map(Path, (sys.prefix, sys.base_prefix, sys.exec_prefix, site.getusersitepackages()))
    yield Path(daemon.__file__).parent
    for entry in filter(None, sys.path):  # "" is where the daemon happened to be started
        if Path(entry).resolve() != Path("/"):
            yield Path(entry)
