"""The health of a real daemon while it starts."""

from __future__ import annotations

import signal
from pathlib import Path

from daemon.monitoring import heartbeat as heartbeats
from tests.support.running_daemon import RunningDaemon, Workspace, until


def test_a_daemon_that_loads_its_model_is_starting_and_not_down(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    file = workspace.state / heartbeats.HEARTBEAT_NAME
    daemon = RunningDaemon(workspace, {})
    try:
        until(file.exists, what="the first heartbeat")
        daemon.signal(signal.SIGSTOP)  # loading takes a second or two: too short for a command
        starting = workspace.command("health")
        still_loading = "daemon.ready" not in [event["event"] for event in workspace.events()]
        daemon.signal(signal.SIGCONT)
        daemon.wait_ready()
        ready = workspace.command("health")
    finally:
        daemon.signal(signal.SIGCONT)
        daemon.end()

    assert still_loading
    assert starting.returncode == 0
    assert starting.stdout.startswith("starting: the model is being loaded")
    assert (ready.returncode, ready.stdout.split(":")[0]) == (0, "ok")
    assert not file.exists()
