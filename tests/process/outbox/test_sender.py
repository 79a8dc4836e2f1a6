"""One hook's turn, with the test as clock and chance, over a real ledger and real programs."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from threading import Event

import pytest

from daemon.config.hook import Hook
from daemon.core.counters import Counters
from daemon.core.errors import Deferred
from daemon.ledger.deliveries import LONGEST_REST, Deliveries
from daemon.outbox.hooks.dispatcher import HookDispatcher
from daemon.outbox.hooks.sender import LONGEST_PAUSE, HookSender
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
        self.ledger_file = root / "ledger.sqlite3"
        keep(self.ledger_file)
        self.deliveries = Deliveries(self.ledger_file)
        self.sender = self.started()

    def started(self) -> HookSender:
        return HookSender(
            self.hook, self.deliveries, Path("/out"), lambda: self.now, LargestRandom(), Event()
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
        post = self.deliveries.posts()[self.hook.name]
        return post.waiting, post.dead, post.delivered


@pytest.fixture
def failing(tmp_path: Path) -> HookRun:
    return HookRun(tmp_path, Hook(name="no", command=("false",), attempts=4, wait_seconds=10.0))


def test_letters_go_out_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    with receiving() as receiver:
        run = HookRun(tmp_path, Hook(name="post", url=receiver.address))
        run.land("c3", "c1", "c2")

        assert run.until_quiet() is None

    came = [headers["webhook-id"] for headers, _ in receiver.came]
    assert came == ["c3-post", "c1-post", "c2-post"]
    assert run.post() == (0, 0, 3)


def test_what_fails_rests_twice_as_long_each_time_and_is_dead_after_its_attempts(
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
    assert failing.until_quiet() == pytest.approx(LONGEST_PAUSE)
    assert failing.post() == (0, 1, 0)
    (dead,) = failing.deliveries.open()
    assert (dead.is_dead, dead.attempts, dead.why) == (True, 4, "exit code 1")


def test_a_rest_is_a_chance_share_and_never_longer_than_six_hours(failing: HookRun) -> None:
    sender = HookSender(
        failing.hook, failing.deliveries, Path("/out"), lambda: EARLY, random.Random(7), Event()
    )
    rests = [sender._rest(1, LONGEST_REST) for _ in range(200)]

    assert 0 <= min(rests) < 1
    assert 9 < max(rests) <= 10
    assert failing.sender._rest(1000, LONGEST_REST) == LONGEST_REST


def test_an_outage_costs_attempts_of_few_letters_and_not_of_all(failing: HookRun) -> None:
    failing.land(*(f"c{number}" for number in range(50)))

    for _ in range(5):
        failing.now += failing.until_quiet() or 0.0

    tried = [each.claim for each in failing.deliveries.open() if each.attempts]
    assert len(tried) <= 5


def test_what_is_dead_or_rests_is_tried_again_when_an_operator_says_so(tmp_path: Path) -> None:
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


def test_a_receiver_that_says_when_is_not_asked_before(tmp_path: Path) -> None:
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
    assert failing.deliveries.open()[0].attempts == 2


def test_a_rest_outlasts_a_restart(failing: HookRun) -> None:
    failing.land("c1")
    failing.until_quiet()

    failing.sender = failing.started()

    assert failing.until_quiet() == 10.0
    assert failing.deliveries.open()[0].attempts == 1


def test_a_letter_that_was_sent_and_not_marked_is_sent_again_with_the_same_id(
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


def test_a_ledger_that_cannot_be_written_does_not_make_a_letter_go_out_again_and_again(
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


def test_what_was_delivered_is_kept_without_its_words(tmp_path: Path) -> None:
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
    failing.deliveries.delivered(held)

    failing.deliveries.put_off(held, "timed out", failing.now)
    failing.deliveries.died(held, "timed out")

    assert failing.post() == (0, 0, 1)
    assert failing.deliveries.open() == []


def test_where_the_last_hook_is_gone_nothing_is_said_of_letters(tmp_path: Path) -> None:
    counters = Counters(hooks_waiting=3, hooks_dead=1)

    HookDispatcher([], tmp_path / "ledger.sqlite3", tmp_path).count(counters)

    assert (counters.hooks_waiting, counters.hooks_dead) == (None, None)
