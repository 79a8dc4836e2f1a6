"""The loop: intake, backpressure, collecting, delivering, draining.

A file is claimed only while a worker slot is free: the inbox itself is the queue. A document that
the environment holds up (outbox full, share gone) keeps its place and is tried again; when all
places are taken nothing more is claimed. The one catch is here, at the document. What touches the
folders is done aside, a step at a time: where one does not come back (a share whose server hangs)
the loop turns on and does nothing but wait for it.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections import deque
from collections.abc import Callable, Iterable

import structlog

from daemon.core import failpoints, fs
from daemon.core.errors import Deferred, LedgerLost
from daemon.core.io_thread import IoThread, Stalled
from daemon.core.records import Claim, Fault, LedgerEntry
from daemon.core.tasks import Engine, Outcome
from daemon.inbox.claims.protocol import Claims, Vanished
from daemon.inbox.intake import Intake
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.document import DocumentInFlight

log = structlog.get_logger()

PLACES_PER_SLOT = 2  # one document is read while the one before it is delivered
TASKS_OF_A_SHORT_DOCUMENT = 2  # counting its pages, and the first of them
HELD_PER_SLOT = 8  # documents that the environment holds up may pile up to this, then intake rests
STUCK_SECONDS = 1.0  # between two looks whether a late step is back
ORPHANS_SECONDS = 5.0  # between two looks for the claims of daemons that died
# what is wrong with the inbox as a whole and not with the one file
_OF_THE_INBOX = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN,
)  # fmt: skip


class MainLoop:
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
        self._io = IoThread("steps")
        self._late: DocumentInFlight | None = None
        self._orphans_at = float("-inf")
        self._outcomes: deque[Outcome] = deque()
        self._work: dict[str, DocumentInFlight] = {}
        self._is_turn_of_new = True
        self._has_progressed = False
        self.draining = False

    @property
    def faults(self) -> list[Fault]:
        """What the environment holds us up with, each once, since it began."""
        held = [work.fault for work in list(self._work.values())]
        since: dict[str, float] = {}
        for fault in filter(None, [self._intake.fault, self._io.stall, *held]):
            since[fault.why] = min(fault.since, since.get(fault.why, fault.since))
        return [Fault(why, at) for why, at in since.items()]

    @property
    def is_stuck(self) -> bool:
        """Whether a step has not come back from the folders yet."""
        return self._io.late_seconds is not None

    @property
    def in_progress(self) -> int:
        """How many documents are claimed and not yet let go."""
        return len(self._work)

    @property
    def held(self) -> int:
        """How many of those the environment holds up."""
        return sum(work.fault is not None for work in list(self._work.values()))

    def recover(self, unfinished: list[LedgerEntry]) -> None:
        """Take up what an earlier run left: read, publish or archive what it had claimed."""
        self._take_up(self._claims.held(unfinished, time.monotonic()))
        for entry in unfinished:
            if entry.id not in self._work:
                self._delivery.settle_vanished(entry)

    def is_at_rest(self, now: float, patience: float) -> bool:
        """Tell whether what was in work is over, or held up for `patience` seconds at least."""
        held = [work.held_since for work in list(self._work.values())]
        is_idle = self._engine.free == self._engine.slots and not self._outcomes
        is_held = all(since is not None and now - since >= patience for since in held)
        return is_idle and is_held and not self.is_stuck

    def exchange(self, intake: Intake, delivery: Delivery, wait_seconds: float) -> None:
        """Go on with other rooms, between two turns; what is in work stays as it is."""
        self._intake, self._delivery, self._wait = intake, delivery, wait_seconds

    def end(self) -> None:
        """Let its thread end."""
        self._io.end()

    def turn(self, now: float) -> None:
        """Do what can be done now; the workers are served first."""
        if self.is_stuck:
            return
        self._hear_what_was_late(now)
        self._collect(now)
        if not self.draining:
            self._intake.scan_if_due(now)
            self._take_over(now)
        self._dispatch(now)
        for work in self._due(now):
            if not work.begun:
                self._attempt_step(self._delivery.begin, work, now)
            if work.is_read:
                self._attempt_step(self._delivery.deliver, work, now)
        self._forget_what_is_over(now)

    def next_turn(self, now: float) -> float:
        """Return the seconds until something is due without a ring of the bell."""
        if self.is_stuck:
            return STUCK_SECONDS
        if self._has_progressed:
            return 0.0  # a place has become free
        times = [work.retry_at for work in list(self._work.values()) if work.retry_at > now]
        if not self.draining:
            times.append(self._intake.next_scan())
        return max(0.0, min(times, default=now + self._wait) - now)

    def abandon(self, now: float) -> None:
        """Leave what is still in work for the next start; a stop by hand costs no attempt."""
        for work in list(self._work.values()):
            if work.begun and not work.answered:
                self._attempt_step(self._delivery.uncount, work, now)
            log.warning(
                "document.interrupted", name=work.claim.name, reason="the next start takes it up"
            )

    def _due(self, now: float) -> list[DocumentInFlight]:
        return [work for work in list(self._work.values()) if now >= work.retry_at]

    def _forget_what_is_over(self, now: float) -> None:
        over = [self._work.pop(token) for token, w in list(self._work.items()) if w.is_over]
        render_job = self._engine.free and any(work.has_new_makings for work in self._due(now))
        self._has_progressed = bool(over or render_job)

    # --- what the workers have ended ------------------------------------------------------------

    def _collect(self, now: float) -> None:
        self._outcomes.extend(self._engine.finished())
        while self._outcomes and not self.is_stuck:
            outcome = self._outcomes.popleft()
            if work := self._work.get(outcome.task.claim):  # else taken away meanwhile
                failpoints.reach("task.taken", work.claim.name)
                self._take_in(outcome, work, now)

    def _take_in(self, outcome: Outcome, work: DocumentInFlight, now: float) -> None:
        since, work.held_since = work.held_since, None
        if isinstance(outcome.result, Deferred):
            work.put_back(outcome.task)
            self._attempt_step(self._delivery.give_back_changed, work, now)
            work.held_since = since  # to look at the file has healed nothing
            if not work.is_over:
                self._postpone(work, str(outcome.result), now)
        elif work.take(outcome):
            log.warning("worker.died", name=work.claim.name, reason=str(outcome.result))
            self._attempt_step(self._delivery.count_attempt, work, now)

    # --- what is given to them ------------------------------------------------------------------

    def _dispatch(self, now: float) -> None:
        """Fill the free slots; new files take turns with the later pages of long documents."""
        while self._engine.free:
            waiting = [w for w in self._due(now) if w.has_pending]
            work = min(waiting, key=lambda work: work.job.tasks_given, default=None)
            is_long = work is not None and work.job.tasks_given >= TASKS_OF_A_SHORT_DOCUMENT
            if (work is None or (is_long and self._is_turn_of_new)) and self._claim_next(now):
                self._is_turn_of_new = work is None
                continue
            if work is None:
                return
            self._is_turn_of_new = True
            work.fault = None  # it may be over
            self._engine.submit(work.next_task())
            failpoints.reach("task.given", work.claim.name)

    def _claim_next(self, now: float) -> bool:
        """Claim the next ready file; False when there is none, or no place to keep it."""
        if self.draining or self.is_stuck or not self._has_place():
            return False
        name = self._intake.next_ready(now)
        if name is None:
            return False
        settled = self._intake.stamp_of(name)
        try:
            work = self._io.call(
                f"claiming {name}", lambda: self._accept(self._claims.take(name, settled))
            )
            self._attempt_step(self._delivery.begin, work, now)
        except Stalled:
            return False
        except LedgerLost:
            raise
        except Vanished:
            log.debug("file.vanished", name=name)
        except Exception as error:
            self._say_unclaimed(name, error, now)
        return True

    def _say_unclaimed(self, name: str, error: Exception, now: float) -> None:
        why = f"claiming it failed: {_why(error)}"
        if isinstance(error, OSError) and error.errno in _OF_THE_INBOX:
            self._intake.pause(f"{name}: {why}", now)
            return
        self._intake.postpone(name, now + self._wait)
        log.warning("file.blocked", name=name, reason=why, exc_info=not isinstance(error, OSError))

    def _has_place(self) -> bool:
        held, slots = self.held, self._engine.slots
        return held < HELD_PER_SLOT * slots and self.in_progress - held < PLACES_PER_SLOT * slots

    def _accept(self, claim: Claim, *, may_be_answered: bool = False) -> DocumentInFlight:
        """Keep a claim; also called aside, where the loop may have stopped waiting for it."""
        work = self._delivery.work_on(claim, may_be_answered=may_be_answered)
        return self._work.setdefault(claim.id, work)

    def _take_up(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._accept(claim, may_be_answered=True)
            log.info("claim.recovered", name=claim.name)

    def _take_over(self, now: float) -> None:
        """Take up what a daemon that died had, and what we had and lost sight of, now and then."""
        if now < self._orphans_at or self.is_stuck:
            return
        self._orphans_at = now + ORPHANS_SECONDS
        with contextlib.suppress(Stalled, OSError):  # the intake says what is wrong with the inbox
            known = set(self._work)
            self._io.call(
                "looking for orphans", lambda: self._take_up(self._claims.orphans(now, known))
            )

    # --- steps, aside ---------------------------------------------------------------------------

    def _attempt_step(
        self, step: Callable[[DocumentInFlight], None], work: DocumentInFlight, now: float
    ) -> None:
        """Take a step of a delivery; where the environment is at fault, say so and wait.

        A step that is late goes on by itself; what it has changed in `work` holds when it is back.
        """
        if self.is_stuck:
            return
        doing = f"{step.__name__} {fs.printable(work.claim.name)}"
        try:
            self._io.call(doing, lambda: step(work))
        except Stalled:
            self._late = work
        except Exception as error:
            self._hold(work, error, now)
        else:
            work.go_on()

    def _hear_what_was_late(self, now: float) -> None:
        """Take in how a step has ended that nobody waited for."""
        work, self._late = self._late, None
        if work is None:
            return
        error = self._io.failure
        if isinstance(error, Exception):
            self._hold(work, error, now)
        else:
            work.go_on()

    def _hold(self, work: DocumentInFlight, error: Exception, now: float) -> None:
        """Keep a document whose step failed for later."""
        if isinstance(error, LedgerLost):
            raise error
        if not isinstance(error, Deferred | OSError):  # a bug of ours holds up no other document
            log.error("claim.crashed", name=work.claim.name, exc_info=error)
        self._postpone(work, _why(error), now)

    def _postpone(self, work: DocumentInFlight, why: str, now: float) -> None:
        work.retry_at = now + self._wait
        if work.hold(why, now):
            log.error("document.retrying", name=work.claim.name, reason=why, retry_in=self._wait)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename2 or error.filename or ''}"
    return str(error) or repr(error)
