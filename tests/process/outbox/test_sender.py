"""The sender of one hook, with a real ledger and real programs; the test is clock and chance."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from threading import Event

import pytest

from daemon.config.hook import Hook
from daemon.core.counters import Counters
from daemon.core.errors import Deferred
from daemon.ledger.deliveries import MAX_WAIT_SECONDS, Deliveries
from daemon.outbox.hooks.dispatcher import HookDispatcher
from daemon.outbox.hooks.sender import MAX_PAUSE_SECONDS, HookSender
from tests.support.hooks.receiver import receiving
from tests.support.hooks.sidecars import keep, notification

EARLY = 1_764_280_000.0


class LargestRandom(random.Random):
    """A chance that always takes the largest value."""

    def uniform(self, a: float, b: float) -> float:
        return b


class HookRun:
    """A hook with a ledger, and a clock that the test turns."""

    def __init__(self, root: Path, hook: Hook) -> None:
        self.hook, self.now = hook, EARLY
        self.clock_error = 0.0  # of the wall clock
        self.ledger_file = root / "ledger.sqlite3"
        keep(self.ledger_file)
        self.deliveries = Deliveries(self.ledger_file)
        self.sender = self.started()

    def started(self) -> HookSender:
        return HookSender(
            self.hook, self.deliveries, Path("/out"), lambda: self.now + self.clock_error,
            LargestRandom(), Event(), lambda: self.now,
        )  # fmt: skip

    def land(self, *claims: str) -> None:
        keep(self.ledger_file, *(notification(self.hook, claim) for claim in claims))

    def until_quiet(self, most: int = 100) -> float | None:
        """Turn until the sender would wait; return for how long."""
        for _ in range(most):
            if (seconds := self.sender.turn()) != 0.0:
                return seconds
        raise AssertionError("it never rests")

    def post(self) -> tuple[int, int, int]:
        post = self.deliveries.counts_by_hook()[self.hook.name]
        return post.waiting, post.dead, post.delivered


@pytest.fixture
def failing(tmp_path: Path) -> HookRun:
    return HookRun(tmp_path, Hook(name="no", command=("false",), attempts=4, wait_seconds=10.0))


def test_notifications_are_sent_in_their_order(tmp_path: Path) -> None:
    with receiving() as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c3", "c1", "c2")

        assert run.until_quiet() is None

    came = [headers["webhook-id"] for headers, _ in receiver.came]
    assert came == ["c3-post", "c1-post", "c2-post"]
    assert run.post() == (0, 0, 3)


def test_the_wait_doubles_with_each_failure_and_ends_with_a_dead_letter(
    failing: HookRun,
) -> None:
    failing.land("c1")
    rests = []
    for _ in range(3):
        rest = failing.until_quiet()
        assert rest is not None
        rests.append(rest)
        failing.now += rest

    assert rests == [10.0, 20.0, 40.0]
    assert failing.until_quiet() == pytest.approx(MAX_PAUSE_SECONDS)
    assert failing.post() == (0, 1, 0)
    (dead,) = failing.deliveries.undelivered()
    assert (dead.is_dead, dead.attempts, dead.reason) == (True, 4, "exit code 1")


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 3.2e8, -3.2e8, -EARLY + 60])
def test_a_clock_that_is_set_neither_lengthens_nor_shortens_a_wait(
    jump: float, failing: HookRun
) -> None:
    failing.land("c1")
    assert failing.until_quiet() == 10.0
    failing.now += 4.0
    failing.clock_error = jump

    assert failing.until_quiet() == pytest.approx(6.0)

    failing.now += 5.9
    assert failing.until_quiet() == pytest.approx(0.1)
    failing.now += 0.2
    assert failing.until_quiet() == 20.0


def test_a_wait_is_a_random_share_and_at_most_six_hours(failing: HookRun) -> None:
    sender = HookSender(
        failing.hook, failing.deliveries, Path("/out"), lambda: EARLY, random.Random(7), Event()
    )
    rests = [sender._backoff(1, MAX_WAIT_SECONDS) for _ in range(200)]

    assert 0 <= min(rests) < 1
    assert 9 < max(rests) <= 10
    assert failing.sender._backoff(1000, MAX_WAIT_SECONDS) == MAX_WAIT_SECONDS


def test_an_outage_costs_attempts_of_few_notifications_and_not_of_all(failing: HookRun) -> None:
    failing.land(*(f"c{number}" for number in range(50)))

    for _ in range(5):
        failing.now += failing.until_quiet() or 0.0

    tried = [each.claim for each in failing.deliveries.undelivered() if each.attempts]
    assert len(tried) <= 5


def test_dead_and_waiting_notifications_are_retried_when_an_operator_says_so(
    tmp_path: Path,
) -> None:
    with receiving(410, 500) as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c1", "c2")
        run.now += run.until_quiet() or 0.0
        run.until_quiet()
        assert run.post() == (1, 1, 0)

        assert run.deliveries.retry() == 2
        run.sender = run.started()
        run.until_quiet()

    assert run.post() == (0, 0, 2)
    assert [headers["webhook-id"] for headers, _ in receiver.came].count("c1-post") == 2


def test_retry_after_of_a_receiver_is_respected(tmp_path: Path) -> None:
    with receiving((429, {"retry-after": "3000"})) as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c1")
        pause = run.until_quiet()
        run.now += pause or 0.0

        assert run.until_quiet() == pytest.approx(3000 - (pause or 0.0))


def test_a_clock_set_back_by_a_year_makes_nothing_wait_for_a_year(failing: HookRun) -> None:
    failing.land("c1")
    failing.until_quiet()

    failing.now -= 365 * 86400

    failing.until_quiet()
    assert failing.deliveries.undelivered()[0].attempts == 2


def test_a_wait_outlasts_a_restart(failing: HookRun) -> None:
    failing.land("c1")
    failing.until_quiet()

    failing.sender = failing.started()

    assert failing.until_quiet() == 10.0
    assert failing.deliveries.undelivered()[0].attempts == 1


def test_a_delivery_that_was_not_recorded_is_repeated_with_the_same_id(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c1")
        run.until_quiet()
        with sqlite3.connect(run.ledger_file) as ledger_file:  # as a kill before the mark leaves it
            text = notification(run.hook).text
            ledger_file.execute("UPDATE deliveries SET state = 'waiting', letter = ?", (text,))
        ledger_file.close()

        run.until_quiet()

    first, second = receiver.came
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


def test_an_unwritable_ledger_does_not_repeat_a_delivery_again_and_again(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c1")
        run.deliveries._db.execute("PRAGMA query_only = 1")
        for _ in range(3):
            with pytest.raises(Deferred, match="readonly"):
                run.sender.turn()
        run.deliveries._db.execute("PRAGMA query_only = 0")

        run.until_quiet()

    assert len(receiver.came) == 1
    assert run.post() == (0, 0, 1)


def test_a_delivered_notification_is_stored_without_its_text(tmp_path: Path) -> None:
    run = HookRun(tmp_path, Hook(name="yes", command=("true",)))
    run.land("c1")
    run.until_quiet()

    with sqlite3.connect(run.ledger_file) as ledger_file:
        row = ledger_file.execute("SELECT letter, state, ended_at IS NOT NULL FROM deliveries")

        assert row.fetchall() == [("", "delivered", 1)]
    ledger_file.close()


def test_what_another_thread_has_delivered_meanwhile_stays_delivered(failing: HookRun) -> None:
    """A thread that is held in a POST outlives the senders of a config that is changed."""
    failing.land("c1")
    held = failing.deliveries.due("no", failing.now)
    assert held is not None
    failing.deliveries.mark_delivered(held)

    failing.deliveries.postpone(held, "timed out", failing.now)
    failing.deliveries.mark_dead(held, "timed out")

    assert failing.post() == (0, 0, 1)
    assert failing.deliveries.undelivered() == []


def test_without_hooks_no_counts_are_reported(tmp_path: Path) -> None:
    counters = Counters(hooks_waiting=3, hooks_dead=1)

    HookDispatcher([], tmp_path / "ledger.sqlite3", tmp_path).count(counters)

    assert (counters.hooks_waiting, counters.hooks_dead) == (None, None)
