"""System calls that Python does not wrap, through libc (syscall(2), prctl(2), capset(2))."""

from __future__ import annotations

import ctypes
import os
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 2  # kept, so that scans of other users can still be read


def call(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call; an OSError where it fails."""
    words = [
        ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments
    ]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def prctl(option: int, *arguments: int | ctypes.Array[ctypes.c_char]) -> int:
    """Change an attribute of this process (prctl(2)); an OSError where it fails."""
    words = [
        ctypes.c_ulong(argument) if isinstance(argument, int) else argument
        for argument in (*arguments, 0, 0, 0, 0)[:4]
    ]
    return _checked(_LIBC.prctl(option, *words))


def forbid_new_privileges() -> None:
    """Forbid programs that this process starts to gain rights by their file mode."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Drop the capabilities of root, except that of reading files of other users."""
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION_3, 0))
    held = ctypes.create_string_buffer(24)  # effective, permitted, inheritable: low, then high
    _checked(_LIBC.capget(header, held))
    effective, permitted = struct.unpack("6I", held.raw[:24])[:2]
    kept = 1 << _CAP_DAC_READ_SEARCH
    words = (effective & kept, permitted & kept, 0, 0, 0, 0)
    _checked(_LIBC.capset(header, ctypes.create_string_buffer(struct.pack("6I", *words), 24)))


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
