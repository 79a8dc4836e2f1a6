"""Landlock: which files may be opened, and how (landlock(7), linux/landlock.h; Linux 5.13).

A ruleset names the rights that it removes and the paths where some of them stay. Later ABIs have
more rights: each is handled where the kernel knows it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from daemon.engine.sandbox import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1  # the flag that asks for the ABI
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _MAKE_REGULAR, _TRUNCATE = (
    1 << bit for bit in (1, 2, 3, 8, 14)
)
# execute, write, read, list, remove (2), make (7): bits 0 to 12; then refer, truncate, ioctl
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NETWORK_RIGHTS = {4: 0b11}  # bind and connect, of TCP
_SCOPES = {6: 0b11}  # abstract sockets, signals: not out of this domain


def abi() -> int:
    """Return the ABI of this kernel; an OSError where Landlock is missing or switched off."""
    return kernel.call(_CREATE_RULESET, None, 0, _VERSION)


def restrict(readable: Iterable[Path], writable: Iterable[Path] = ()) -> int:
    """Let this thread and its children open only files below `readable`, and write in `writable`.

    A path that does not exist is left out; a filesystem that is mounted there later is not covered.
    Returns the ABI. New privileges must have been forbidden before.
    """
    version = abi()
    handled = [
        sum(rights for since, rights in known.items() if since <= version)
        for known in (_FILE_RIGHTS, _NETWORK_RIGHTS, _SCOPES)
    ]
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = ctypes.create_string_buffer(struct.pack("QQQ", *handled)[:size], size)
    ruleset = kernel.call(_CREATE_RULESET, attributes, size, 0)
    try:
        for path in readable:
            with contextlib.suppress(OSError):
                _allow(ruleset, path, _READ_FILE, _READ_DIR)
        for path in writable:
            with contextlib.suppress(OSError):
                _allow(ruleset, path, (_WRITE_FILE | _TRUNCATE) & handled[0], _MAKE_REGULAR)
        kernel.call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: Path, rights: int, rights_of_folders: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(os.fstat(place).st_mode):
            rights |= rights_of_folders
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
        kernel.call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
