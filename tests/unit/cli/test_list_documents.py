"""What `ocr-daemon list waiting` says of a file, by what the daemon has reported."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from daemon.cli.list_documents import list_documents
from daemon.config.load import load
from daemon.config.settings import Config
from daemon.monitoring import heartbeat, waiting

FULL = "37 MB free; free some space"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A config in whose inbox a file has waited for an hour."""
    for name in ("inbox", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "inbox/old.png").write_bytes(b"no png, and complete")
    os.utime(tmp_path / "inbox/old.png", (time.time() - 3600,) * 2)
    return load(None, base=tmp_path)


def reason(config: Config) -> object:
    (file,) = list_documents(config, "waiting", 20).values["waiting"]  # type: ignore[misc]
    return file["reason"]


@pytest.mark.parametrize(
    ("status", "paused", "expected"),
    [
        ("ok", None, "waits for a free worker"),
        ("degraded", FULL, FULL),
        ("degraded", None, "waits for a free worker"),
        ("starting", FULL, "waits for the daemon, which is starting"),
    ],
)
def test_a_file_that_could_be_read_waits_for_what_the_daemon_reports(
    config: Config, status: heartbeat.HealthStatus, paused: str | None, expected: str
) -> None:
    state = config.folders.state
    heartbeat.beat(state, heartbeat.pulse(status, time.monotonic(), 0, False, ()))
    waiting.publish(state, waiting.WaitingReport(paused=paused))

    assert reason(config) == expected


def test_without_a_daemon_it_waits_for_the_daemon(config: Config) -> None:
    assert reason(config) == "waits for the daemon, which is down"
