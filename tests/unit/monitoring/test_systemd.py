"""Notifications to systemd, over a real datagram socket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.monitoring.systemd import SystemdNotifier
from tests.support.notify_socket import NotifySocket


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[NotifySocket]:
    made = NotifySocket(str(tmp_path / "notify"))
    yield made
    made.close()


def test_a_name_in_the_abstract_namespace_is_an_address_too() -> None:
    name = f"ocr-daemon-test-{os.getpid()}"
    notify_socket = NotifySocket("\0" + name)

    SystemdNotifier("@" + name).ready()

    assert notify_socket.listen() == ["READY=1"]
    notify_socket.close()


def test_a_status_is_sent_once_and_contains_no_line_break(
    tmp_path: Path, notify_socket: NotifySocket
) -> None:
    notify = SystemdNotifier(str(tmp_path / "notify"))

    for _ in range(3):
        notify.status("held up by a\nREADY=1\n.png")

    assert notify_socket.listen() == ["STATUS=held up by a\\nREADY=1\\n.png"]


def test_a_reload_is_reported_with_its_time(tmp_path: Path, notify_socket: NotifySocket) -> None:
    notify = SystemdNotifier(str(tmp_path / "notify"))

    notify.reloading()

    first, second = notify_socket.listen()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")


def test_the_address_is_taken_out_of_the_environment_of_the_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")

    SystemdNotifier.from_environment()

    assert "NOTIFY_SOCKET" not in os.environ


def test_a_missing_socket_or_address_is_no_error(tmp_path: Path) -> None:
    SystemdNotifier(str(tmp_path / "gone")).ready()
    SystemdNotifier().ready()
