"""sd_notify(3): reports ready, alive, stopping, and a line for `systemctl status` to systemd.

A notification is a datagram to the socket that NOTIFY_SOCKET names. The libraries for it have had
no release for years, or need the headers of libsystemd, so it is implemented here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

from daemon.core.logs import escape_controls

MAX_STATUS = 200  # characters of a line that is read on a terminal


class SystemdNotifier:
    """Sends notifications to the service manager; does nothing if `address` is empty."""

    def __init__(self, address: str = "") -> None:
        """`address` is a path, or "@" and a name in the abstract namespace (unix(7))."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = ""

    @classmethod
    def from_environment(cls) -> SystemdNotifier:
        """Remove the address from the environment, so that no child process can notify for us."""
        return cls(os.environ.pop("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """Report that files are taken from now on (again, after `reloading`)."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that the config is being reloaded; `ready` reports the end of it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Report that the daemon stops: it finishes the documents in progress and takes no more."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Reset the watchdog timer (WatchdogSec of the unit)."""
        self._send("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        """Send the status line if it has changed."""
        if sentence != self._status:
            self._status = sentence
            self._send(f"STATUS={escape_controls(sentence)[:MAX_STATUS]}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        # the daemon works on if nobody listens any more
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sender:
            sender.sendto(message.encode(), self._address)
