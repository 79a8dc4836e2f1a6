"""The heartbeat, with the test as the clock."""

from pathlib import Path

import pytest

from daemon.monitoring.heartbeat import STALE_SECONDS, Heartbeat, beat, diagnose


def heartbeat(*faults: str) -> Heartbeat:
    return Heartbeat(
        1234,
        beat_at=1000.0,
        scanned_at=990.0,
        in_progress=2,
        draining=False,
        faults=[(fault, 958.0) for fault in faults],
    )


@pytest.mark.parametrize(
    ("now", "lives"),
    [
        (1000.0, True),
        (1000.0 + STALE_SECONDS, True),
        (1000.1 + STALE_SECONDS, False),
        (3.0, False),  # the machine was started again since
    ],
)
def test_a_daemon_lives_while_its_heartbeat_is_fresh(
    tmp_path: Path, now: float, lives: bool
) -> None:
    beat(tmp_path, heartbeat())

    assert diagnose(tmp_path, now)[0] == lives


def test_what_holds_it_up_is_said_and_it_lives_all_the_same(tmp_path: Path) -> None:
    beat(tmp_path, heartbeat("the outbox is full"))

    lives, sentence = diagnose(tmp_path, 1001.0)

    assert lives
    assert "the outbox is full" in sentence


def test_a_torn_heartbeat_is_no_life(tmp_path: Path) -> None:
    (tmp_path / "heartbeat.json").write_text('{"pid": 1')

    assert not diagnose(tmp_path, 1001.0)[0]
