"""The sandbox of a worker: rights that it drops for good before it opens an untrusted file.

No new privileges, no writing, no executing, no network, no signals to other processes, and reading
only where the interpreter, the models and the documents lie. Decoders need no more, and a file that
takes a decoder over gets no more. Each protection is independent: one that this kernel or container
lacks is left out, and `Protections` says which ones are in force.
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
MAX_OUTPUT_BYTES = 4 << 30  # of a rendered output, whose content an untrusted file decides

# What the interpreter, glibc and the libraries of the models open while they read.
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo",
    "/proc/meminfo", "/sys/devices/system", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
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


NONE = Protections()


def enter(readable: Iterable[Path], writable: Sequence[Path] = ()) -> Protections:
    """Restrict this process, for good, to reading below `readable`.

    It may create files in the folders `writable`, if there are any. Call it while the process has
    one thread: threads that are started later are restricted too.
    """
    _lower_limits(MAX_OUTPUT_BYTES if writable else 0)
    privileges = _is_applied(kernel.forbid_new_privileges)
    dropped = os.geteuid() == 0 and _is_applied(kernel.drop_capabilities)
    abi = 0
    with contextlib.suppress(OSError):
        abi = landlock.restrict((*_libraries(), *readable), writable)
    return Protections(abi, _is_applied(seccomp.restrict), privileges, dropped)


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
    """Return the folders of the interpreter, its packages and this package."""
    yield from map(Path, _SYSTEM)
    yield from map(Path, (sys.prefix, sys.base_prefix, sys.exec_prefix, site.getusersitepackages()))
    yield Path(daemon.__file__).parent
    for entry in filter(None, sys.path):  # "" is the working directory
        if Path(entry).resolve() != Path("/"):
            yield Path(entry)
