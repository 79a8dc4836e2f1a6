"""seccomp: the system calls that a worker may make (seccomp(2), bpf(4); Linux 3.17).

An allow list, measured with strace while real and damaged files were read and rendered through both
backends (docs/test-report.md), and completed with calls of the same kind that other processors,
kernels and releases of glibc make: they read the state of this process, or change nothing but it.
Where a call could reach another process, its arguments are checked.

A refused call fails with EPERM, or with ENOSYS where its number is newer than this list: glibc then
does without. To debug, the filter asks another process before it refuses a call (`refusals`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.engine.sandbox import kernel
from daemon.engine.sandbox.system_calls import ALLOWED, SYSTEM_CALLS

_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_ALLOW, _ERRNO, _USER_NOTIF = 0x7FFF0000, 0x00050000, 0x7FC00000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # bpf(4), 32-bit words
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # calls of the 32-bit variant of x86-64 begin here
_FIRST_UNKNOWN = 450  # the first number that is in none of the lists of this module

# Which values one argument of a call may have: where it stands, and the values. _OWN is the id of
# this process, 0 stands for it too.
_OWN = -1
_CHECKED: dict[str, tuple[int, tuple[int, ...]]] = {
    "kill": (0, (_OWN,)),
    "tgkill": (0, (_OWN,)),
    "prlimit64": (0, (0, _OWN)),
    "sched_setaffinity": (0, (0, _OWN)),
    # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC: no locks, no owner, no signal
    "fcntl": (1, (0, 1, 2, 3, 4, 1030)),
    # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
    "ioctl": (1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # PR_SET_NAME PR_GET_NAME PR_SVE_GET_VL PR_SET_VMA (names of memory, by glibc)
    "prctl": (0, (15, 16, 51, 0x53564D41)),
}


@dataclass(frozen=True, slots=True)
class _Instruction:
    """One instruction of the filter; `yes` and `no` name the labels that a comparison jumps to."""

    code: int
    value: int
    yes: str = ""
    no: str = ""
    label: str = ""


def restrict(*, reports: bool = False) -> int | None:
    """Refuse all other calls to this thread and its children; OSError where that is not possible.

    With `reports`, each call is reported before it is refused, to whoever reads the descriptor that
    is returned; sendmsg(2) is then allowed, to pass that on. New privileges must have been
    forbidden before.
    """
    machine = platform.machine()
    if machine not in SYSTEM_CALLS or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    code = program(machine, os.getpid(), reports=reports)
    buffer = ctypes.create_string_buffer(code, len(code))
    description = struct.pack("H6xP", len(code) // 8, ctypes.addressof(buffer))
    number, flags = SYSTEM_CALLS[machine].numbers["seccomp"], _NEW_LISTENER if reports else 0
    listener = kernel.call(
        number, _SET_MODE_FILTER, flags, ctypes.create_string_buffer(description)
    )
    return listener if reports else None


def allowed(machine: str) -> list[str]:
    """Return the names of the calls that a worker may make on a machine, with any arguments or not.

    `clone` is among them: it starts threads.
    """
    numbers = SYSTEM_CALLS[machine].numbers
    return sorted(name for name in (*ALLOWED, *_CHECKED, "clone") if name in numbers)


def program(machine: str, pid: int, *, reports: bool = False) -> bytes:
    """Return the filter for a machine and a process, 8 bytes for each instruction."""
    instructions = list(_instructions(machine, pid, reports))
    places = {each.label: place for place, each in enumerate(instructions) if each.label}
    return b"".join(
        struct.pack(
            "HBBI", each.code,
            _jump(each.yes, place, places), _jump(each.no, place, places), each.value,
        )
        for place, each in enumerate(instructions)
    )  # fmt: skip


def _instructions(machine: str, pid: int, reports: bool) -> Iterator[_Instruction]:
    """Yield the filter: comparisons of the number, those of arguments, and the results.

    A jump goes over 255 instructions at most, so `allow` stands in the middle.
    """
    calls = SYSTEM_CALLS[machine]
    numbers = calls.numbers
    checked = {name: check for name, check in _CHECKED.items() if name in numbers}
    refused = _USER_NOTIF if reports else _ERRNO | errno.EPERM
    yield _Instruction(_LOAD, _ARCHITECTURE_AT)
    yield _Instruction(_EQUAL, calls.architecture, no="refuse")
    yield _Instruction(_LOAD, _NUMBER_AT)
    yield _Instruction(_AT_LEAST, _X32, yes="refuse")
    yield _Instruction(_AT_LEAST, _FIRST_UNKNOWN, yes="unknown")
    for name in checked:
        yield _Instruction(_EQUAL, numbers[name], yes=name)
    yield _Instruction(_EQUAL, numbers["clone"], yes="clone")
    yield _Instruction(_EQUAL, numbers["clone3"], yes="unknown")  # its flags cannot be seen
    for name in (*ALLOWED, *(["sendmsg"] if reports else [])):
        if name in numbers:
            yield _Instruction(_EQUAL, numbers[name], yes="allow")
    yield _Instruction(_RETURN, refused, label="refuse")
    yield _Instruction(_RETURN, _ERRNO | errno.ENOSYS, label="unknown")
    yield _Instruction(_RETURN, _ALLOW, label="allow")
    yield _Instruction(_LOAD, _ARGUMENTS_AT, label="clone")
    yield _Instruction(_ANY_BIT, _CLONE_THREAD, yes="allowed", no="refused")
    for name, (position, values) in checked.items():
        yield _Instruction(_LOAD, _ARGUMENTS_AT + 8 * position, label=name)
        for value in values:
            yield _Instruction(_EQUAL, pid if value == _OWN else value, yes="allowed")
        yield _Instruction(_RETURN, refused)
    yield _Instruction(_RETURN, refused, label="refused")
    yield _Instruction(_RETURN, _ALLOW, label="allowed")


def _jump(target: str, place: int, places: dict[str, int]) -> int:
    """Return how many instructions are skipped to get from `place` to `target`."""
    return places[target] - place - 1 if target else 0
