"""The heartbeat file and the health it reports; the test is the clock."""

import json
from pathlib import Path

import pytest

from daemon.monitoring import heartbeat as heartbeats
from daemon.monitoring.heartbeat import (
    STALE_SECONDS,
    START_SECONDS,
    HealthStatus,
    Heartbeat,
    beat,
    diagnose,
)


def heartbeat(
    *faults: str, status: HealthStatus | None = "ok", draining: bool = False
) -> Heartbeat:
    return Heartbeat(
        1234,
        beat_at=1000.0,
        scanned_at=990.0,
        in_progress=2,
        draining=draining,
        faults=[(fault, 958.0) for fault in faults],
        status=status,
    )


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (1000.0, "ok"),
        (1000.0 + STALE_SECONDS, "ok"),
        (1000.1 + STALE_SECONDS, "down"),
        (3.0, "down"),  # the machine was started again since
    ],
)
def test_a_daemon_is_ok_while_its_heartbeat_is_fresh(
    tmp_path: Path, now: float, status: HealthStatus
) -> None:
    beat(tmp_path, heartbeat())

    assert diagnose(tmp_path, now)[0] == status


@pytest.mark.parametrize(
    ("now", "status"),
    [(1000.1 + STALE_SECONDS, "starting"), (1000.1 + START_SECONDS, "down")],
)
def test_a_start_may_take_longer_than_a_turn_of_the_loop(
    tmp_path: Path, now: float, status: HealthStatus
) -> None:
    beat(tmp_path, heartbeat(status="starting"))

    assert diagnose(tmp_path, now)[0] == status


def test_a_fault_is_named_with_its_duration(tmp_path: Path) -> None:
    beat(tmp_path, heartbeat("the outbox is full", status="degraded"))

    assert diagnose(tmp_path, 1001.0) == ("degraded", "the outbox is full (for 43 s)")


def test_a_daemon_that_stops_says_that_it_takes_no_new_files(tmp_path: Path) -> None:
    beat(tmp_path, heartbeat(status="degraded", draining=True))

    assert diagnose(tmp_path, 1001.0) == ("degraded", "no new files are taken, 2 in progress")


@pytest.mark.parametrize(("faults", "status"), [((), "ok"), (("it is full",), "degraded")])
def test_a_heartbeat_of_an_earlier_version_is_read(
    tmp_path: Path, faults: tuple[str, ...], status: HealthStatus
) -> None:
    beat(tmp_path, heartbeat(*faults))
    file = tmp_path / heartbeats.HEARTBEAT_NAME
    content = json.loads(file.read_text())
    del content["status"]
    file.write_text(json.dumps(content))

    assert diagnose(tmp_path, 1001.0)[0] == status


def test_a_field_of_a_later_version_is_ignored(tmp_path: Path) -> None:
    beat(tmp_path, heartbeat())
    file = tmp_path / heartbeats.HEARTBEAT_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | {"mood": "fine"}))

    assert diagnose(tmp_path, 1001.0)[0] == "ok"


@pytest.mark.parametrize("content", ['{"pid": 1', "[]", '{"pid": 1}', "7"])
def test_a_torn_heartbeat_means_down(tmp_path: Path, content: str) -> None:
    (tmp_path / heartbeats.HEARTBEAT_NAME).write_text(content)

    assert diagnose(tmp_path, 1001.0)[0] == "down"


def test_a_start_that_fails_leaves_no_heartbeat(tmp_path: Path) -> None:
    heartbeats.begin(tmp_path)
    before = heartbeats.last(tmp_path).status

    with pytest.raises(RuntimeError), heartbeats.removed_at_end(tmp_path):
        raise RuntimeError

    assert before == "starting"
    assert not (tmp_path / heartbeats.HEARTBEAT_NAME).exists()


def test_a_daemon_that_is_killed_while_it_starts_is_down_in_the_end(tmp_path: Path) -> None:
    beat(tmp_path, heartbeat(status="starting"))

    status, sentence = diagnose(tmp_path, 1001.0 + START_SECONDS)

    assert (status, sentence) == ("down", "the start has not finished for 301 s (pid 1234)")
