"""The deadline of a task, with times made up by the test."""

from __future__ import annotations

import pytest

from daemon.core.errors import Deferred, Died
from daemon.core.processes import Wait
from daemon.engine.deadline import WALL_FACTOR, Deadline

SECONDS = 60.0
USED_BEFORE = 500.0  # by earlier tasks of the worker


def run(seconds: float, share: float, wait: Wait, step: float = 1.0) -> Died | Deferred | None:
    """Let a task go on that gets `share` of a processor; return what ended it."""
    deadline = Deadline(SECONDS, USED_BEFORE, 0.0)
    now = 0.0
    while now < seconds:
        now += step
        if verdict := deadline.verdict(USED_BEFORE + share * now, now, lambda: wait):
            return verdict
    return None


@pytest.mark.parametrize("share", [1.0, 0.5, 0.11])
def test_processor_seconds_count_however_long_they_take(share: float) -> None:
    assert run(SECONDS / share - 2, share, "processor") is None

    ended = run(SECONDS / share + 20, share, "processor")

    assert isinstance(ended, Died)
    assert (ended.kind, ended.message) == ("timeout", "took more than 60 s of processor time")


def test_two_threads_use_up_their_time_in_half_of_the_seconds() -> None:
    assert run(30, 2.0, "processor") is None
    assert isinstance(run(32, 2.0, "processor"), Died)


@pytest.mark.parametrize("wait", ["disk", "processor", "stopped"])
@pytest.mark.parametrize("share", [0.0, 0.05])
def test_what_waits_for_others_ends_late_and_costs_no_attempt(wait: Wait, share: float) -> None:
    assert run(SECONDS * WALL_FACTOR, share, wait) is None

    ended = run(SECONDS * WALL_FACTOR + 2, share, wait)

    assert isinstance(ended, Deferred)
    assert f"computed for {share * 600:.0f}" in str(ended)


def test_what_waits_for_itself_hangs() -> None:
    assert run(SECONDS, 0.0, "itself") is None

    ended = run(SECONDS + 2, 0.0, "itself")

    assert isinstance(ended, Died)
    assert (ended.kind, "hung for 60 s" in ended.message) == ("timeout", True)


def test_what_computes_now_and_then_does_not_hang() -> None:
    assert run(SECONDS * WALL_FACTOR, 0.02, "itself") is None


@pytest.mark.parametrize("wait", ["itself", "processor"])
def test_a_pause_of_the_daemon_and_its_workers_does_not_count(wait: Wait) -> None:
    deadline = Deadline(SECONDS, 0.0, 0.0)
    assert deadline.verdict(1.0, 1.0, lambda: wait) is None

    assert deadline.verdict(1.0, 7201.0, lambda: wait) is None
    assert deadline.notice(7201.0, lambda: wait) is None
    assert deadline.verdict(2.0, 7202.0, lambda: wait) is None


def test_a_wait_is_noted_once() -> None:
    deadline = Deadline(SECONDS, 0.0, 0.0)
    notices = []
    for now in range(1, 200):
        deadline.verdict(0.25 * now, float(now), lambda: "disk")
        notices.append(deadline.notice(float(now), lambda: "disk"))

    (notice,) = filter(None, notices)
    assert notice == (
        "a worker has computed for 15.2 of 61 s: it waits for a disk or share that does not answer"
    )
