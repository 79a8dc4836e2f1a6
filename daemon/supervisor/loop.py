"""The main loop: intake, backpressure, outcomes of workers, deliveries, draining.

A file is claimed only while a worker slot is free: the inbox itself is the queue. A document that
the environment holds up (outbox full, share gone) keeps its place and is tried again; when all
places are taken nothing more is claimed. Errors are caught here, at the document. Whatever touches
the folders runs on a thread of its own, one step at a time: where a step does not return (a share
whose server hangs) the loop goes on turning and only waits for it.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections import deque
from collections.abc import Callable, Iterable

import structlog

from daemon.core import failpoints, fs, malloc
from daemon.core.errors import Deferred, LedgerLost
from daemon.core.io_thread import IoThread, Stalled
from daemon.core.records import Claim, DocumentState, Fault, LedgerEntry
from daemon.core.tasks import Outcome
from daemon.engine.protocol import Engine
from daemon.inbox.claims.protocol import Claims, Vanished
from daemon.inbox.intake import Intake
from daemon.inbox.stability import NotReady
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.dispatcher import Dispatcher
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.rereads import RereadDelivery

log = structlog.get_logger()

Step = Callable[[DocumentInFlight], None]

PLACES_PER_SLOT = 2  # one document is read while the one before it is delivered
AWAITED_PLACES_PER_SLOT = 1  # further ones for documents whose answers clients wait for
FAILING_PER_SLOT = 8  # documents held up by the environment before no more is claimed
STALLED_SECONDS = 1.0  # between two checks whether a stalled step has returned
REREADS_SECONDS = 5.0  # between two looks for a request to read a document again
ORPHANS_SECONDS = 5.0  # between two searches for claims of daemons that died
# errors of the inbox as a whole, not of one file
_INBOX_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN,
)  # fmt: skip


class MainLoop:
    """One daemon on one inbox; `turn(now)` is one turn, `now` monotonic seconds."""

    def __init__(
        self,
        intake: Intake,
        claims: Claims,
        delivery: Delivery,
        engine: Engine,
        wait_seconds: float,
        rereads: RereadDelivery | None = None,
    ) -> None:
        self._rereads = rereads
        self._rereads_at = float("-inf")
        self._intake = intake
        self._claims = claims
        self._delivery = delivery
        self._engine = engine
        self._dispatcher = Dispatcher(engine)
        self._wait_seconds = wait_seconds
        self._io = IoThread("steps")
        self._stalled: DocumentInFlight | None = None
        self._orphans_at = float("-inf")
        self._outcomes: deque[Outcome] = deque()
        self._documents: dict[str, DocumentInFlight] = {}
        self._has_progressed = False
        self.draining = False

    @property
    def faults(self) -> list[Fault]:
        """What the environment holds up, each fault once, since it began."""
        faults = [document.fault for document in list(self._documents.values())]
        since: dict[str, float] = {}
        for fault in filter(None, [self._intake.fault, self._io.stalled, *faults]):
            since[fault.message] = min(fault.since, since.get(fault.message, fault.since))
        return [Fault(message, at) for message, at in since.items()]

    @property
    def is_stalled(self) -> bool:
        """Whether a step on the folders has not returned yet."""
        return self._io.stalled_seconds is not None

    @property
    def in_progress(self) -> int:
        """How many documents are claimed and not released."""
        return sum(not document.is_reread for document in list(self._documents.values()))

    @property
    def retrying(self) -> int:
        """How many of those the environment holds up."""
        documents = list(self._documents.values())
        return sum(each.fault is not None and not each.is_reread for each in documents)

    @property
    def retry_reasons(self) -> dict[str, str]:
        """Why each of those is retried, by its claim."""
        documents = list(self._documents.items())
        return {token: each.fault.message for token, each in documents if each.fault is not None}

    def recover(self, unfinished: list[LedgerEntry]) -> None:
        """Resume what an earlier run left: read, publish or archive what it had claimed."""
        self._resume(self._claims.held(unfinished, time.monotonic()))
        for entry in unfinished:
            if entry.id not in self._documents:
                self._delivery.settle_vanished(entry)

    def is_at_rest(self, now: float, failing_seconds: float) -> bool:
        """Tell whether nothing is in progress but documents held up for `failing_seconds`."""
        documents = [each for each in list(self._documents.values()) if not each.is_reread]
        failing = [document.failing_since for document in documents]
        is_idle = self._engine.free == self._engine.slots and not self._outcomes
        is_failing = all(since is not None and now - since >= failing_seconds for since in failing)
        return is_idle and is_failing and not self.is_stalled

    def reconfigure(
        self,
        intake: Intake,
        delivery: Delivery,
        wait_seconds: float,
        rereads: RereadDelivery | None = None,
    ) -> None:
        """Go on under another config, between two turns; documents in progress stay as they are."""
        self._intake, self._delivery, self._wait_seconds = intake, delivery, wait_seconds
        self._rereads = rereads

    def close(self) -> None:
        """Let its thread end."""
        self._io.stop()

    def turn(self, now: float) -> None:
        """Do what can be done now; the workers are served first."""
        if self.is_stalled:
            return
        self._finish_stalled_step(now)
        self._collect_outcomes(now)
        if not self.draining:
            self._intake.scan_if_due(now)
            self._adopt_orphans(now)
        else:
            self._drop_rereads(now)
        self._dispatcher.dispatch(
            lambda: self._due(now), lambda: self._start_next(now), lambda: self._intake.has_awaited
        )
        for document in self._due(now):
            self._advance(document, now)
        self._remove_finished(now)

    def next_turn(self, now: float) -> float:
        """Return the seconds until something is due without a notification."""
        if self.is_stalled:
            return STALLED_SECONDS
        if self._has_progressed:
            return 0.0  # a place has become free
        times = [each.retry_at for each in list(self._documents.values()) if each.retry_at > now]
        if not self.draining:
            times.append(self._intake.next_scan())
        return max(0.0, min(times, default=now + self._wait_seconds) - now)

    def abandon(self, now: float) -> None:
        """Leave what is in progress for the next start; a stop by hand costs no attempt."""
        self._drop_rereads(now)
        for document in list(self._documents.values()):
            if document.state in (DocumentState.CLAIMED, DocumentState.ANSWERING):
                self._attempt(self._delivery.refund_attempt, document, now)
            name = document.claim.name
            log.warning("document.interrupted", name=name, reason="the next start resumes it")

    def _due(self, now: float) -> list[DocumentInFlight]:
        return [each for each in list(self._documents.values()) if now >= each.retry_at]

    def _remove_finished(self, now: float) -> None:
        tokens = [token for token, document in self._documents.items() if document.is_over]
        for token in tokens:
            del self._documents[token]
        if tokens:
            malloc.trim()  # their texts: 0.3 MB after small documents
        has_render_job = any(each.has_unsubmitted_render_job for each in self._due(now))
        self._has_progressed = bool(tokens or (self._engine.free and has_render_job))

    # --- outcomes of tasks ----------------------------------------------------------------------

    def _collect_outcomes(self, now: float) -> None:
        self._outcomes.extend(self._engine.finished())
        while self._outcomes and not self.is_stalled:
            outcome = self._outcomes.popleft()
            # a document may have been given back meanwhile
            if document := self._documents.get(outcome.task.claim):
                failpoints.reach("task.finished", document.claim.name)
                self._add_outcome(outcome, document, now)

    def _add_outcome(self, outcome: Outcome, document: DocumentInFlight, now: float) -> None:
        since, document.failing_since = document.failing_since, None
        if isinstance(outcome.result, Deferred):
            check_access = self._delivery_of(document).check_access
            is_accessible = self._attempt(check_access, document, now)
            document.failing_since = since  # checking the file did not remove the fault
            if document.is_over:
                return
            outcome = document.count_unconfirmed(outcome) if is_accessible else outcome
        if isinstance(outcome.result, Deferred):
            document.put_back(outcome.task)
            self._postpone(document, str(outcome.result), now)
        elif document.add_outcome(outcome):
            log.warning("worker.died", name=document.claim.name, reason=str(outcome.result))
            self._attempt(self._delivery_of(document).count_attempt, document, now)

    # --- documents that are read again ----------------------------------------------------------

    def _start_next(self, now: float) -> bool:
        """Begin the next file, or read an answered one again where there is none."""
        return self._claim_next(now) or self._reread_next(now)

    def _reread_next(self, now: float) -> bool:
        """Begin to read an answered document again; False where there is none, or no time."""
        rereads = self._rereads
        if rereads is None or self.draining or self.is_stalled or now < self._rereads_at:
            return False
        if self._intake.fault is not None:  # a folder is away or full
            return False
        in_progress = [each for each in list(self._documents.values()) if each.is_reread]
        if len(in_progress) >= self._engine.slots or any(each.has_pending for each in in_progress):
            return False

        def begin() -> DocumentInFlight | None:
            document = rereads.next_document({each.claim.id for each in in_progress})
            return document and self._documents.setdefault(document.claim.id, document)

        try:
            document = self._io.call("reading a document again", begin)
        except Stalled:
            return False
        except LedgerLost:
            raise
        except (Deferred, OSError) as error:
            log.warning("reread.postponed", reason=_message_of(error))
            self._rereads_at = now + self._wait_seconds
            return False
        if document is None:
            self._rereads_at = now + REREADS_SECONDS
        return document is not None

    def _drop_rereads(self, now: float) -> None:
        """Leave documents that are read again for later: their answers stay as they are."""
        for token, document in list(self._documents.items()):
            if document.is_reread and not document.is_over:
                self._attempt(self._delivery_of(document).refund_attempt, document, now)
                self._documents.pop(token, None)

    def _delivery_of(self, document: DocumentInFlight) -> Delivery:
        if not document.is_reread:
            return self._delivery
        assert self._rereads is not None, "it has begun to read the document again"
        return self._rereads

    # --- claims ---------------------------------------------------------------------------------

    def _claim_next(self, now: float) -> bool:
        """Claim the next ready file; False when there is none, or no place for it."""
        if self.draining or self.is_stalled or not self._has_place():
            return False
        name = self._intake.next_ready(now)
        if name is None:
            return False
        intake, settled = self._intake, self._intake.stamp_of(name)
        upload = intake.upload_of(name)

        def take() -> DocumentInFlight:
            intake.verify(name, now)
            token = self._delivery.claim_id(upload)
            token = None if token in self._documents else token
            return self._add(self._claims.take(name, settled, token))

        try:
            document = self._io.call(f"claiming {name}", take)
            self._attempt(self._delivery.record, document, now)
        except Stalled:
            return False
        except LedgerLost:
            raise
        except NotReady:
            log.debug("file.unready", name=name)
        except Vanished:
            log.debug("file.vanished", name=name)
            intake.recheck(name)
        except Exception as error:
            self._refuse(name, error, now)
        return True

    def _refuse(self, name: str, error: Exception, now: float) -> None:
        """Leave a file alone that could not be claimed, or the whole inbox where it is at fault."""
        reason = f"claiming it failed: {_message_of(error)}"
        if isinstance(error, OSError) and error.errno in _INBOX_ERRORS:
            self._intake.pause(f"{name}: {reason}", now)
            return
        self._intake.postpone(name, now + self._wait_seconds, reason)
        is_bug = not isinstance(error, OSError)
        log.warning("file.blocked", name=name, reason=reason, exc_info=is_bug)

    def _has_place(self) -> bool:
        retrying, slots = self.retrying, self._engine.slots
        places = PLACES_PER_SLOT + AWAITED_PLACES_PER_SLOT * self._intake.has_awaited
        has_place = self.in_progress - retrying < places * slots
        return retrying < FAILING_PER_SLOT * slots and has_place

    def _add(self, claim: Claim, *, is_recovered: bool = False) -> DocumentInFlight:
        """Add a claim; runs on the I/O thread, where the loop may have stopped waiting for it."""
        document = self._delivery.new_document(claim, is_recovered=is_recovered)
        return self._documents.setdefault(claim.id, document)

    def _resume(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._add(claim, is_recovered=True)
            log.info("claim.recovered", name=claim.name)

    def _adopt_orphans(self, now: float) -> None:
        """Now and then resume claims of daemons that died, and own claims missing from memory."""
        if now < self._orphans_at or self.is_stalled:
            return
        self._orphans_at = now + ORPHANS_SECONDS
        with contextlib.suppress(Stalled, OSError):  # the intake reports faults of the inbox
            known = set(self._documents)
            self._io.call(
                "looking for orphans", lambda: self._resume(self._claims.orphans(now, known))
            )

    # --- steps ----------------------------------------------------------------------------------

    def _advance(self, document: DocumentInFlight, now: float) -> None:
        """Take the steps of a document that are due, until one fails or a worker is needed."""
        while (step := self._next_step(document)) and self._attempt(step, document, now):
            pass

    def _next_step(self, document: DocumentInFlight) -> Step | None:
        """Return the step of the delivery that is due, None while workers are at it, or after."""
        if document.is_over:
            return None
        delivery = self._delivery_of(document)
        if document.state == DocumentState.UNRECORDED:
            return delivery.record
        if document.state == DocumentState.ANSWERED:
            return delivery.close
        if document.document is None:
            return delivery.collect if document.is_read else None
        return delivery.publish if document.is_rendered else None

    def _attempt(self, step: Step, document: DocumentInFlight, now: float) -> bool:
        """Take a step on the I/O thread and return whether it succeeded; else log why, and wait.

        A step that stalls goes on by itself; what it changes in `document` holds when it returns.
        """
        if self.is_stalled:
            return False
        doing = f"{step.__name__} {fs.to_unicode(document.claim.name)}"
        try:
            self._io.call(doing, lambda: step(document))
        except Stalled:
            self._stalled = document
        except Exception as error:
            self._note_failure(document, error, now)
        else:
            document.note_success()
            return True
        return False

    def _finish_stalled_step(self, now: float) -> None:
        """Handle the end of a step for which the loop did not wait."""
        document, self._stalled = self._stalled, None
        if document is None:
            return
        error = self._io.failure
        if isinstance(error, Exception):
            self._note_failure(document, error, now)
        else:
            document.note_success()

    def _note_failure(self, document: DocumentInFlight, error: Exception, now: float) -> None:
        """Keep a document whose step failed for later."""
        if isinstance(error, LedgerLost):
            raise error
        if not isinstance(error, Deferred | OSError):  # a bug of ours holds up no other document
            log.error("claim.crashed", name=document.claim.name, exc_info=error)
        self._postpone(document, _message_of(error), now)

    def _postpone(self, document: DocumentInFlight, message: str, now: float) -> None:
        document.retry_at = now + self._wait_seconds
        if document.note_failure(message, now):
            log.error(
                "document.retrying",
                name=document.claim.name,
                reason=message,
                retry_in=self._wait_seconds,
            )


def _message_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename2 or error.filename or ''}"
    return str(error) or repr(error)
