"""What systemd is told: ready, alive, stopping, and a line for `systemctl status`.

sd_notify(3) is a datagram to the socket that NOTIFY_SOCKET names. The libraries that do it
have not been released for years, or need libsystemd's headers, so it is written out here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

from daemon.core.logs import escape_controls

MOST_STATUS = 200  # characters of a line that is read on a terminal


class SystemdNotifier:
    """Says things to whoever supervises us; to nobody where `address` is empty."""

    def __init__(self, address: str = "") -> None:
        """`address` is a path, or "@" and a name in the abstract namespace (unix(7))."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = ""

    @classmethod
    def from_environment(cls) -> SystemdNotifier:
        """Take the address out of the environment, so that no child speaks in our name."""
        return cls(os.environ.pop("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """Files are taken from now on (again, after `reloading`)."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The config is read anew; `ready` says that it is done."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """What is in work is finished, nothing else."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Wind the watchdog up (WatchdogSec of the unit)."""
        self._send("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        """Say what is going on, once for each change."""
        if sentence != self._status:
            self._status = sentence
            self._send(f"STATUS={escape_controls(sentence)[:MOST_STATUS]}")

    def _send(self, said: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        # where nobody listens any more we work all the same
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as speaker:
            speaker.sendto(said.encode(), self._address)
