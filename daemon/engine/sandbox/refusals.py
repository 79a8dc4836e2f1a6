"""System calls that the sandbox refuses, reported to the daemon while it logs at the level DEBUG.

The filter of a worker then hands each call to a listener before it fails (seccomp_unotify(2); Linux
5.0). The worker sends the listener's descriptor to the daemon, which logs the call and refuses it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import socket
import struct
import threading
from collections.abc import Mapping
from typing import Final

import structlog

from daemon.engine.sandbox.system_calls import SYSTEM_CALLS

log = structlog.get_logger()

_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV and _SEND
_NOTIFICATION: Final = struct.Struct(
    "QIIiIQ6Q"
)  # id, pid, flags, number, machine, place, arguments
_RESPONSE: Final = struct.Struct("QqiI")  # id, value, error, flags


def send_listener(connection: socket.socket, listener: int) -> None:
    """Send the listener of this process to the daemon, and close both ends of it here."""
    with connection:
        socket.send_fds(connection, [b"listener"], [listener])
    os.close(listener)


def log_from(connection: socket.socket, pid: int) -> None:
    """Log the refusals of the worker `pid` until its end, in a thread of their own."""
    threading.Thread(
        target=_log_all, args=(connection, pid), name="sandbox-log", daemon=True
    ).start()


def _log_all(connection: socket.socket, pid: int) -> None:
    with connection, contextlib.suppress(OSError):
        _, descriptors, _, _ = socket.recv_fds(connection, 16, 1)
        for listener in descriptors:
            with contextlib.closing(os.fdopen(listener, "rb", buffering=0)):
                _answer_all(listener, pid)


def _answer_all(listener: int, pid: int) -> None:
    """Refuse one call after another; an OSError at the end of the worker."""
    names = _names()
    while True:
        notification = bytearray(_NOTIFICATION.size)
        fcntl.ioctl(listener, _RECEIVE, notification)
        call, _, _, number, _, _, *arguments = _NOTIFICATION.unpack(notification)
        log.debug(
            "worker.refused",
            pid=pid,
            call=names.get(number, str(number)),
            arguments=[f"{argument:#x}" for argument in arguments[:3]],
        )
        with contextlib.suppress(FileNotFoundError):  # the call was interrupted meanwhile
            fcntl.ioctl(listener, _ANSWER, _RESPONSE.pack(call, 0, -errno.EPERM, 0))


def _names() -> Mapping[int, str]:
    calls = SYSTEM_CALLS[platform.machine()]
    return {number: name for name, number in calls.numbers.items()}
