"""What is said of a daemon, with a pretended daemon and the test as the clock."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from daemon.core.records import Fault
from daemon.inbox.intake import QueueCounts
from daemon.monitoring.health import START_SECONDS, Health
from daemon.monitoring.heartbeat import STALE_SECONDS

NOW = 10_000.0


class FakeDaemon:
    """A daemon that has been well for long; a test says what is wrong with it."""

    def __init__(self) -> None:
        self.states = [("idle", 0.0), ("reading", 3.0)]
        self.inbox = SimpleNamespace(
            fault=None, waiting=QueueCounts(), scanned_at=NOW - 1, overdue_at=NOW + 40,
            watch_says=None, events_come=True,
        )  # fmt: skip
        self.loop = SimpleNamespace(
            draining=False, faults=[], is_stalled=False, in_progress=1, retrying=0
        )
        self.folders = SimpleNamespace(warning=None, room={})
        workers = SimpleNamespace(states=lambda now: self.states)
        self.health = Health(self.inbox, self.loop, workers, self.folders, NOW - 5000)
        self.health.phase, self.health.beat_at = "ready", NOW - 1

    def failing(self, *, ready: bool = False) -> set[str]:
        checks = self.health.ready(NOW) if ready else self.health.live(NOW)
        return {check.check for check in checks if not check.ok}


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


def test_a_daemon_that_is_well_lives_and_is_ready(daemon: FakeDaemon) -> None:
    assert daemon.failing(ready=True) == set()


def test_a_loop_that_stands_still_is_told_by_its_age(daemon: FakeDaemon) -> None:
    daemon.health.beat_at = NOW - STALE_SECONDS - 1

    assert daemon.failing() == {"loop"}


def test_a_look_that_does_not_come_back_is_told_with_what_it_waits_for(daemon: FakeDaemon) -> None:
    daemon.inbox.overdue_at = NOW - 1
    daemon.loop.faults = [Fault("the inbox does not answer", NOW - 50)]

    (scan,) = [check for check in daemon.health.live(NOW) if not check.ok]
    assert (scan.check, scan.says) == ("scan", "the inbox does not answer")


def test_the_watchdog_bites_a_loop_that_lost_its_way_and_not_one_that_a_share_keeps(
    daemon: FakeDaemon,
) -> None:
    daemon.inbox.overdue_at = NOW - 1
    assert not daemon.health.is_progressing(NOW)

    daemon.loop.faults = [Fault("the inbox does not answer", NOW - 50)]
    assert daemon.health.is_progressing(NOW)


def test_while_the_model_is_loaded_it_lives_and_is_not_ready(daemon: FakeDaemon) -> None:
    health = Health(
        daemon.inbox, daemon.loop, SimpleNamespace(states=lambda now: []), daemon.folders, NOW - 9
    )

    assert all(check.ok for check in health.live(NOW))
    assert {check.check for check in health.ready(NOW) if not check.ok} == {"model"}


def test_a_start_that_does_not_end_is_no_life(daemon: FakeDaemon) -> None:
    health = Health(
        daemon.inbox, daemon.loop, SimpleNamespace(states=lambda now: []), daemon.folders,
        NOW - START_SECONDS - 1,
    )  # fmt: skip

    assert {check.check for check in health.live(NOW) if not check.ok} == {"loop"}


def test_what_holds_it_up_is_told_with_since_when_and_it_lives(daemon: FakeDaemon) -> None:
    daemon.loop.faults = [Fault("the outbox is full", NOW - 42)]

    (fault,) = [check for check in daemon.health.ready(NOW) if not check.ok]
    assert (fault.check, fault.says, fault.seconds) == ("fault", "the outbox is full", 42)
    assert daemon.failing() == set()


def test_a_log_that_cannot_be_written_is_told_and_keeps_nothing_from_being_ready(
    daemon: FakeDaemon,
) -> None:
    daemon.folders.warning = "the logs are full"

    assert daemon.failing(ready=True) == set()
    assert "the logs are full" in {check.says for check in daemon.health.ready(NOW)}


def test_a_daemon_that_ends_is_not_ready_and_no_look_is_due(daemon: FakeDaemon) -> None:
    daemon.loop.draining = True
    daemon.inbox.overdue_at = NOW - 100

    assert daemon.failing(ready=True) == {"taking"}


def test_a_worker_that_should_have_answered_long_ago_is_told_and_an_idle_dead_one_is_not(
    daemon: FakeDaemon,
) -> None:
    daemon.states = [("dead", 0.0), ("idle", 0.0)]
    assert daemon.failing() == set()

    daemon.states = [("overdue", 200.0), ("idle", 0.0)]
    assert daemon.failing() == {"workers"}


def test_emitters_that_are_gone_are_told(daemon: FakeDaemon) -> None:
    daemon.inbox.watch_says = "no events come any more"

    assert daemon.failing() == {"events"}
