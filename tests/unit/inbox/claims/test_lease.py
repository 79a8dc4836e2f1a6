"""Who lives and who is dead, with the test as the clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.inbox.claims.lease import LOCK_NAME, Lease, PeerLeases

TERM = 60.0


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    return tmp_path


def dead(work: Path, *times: float) -> list[list[str]]:
    neighbours = PeerLeases(work / "ours", TERM)
    return [[folder.name for folder in neighbours.dead(now)] for now in times]


def elsewhere(folder: Path) -> None:
    """Make the lock look like that of a daemon on another machine."""
    (folder / LOCK_NAME).write_text('{"boot": "another", "device": 1}')


def test_who_holds_its_lock_lives(work: Path) -> None:
    lease = Lease(work / "theirs", TERM)

    assert dead(work, 0.0, TERM / 2) == [[], []]
    lease.end()


def test_who_was_killed_is_dead_at_once_on_the_same_machine(work: Path) -> None:
    script = (
        "import sys, pathlib, os, signal; from daemon.inbox.claims.lease import Lease;"
        "Lease(pathlib.Path(sys.argv[1]), 60.0); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(work / "theirs")], check=False)

    assert dead(work, 0.0) == [["theirs"]]


def test_who_is_silent_for_a_term_is_dead_wherever_it_ran(work: Path) -> None:
    elsewhere(work / "theirs")

    assert dead(work, 0.0, TERM - 1, TERM) == [[], [], ["theirs"]]


def test_a_stopped_daemon_that_holds_its_lock_is_dead_after_a_term(work: Path) -> None:
    lease = Lease(work / "theirs", 1e6)

    assert dead(work, 0.0, TERM) == [[], ["theirs"]]
    lease.end()


def test_a_touch_begins_a_new_term_whatever_the_clock_of_the_toucher_says(work: Path) -> None:
    elsewhere(work / "theirs")
    neighbours = PeerLeases(work / "ours", TERM)
    assert list(neighbours.dead(0.0)) == []
    for now, touched in ((50.0, 4e9), (100.0, 1.0)):  # far ahead, then far back
        os.utime(work / "theirs" / LOCK_NAME, (touched, touched))
        assert list(neighbours.dead(now)) == []

    assert list(neighbours.dead(159.0)) == []
    assert [folder.name for folder in neighbours.dead(160.0)] == ["theirs"]


def test_a_lease_swept_away_is_taken_again(work: Path) -> None:
    lease = Lease(work / "theirs", TERM)
    (work / "theirs" / LOCK_NAME).unlink()

    lease.renew()

    assert dead(work, 0.0) == [[]]
    lease.end()
