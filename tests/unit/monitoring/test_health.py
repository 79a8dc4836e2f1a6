"""The health checks of a fake daemon; the test is the clock."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from daemon.core.records import Fault
from daemon.inbox.intake import QueueCounts
from daemon.monitoring.health import Health
from daemon.monitoring.heartbeat import STALE_SECONDS, START_SECONDS

NOW = 10_000.0


class FakeDaemon:
    """A daemon that has been well for long; a test says what is wrong with it."""

    def __init__(self) -> None:
        self.states = [("idle", 0.0), ("reading", 3.0)]
        self.inbox = SimpleNamespace(
            fault=None, waiting=QueueCounts(), scanned_at=NOW - 1, overdue_at=NOW + 40,
            watch_fault=None, uses_events=True,
        )  # fmt: skip
        self.loop = SimpleNamespace(
            draining=False, faults=[], is_stalled=False, in_progress=1, retrying=0
        )
        self.folders = SimpleNamespace(warning=None, disk_usage={})
        workers = SimpleNamespace(states=lambda now: self.states)
        self.health = Health(self.inbox, self.loop, workers, self.folders, NOW - 5000)
        self.health.phase, self.health.beat_at = "ready", NOW - 1

    def failing(self, *, ready: bool = False) -> set[str]:
        checks = self.health.ready(NOW) if ready else self.health.live(NOW)
        return {check.check for check in checks if not check.ok}


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


def test_a_healthy_daemon_is_live_and_ready(daemon: FakeDaemon) -> None:
    assert daemon.failing(ready=True) == set()


def test_a_loop_that_does_not_turn_fails_the_loop_check(daemon: FakeDaemon) -> None:
    daemon.health.beat_at = NOW - STALE_SECONDS - 1

    assert daemon.failing() == {"loop"}


def test_an_overdue_scan_fails_with_the_fault_as_its_message(daemon: FakeDaemon) -> None:
    daemon.inbox.overdue_at = NOW - 1
    daemon.loop.faults = [Fault("the inbox does not answer", NOW - 50)]

    (scan,) = [check for check in daemon.health.live(NOW) if not check.ok]
    assert (scan.check, scan.message) == ("scan", "the inbox does not answer")


def test_only_a_loop_without_a_known_fault_counts_as_not_progressing(
    daemon: FakeDaemon,
) -> None:
    daemon.inbox.overdue_at = NOW - 1
    assert not daemon.health.is_progressing(NOW)

    daemon.loop.faults = [Fault("the inbox does not answer", NOW - 50)]
    assert daemon.health.is_progressing(NOW)


def test_while_the_model_is_loaded_the_daemon_is_live_and_not_ready(daemon: FakeDaemon) -> None:
    health = Health(
        daemon.inbox, daemon.loop, SimpleNamespace(states=lambda now: []), daemon.folders, NOW - 9
    )

    assert all(check.ok for check in health.live(NOW))
    assert {check.check for check in health.ready(NOW) if not check.ok} == {"model"}


def test_a_start_that_takes_too_long_is_not_live(daemon: FakeDaemon) -> None:
    health = Health(
        daemon.inbox, daemon.loop, SimpleNamespace(states=lambda now: []), daemon.folders,
        NOW - START_SECONDS - 1,
    )  # fmt: skip

    assert {check.check for check in health.live(NOW) if not check.ok} == {"loop"}


def test_a_fault_of_the_loop_fails_readiness_and_not_liveness(daemon: FakeDaemon) -> None:
    daemon.loop.faults = [Fault("the outbox is full", NOW - 42)]

    (fault,) = [check for check in daemon.health.ready(NOW) if not check.ok]
    assert (fault.check, fault.message, fault.seconds) == ("fault", "the outbox is full", 42)
    assert daemon.failing() == set()


def test_an_unwritable_log_is_reported_and_does_not_fail_readiness(
    daemon: FakeDaemon,
) -> None:
    daemon.folders.warning = "the logs are full"

    assert daemon.failing(ready=True) == set()
    assert "the logs are full" in {check.message for check in daemon.health.ready(NOW)}


def test_a_stopping_daemon_is_not_ready_and_no_scan_is_due(daemon: FakeDaemon) -> None:
    daemon.loop.draining = True
    daemon.inbox.overdue_at = NOW - 100

    assert daemon.failing(ready=True) == {"taking"}


def test_an_overdue_worker_fails_the_check_and_a_dead_idle_one_does_not(
    daemon: FakeDaemon,
) -> None:
    daemon.states = [("dead", 0.0), ("idle", 0.0)]
    assert daemon.failing() == set()

    daemon.states = [("overdue", 200.0), ("idle", 0.0)]
    assert daemon.failing() == {"workers"}


def test_a_cluster_without_a_worker_fails_readiness_and_not_liveness(daemon: FakeDaemon) -> None:
    daemon.states = []

    assert daemon.failing() == set()
    assert daemon.failing(ready=True) == {"cluster"}


def test_dead_emitters_fail_the_events_check(daemon: FakeDaemon) -> None:
    daemon.inbox.watch_fault = "no events come any more"

    assert daemon.failing() == {"events"}


def test_a_healthy_daemon_is_ok(daemon: FakeDaemon) -> None:
    assert daemon.health.status(NOW) == "ok"


def test_a_daemon_whose_loop_does_not_turn_is_down(daemon: FakeDaemon) -> None:
    daemon.health.beat_at = NOW - STALE_SECONDS - 1

    assert daemon.health.status(NOW) == "down"


@pytest.mark.parametrize(("age", "status"), [(9, "starting"), (START_SECONDS + 1, "down")])
def test_a_daemon_that_loads_its_model_is_starting(
    daemon: FakeDaemon, age: float, status: str
) -> None:
    health = Health(
        daemon.inbox, daemon.loop, SimpleNamespace(states=lambda now: []), daemon.folders, NOW - age
    )

    assert health.status(NOW) == status


def test_a_daemon_with_a_fault_is_degraded_until_the_fault_is_over(daemon: FakeDaemon) -> None:
    daemon.loop.faults = [Fault("the outbox is full", NOW - 42)]
    assert daemon.health.status(NOW) == "degraded"

    daemon.loop.faults = []
    assert daemon.health.status(NOW) == "ok"


def test_a_fault_that_only_the_loop_knows_degrades_too(daemon: FakeDaemon) -> None:
    fault = Fault("hook post: 1 dead", NOW - 5)

    assert daemon.health.beat(NOW, [fault]) == ("degraded", [fault])
    assert daemon.health.status(NOW) == "degraded"


def test_a_failed_check_is_reported_as_a_fault_once(daemon: FakeDaemon) -> None:
    daemon.states = [("overdue", 200.0)]
    fault = Fault("the inbox does not answer", NOW - 50)
    daemon.loop.faults, daemon.inbox.overdue_at = [fault], NOW - 1

    status, faults = daemon.health.beat(NOW, [fault])

    assert (status, faults) == ("degraded", [fault, Fault("workers: 1 overdue", NOW - 200.0)])


def test_a_daemon_that_stops_is_degraded(daemon: FakeDaemon) -> None:
    daemon.loop.draining = True

    assert daemon.health.status(NOW) == "degraded"
