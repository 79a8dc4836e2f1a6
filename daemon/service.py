"""The loop: intake, backpressure, collecting, delivering, draining.

A file is claimed only while a worker slot is free: the inbox itself is the queue. A document that
the environment holds up (outbox full, share gone) keeps its place and is tried again; when all
places are taken nothing more is claimed. The one catch is here, at the document.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

import structlog

from daemon import failpoints
from daemon.claims import Claims, Vanished, is_unchanged
from daemon.delivery import Delivery, Work
from daemon.engine.local import Outcome, Task
from daemon.errors import Deferred
from daemon.inbox.intake import Intake
from daemon.journal import Entry

log = structlog.get_logger()

PLACES_PER_SLOT = 2  # one document is read while the one before it is delivered
TASKS_OF_A_SHORT_DOCUMENT = 2  # counting its pages, and the first of them
HELD_PER_SLOT = 8  # documents that the environment holds up may pile up to this, then intake rests


class Engine(Protocol):
    """Where tasks run."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""

    @property
    def free(self) -> int:
        """How many slots wait for a task."""

    def submit(self, task: Task) -> None:
        """Give a task to a free slot."""

    def finished(self) -> list[Outcome]:
        """Return what has ended since the last call."""


class Service:
    """One daemon on one inbox; `turn(now)` is one round of the loop, `now` monotonic seconds."""

    def __init__(
        self,
        intake: Intake,
        claims: Claims,
        delivery: Delivery,
        engine: Engine,
        wait_seconds: float,
    ) -> None:
        self._intake = intake
        self._claims = claims
        self._delivery = delivery
        self._engine = engine
        self._wait = wait_seconds
        self._work: dict[str, Work] = {}
        self._is_turn_of_new = True
        self._has_progressed = False
        self.draining = False

    @property
    def faults(self) -> list[str]:
        """What the environment holds us up with, a sentence each."""
        held = [work.fault for work in self._work.values() if work.fault]
        return [*filter(None, [self._intake.fault]), *dict.fromkeys(held)]

    @property
    def in_work(self) -> int:
        """How many documents are claimed and not yet let go."""
        return len(self._work)

    def recover(self, unfinished: list[Entry], now: float) -> None:
        """Take up what an earlier run left: read, publish or archive what it had claimed."""
        for claim in self._claims.held(unfinished):
            self._accept(self._delivery.work_on(claim), now)
            log.info("claim.recovered", name=claim.name)
        for entry in unfinished:
            if entry.id not in self._work:
                self._delivery.settle_vanished(entry)

    def turn(self, now: float) -> None:
        """Do what can be done now; the workers are served first."""
        self._collect(now)
        if not self.draining:
            self._intake.look(now)
        self._dispatch(now)
        self._has_progressed = False
        for work in self._due(now):
            if not work.begun:
                self._attempt_step(self._delivery.begin, work, now)
            is_read = work.begun and (work.document or work.job.is_finished)
            if is_read and self._attempt_step(self._delivery.deliver, work, now):
                del self._work[work.claim.id]
                self._has_progressed = True

    def next_turn(self, now: float) -> float:
        """Return the seconds until something is due without a ring of the bell."""
        if self._has_progressed:
            return 0.0  # a place has become free
        times = [work.retry_at for work in self._work.values() if work.retry_at > now]
        if not self.draining:
            times.append(self._intake.next_look())
        return max(0.0, min(times, default=now + self._wait) - now)

    def abandon(self, now: float) -> None:
        """Leave what is still in work for the next start; a stop by hand costs no attempt."""
        for work in self._work.values():
            if work.begun and work.document is None:
                self._attempt_step(self._delivery.uncount, work, now)
            log.warning("claim.left", name=work.claim.name, reason="it is read after the restart")

    def _due(self, now: float) -> list[Work]:
        return [work for work in self._work.values() if now >= work.retry_at]

    def _collect(self, now: float) -> None:
        """Take in what the workers have ended."""
        for outcome in self._engine.finished():
            work = self._work.get(outcome.task.claim)
            if work is None:
                continue  # another of its tasks found the file taken away
            failpoints.reach("task.taken", work.claim.name)
            if isinstance(outcome.result, Deferred):
                work.job.put_back(outcome.task)
                self._postpone(work, outcome.result, now)
                with contextlib.suppress(OSError):  # out of reach: it keeps its place
                    if not is_unchanged(work.claim):
                        self._drop(work)
            elif work.job.take(outcome):
                log.warning("task.died", name=work.claim.name, why=str(outcome.result))
                self._attempt_step(self._delivery.count_attempt, work, now)

    def _dispatch(self, now: float) -> None:
        """Fill the free slots; new files take turns with the later pages of long documents."""
        while self._engine.free:
            waiting = [w for w in self._due(now) if w.is_to_be_read and w.job.has_pending]
            work = min(waiting, key=lambda work: work.job.tasks_given, default=None)
            is_long = work is not None and work.job.tasks_given >= TASKS_OF_A_SHORT_DOCUMENT
            if (work is None or (is_long and self._is_turn_of_new)) and self._claim_next(now):
                self._is_turn_of_new = work is None
                continue
            if work is None:
                return
            self._is_turn_of_new = True
            self._engine.submit(work.job.next_task())
            failpoints.reach("task.given", work.claim.name)

    def _claim_next(self, now: float) -> bool:
        """Claim the next ready file; False when there is none, or no place to keep it."""
        if self.draining or not self._has_place():
            return False
        name = self._intake.next_ready(now)
        if name is None:
            return False
        try:
            self._accept(self._delivery.work_on(self._claims.take(name)), now)
        except Vanished:
            log.debug("file.vanished", name=name)
        except OSError as error:
            self._intake.refuse(name, now + self._wait)
            log.warning("file.cannot", name=name, reason=f"claiming it failed: {error.strerror}")
        return True

    def _has_place(self) -> bool:
        held = sum(work.fault is not None for work in self._work.values())
        slots = self._engine.slots
        return held < HELD_PER_SLOT * slots and self.in_work - held < PLACES_PER_SLOT * slots

    def _accept(self, work: Work, now: float) -> None:
        self._work[work.claim.id] = work
        self._attempt_step(self._delivery.begin, work, now)

    def _drop(self, work: Work) -> None:
        """Forget a file that was taken away from us while it was read."""
        if self._attempt_step(self._delivery.give_back, work, work.retry_at):
            del self._work[work.claim.id]

    def _attempt_step(self, step: Callable[[Work], None], work: Work, now: float) -> bool:
        """Take a step of a delivery; where the environment is at fault, say so and wait."""
        try:
            step(work)
        except Deferred as error:
            self._postpone(work, error, now)
        except OSError as error:
            self._postpone(
                work,
                Deferred(
                    f"{error.strerror}: {error.filename2 or error.filename or work.claim.path}"
                ),
                now,
            )
        else:
            work.fault = None
            return True
        return False

    def _postpone(self, work: Work, error: Deferred, now: float) -> None:
        work.retry_at = now + self._wait
        if work.fault != str(error):
            log.error("claim.held", name=work.claim.name, why=str(error), retry_in=self._wait)
        work.fault = str(error)
