"""seccomp: which system calls are refused (seccomp(2), bpf(4), linux/seccomp.h; Linux 3.5).

A deny list of calls that no decoder needs, however it is built. An allow list would be tighter, and
would break with each release of glibc, torch or MuPDF.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from daemon.engine.sandbox import kernel

_PR_SET_SECCOMP, _FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # bpf(4), 32-bit words
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # in struct seccomp_data
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # calls of the 32-bit variant of x86-64 begin here

# Numbers of asm/unistd_64.h and asm-generic/unistd.h: network, other programs, other processes,
# mounts and namespaces, keys, modules, clocks, names, io_uring (which bypasses the filter).
_X86_64 = {
    "own": (62, 234),  # kill, tgkill: allowed for this process only
    "clone": (56,),
    "clone3": (435,),
    "refused": (
        41, 42, 43, 49, 50, 288,  # socket connect accept bind listen accept4
        57, 58, 59, 322,  # fork vfork execve execveat
        101, 310, 311, 312, 440,  # ptrace process_vm_readv process_vm_writev kcmp process_madvise
        129, 200, 297, 424, 434, 438,  # rt_sigqueueinfo tkill rt_tgsigqueueinfo pidfd_*
        155, 161, 165, 166, 272, 308, 428, 429, 430, 431, 432, 433, 442,  # mounts and namespaces
        303, 304,  # name_to_handle_at open_by_handle_at
        248, 249, 250, 298, 321, 323,  # keys perf_event_open bpf userfaultfd
        175, 176, 246, 313, 320,  # modules, kexec
        135, 163, 164, 167, 168, 169, 170, 171, 179, 227, 443,  # settings of the whole machine
        425, 426, 427,  # io_uring
    ),
}  # fmt: skip
_GENERIC = {
    "own": (129, 131),
    "clone": (220,),
    "clone3": (435,),
    "refused": (
        198, 200, 201, 202, 203, 242, 221, 281, 117, 270, 271, 272, 440, 138, 130, 240, 424, 434,
        438, 40, 39, 41, 51, 97, 268, 428, 429, 430, 431, 432, 433, 442, 264, 265, 217, 218, 219,
        241, 280, 282, 105, 106, 104, 273, 294, 92, 89, 170, 224, 225, 142, 161, 162, 60, 112, 443,
        425, 426, 427,
    ),
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _GENERIC)}  # linux/audit.h


def restrict() -> None:
    """Refuse these calls to this thread and its children; an OSError where that is not possible.

    New privileges must have been forbidden before. A refused call fails with EPERM; clone3 fails
    with ENOSYS, so that glibc starts threads by clone, whose flags a filter can see.
    """
    if platform.machine() not in _MACHINES or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no list of system calls for {platform.machine()}")
    code = program(platform.machine(), os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    description = struct.pack("H6xP", len(code) // 8, ctypes.addressof(buffer))
    kernel.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(description))


def program(machine: str, pid: int) -> bytes:
    """Return the filter for a machine and a process, 8 bytes for each instruction."""
    architecture, numbers = _MACHINES[machine]
    lines: list[tuple[int, int, str, str]] = [
        (_LOAD, _ARCHITECTURE_AT, "", ""),
        (_EQUAL, architecture, "", "refuse"),
        (_LOAD, _NUMBER_AT, "", ""),
        (_AT_LEAST, _X32, "refuse", ""),
        *((_EQUAL, number, "refuse", "") for number in numbers["refused"]),
        *((_EQUAL, number, "unknown", "") for number in numbers["clone3"]),
        *((_EQUAL, number, "thread?", "") for number in numbers["clone"]),
        *((_EQUAL, number, "own?", "") for number in numbers["own"]),
        (_RETURN, _ALLOW, "", ""),
    ]
    ends = [
        ("thread?", (_LOAD, _FIRST_ARGUMENT_AT, "", "")),
        ("", (_ANY_BIT, _CLONE_THREAD, "allow", "refuse")),
        ("own?", (_LOAD, _FIRST_ARGUMENT_AT, "", "")),
        ("", (_EQUAL, pid, "allow", "refuse")),
        ("refuse", (_RETURN, _ERRNO | errno.EPERM, "", "")),
        ("unknown", (_RETURN, _ERRNO | errno.ENOSYS, "", "")),
        ("allow", (_RETURN, _ALLOW, "", "")),
    ]
    places = {name: len(lines) + place for place, (name, _) in enumerate(ends) if name}
    lines += [line for _, line in ends]
    return b"".join(
        struct.pack("HBBI", code, _jump(yes, place, places), _jump(no, place, places), value)
        for place, (code, value, yes, no) in enumerate(lines)
    )


def _jump(target: str, place: int, places: dict[str, int]) -> int:
    """Return how many instructions are skipped to get from `place` to `target`."""
    return places[target] - place - 1 if target else 0
