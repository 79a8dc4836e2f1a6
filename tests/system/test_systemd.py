"""What systemd hears of the real daemon."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.notify_socket import NotifySocket
from tests.support.running_daemon import RunningDaemon, Workspace, until


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[NotifySocket]:
    made = NotifySocket(str(tmp_path / "notify"))
    yield made
    made.close()


def test_ready_and_alive_arrive_and_stop_when_the_daemon_stands_still(
    tmp_path: Path, notify_socket: NotifySocket
) -> None:
    workspace = Workspace(tmp_path)
    daemon = RunningDaemon(workspace, {"NOTIFY_SOCKET": str(tmp_path / "notify")})
    try:
        until(lambda: "READY=1" in notify_socket.listen(), what="READY=1")
        until(lambda: notify_socket.listen().count("WATCHDOG=1") >= 2, what="WATCHDOG=1")

        daemon.signal(signal.SIGSTOP)
        state = Path(f"/proc/{daemon.process.pid}/stat")
        until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", what="stopped")
        notify_socket.listen()
        notify_socket.heard.clear()
        with pytest.raises(AssertionError, match="not within"):  # a healthy one turns every 2 s
            until(notify_socket.listen, 5)

        daemon.signal(signal.SIGCONT)
        until(lambda: "WATCHDOG=1" in notify_socket.listen(), what="alive again")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert "STOPPING=1" in notify_socket.listen()
    finally:
        daemon.signal(signal.SIGCONT)
        daemon.end()
