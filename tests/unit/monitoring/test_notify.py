"""What systemd hears: a real datagram socket, and the real daemon at its other end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.monitoring.systemd import SystemdNotifier
from tests.support.running_daemon import Daemon, House, until


class Supervisor:
    """Who listens at NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(str(tmp_path / "notify"))
    yield made
    made.close()


def test_ready_and_alive_arrive_and_stop_when_the_daemon_stands_still(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    house = House(tmp_path)
    daemon = Daemon(house, {"NOTIFY_SOCKET": str(tmp_path / "notify")})
    try:
        until(lambda: "READY=1" in supervisor.listen(), what="READY=1")
        until(lambda: supervisor.listen().count("WATCHDOG=1") >= 2, what="WATCHDOG=1")

        daemon.signal(signal.SIGSTOP)
        state = Path(f"/proc/{daemon.process.pid}/stat")
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", what="stopped")
        supervisor.listen()
        supervisor.heard.clear()
        with pytest.raises(AssertionError, match="not within"):  # a healthy one turns every 2 s
            until(supervisor.listen, 5)

        daemon.signal(signal.SIGCONT)
        until(lambda: "WATCHDOG=1" in supervisor.listen(), what="alive again")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert "STOPPING=1" in supervisor.listen()
    finally:
        daemon.signal(signal.SIGCONT)
        daemon.end()


def test_a_name_in_the_abstract_namespace_is_an_address_too() -> None:
    name = f"ocr-daemon-test-{os.getpid()}"
    supervisor = Supervisor("\0" + name)

    SystemdNotifier("@" + name).ready()

    assert supervisor.listen() == ["READY=1"]
    supervisor.close()


def test_a_status_is_said_once_and_holds_no_line_of_its_own(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    notify = SystemdNotifier(str(tmp_path / "notify"))

    for _ in range(3):
        notify.status("held up by a\nREADY=1\n.png")

    assert supervisor.listen() == ["STATUS=held up by a\\nREADY=1\\n.png"]


def test_a_reload_says_when_it_began(tmp_path: Path, supervisor: Supervisor) -> None:
    notify = SystemdNotifier(str(tmp_path / "notify"))

    notify.reloading()

    first, second = supervisor.listen()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")


def test_the_address_is_taken_out_of_the_environment_of_the_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")

    SystemdNotifier.from_environment()

    assert "NOTIFY_SOCKET" not in os.environ


def test_nobody_listening_and_nobody_named_are_no_faults(tmp_path: Path) -> None:
    SystemdNotifier(str(tmp_path / "gone")).ready()
    SystemdNotifier().ready()
