"""The order of letting go, for one document: each step may be repeated after a crash.

    claim -> ledger row, attempt + 1 -> [read] -> validate -> publish -> ledger -> archive | failed/

A restart goes on where the work folder and the ledger say. Deferred and OSErrors pass through: the
service tries the same step again later.
"""

from __future__ import annotations

import contextlib
from statistics import fmean
from typing import Any

import structlog

from daemon.core import failpoints, fs
from daemon.core.counters import Counters
from daemon.core.errors import Deferred
from daemon.core.records import Claim, Document, Failure, LedgerEntry
from daemon.core.scratch import Scratch
from daemon.engine.document_job import DocumentJob
from daemon.inbox.claims.protocol import Claims, is_held
from daemon.ledger.ledger import Ledger
from daemon.outbox.hooks.payload import notifications
from daemon.outbox.publish import Outbox, Superseded
from daemon.outbox.sidecar import sidecar
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.outputs import DerivedOutputs
from daemon.supervisor.policy import Policies

log = structlog.get_logger()

_COLLECTED = Failure("environment", "it failed; its answer, which said why, has been collected")


class Delivery:
    """Takes one document through ledger and outbox."""

    def __init__(
        self,
        claims: Claims,
        ledger: Ledger,
        outbox: Outbox,
        policies: Policies,
        counters: Counters | None = None,
        scratch: Scratch | None = None,
    ) -> None:
        self._claims = claims
        self._ledger = ledger
        self._outbox = outbox
        self._policies = policies
        self._counters = counters or Counters()
        self._outputs = DerivedOutputs(outbox, scratch)

    def work_on(self, claim: Claim, *, may_be_answered: bool = False) -> DocumentInFlight:
        """Return the work that a claim makes; an inherited claim may be answered already."""
        policy = self._policies.of(claim.name)
        job = DocumentJob(claim, policy.attempts, policy.recipe, policy.pages_per_task)
        return DocumentInFlight(job, policy, may_be_answered=may_be_answered)

    def begin(self, work: DocumentInFlight) -> None:
        """Enter the claim into the ledger and count an attempt, unless nothing need be read."""
        claim, profile = work.claim, work.policy.profile
        entry = self._ledger.claimed(claim, profile)
        if entry.sha256 != claim.sha256:  # a late writer changed it between two runs
            self._ledger.forget(claim.id)
            entry = self._ledger.claimed(claim, profile)
        failpoints.reach("ledger.claimed", claim.name)
        if work.may_be_answered and (own := self._own_answer(entry, claim)):
            work.document, work.answered = own[1], True
        elif earlier := self._earlier_answer(work):
            work.document = Document("duplicate", None, (), {}, 0, duplicate_of=earlier)
        else:
            work.job.begin(*self._ledger.start(claim.id))
            self._counters.attempts += 1
            failpoints.reach("ledger.started", claim.name)
        work.begun = True

    def count_attempt(self, work: DocumentInFlight) -> None:
        """Count another attempt within this run, after a worker's death."""
        work.job.attempt = self._ledger.attempt(work.claim.id)
        self._counters.attempts += 1

    def uncount(self, work: DocumentInFlight) -> None:
        """Take a start back that the document is not to blame for."""
        self._ledger.uncount(work.claim.id)

    def deliver(self, work: DocumentInFlight) -> None:
        """Publish the answer and let go of the original; a changed original is given back.

        Where outputs are wanted that workers make, that comes first, and this is called again.
        """
        if work.document is None:
            document = work.job.document()
            work.render_job = self._outputs.render_job(work.claim, document, work.policy)
            work.document = document
            if work.has_pending:
                return
        if not work.answered:
            try:
                self._publish_or_fail(work, work.document)
            except Superseded:
                self.give_back(work)
                return
            work.answered = True
            self._counters.answered(work.document, work.claim.stamp.size, work.seconds)
        self._outputs.forget(work.claim)
        self._let_go(work.claim, work.document)
        work.is_over = True

    def give_back(self, work: DocumentInFlight) -> None:
        """Let a file go that was written to while being read, or taken away from us."""
        claim = work.claim
        with contextlib.suppress(FileNotFoundError):
            self._claims.give_back(claim)
        self._outputs.forget(claim)
        self._ledger.forget(claim.id)
        work.is_over = True
        log.warning("claim.changed", name=claim.name, reason="changed or removed while being read")

    def give_back_changed(self, work: DocumentInFlight) -> None:
        """Let a file go that a worker could not read, if it is not what we claimed."""
        if not is_held(work.claim):
            self.give_back(work)

    def settle_vanished(self, entry: LedgerEntry) -> None:
        """Close the row of a claim whose file is no longer held, or forget it and say so.

        Another daemon may have it, whose drafts and outputs of that claim are not ours to remove.
        """
        if self._answer_given(entry):
            self._ledger.closed(entry.id)
        else:
            self._ledger.forget(entry.id)
            log.warning("claim.vanished", name=entry.name, claim=entry.id)

    def _own_answer(self, entry: LedgerEntry, claim: Claim) -> tuple[str, Document] | None:
        """Return what `_answer_given` does, or make room for an answer where we hold the claim.

        What a daemon, from which it was taken over, has not published by now it never will.
        """
        if not is_held(claim):  # who has it now may be publishing: its drafts are none of ours
            return self._answer_given(entry)
        self._outbox.discard_drafts(entry.id)
        given = self._answer_given(entry)
        if given is None:
            self._outbox.roll_back(entry.id)
        return given

    def _answer_given(self, entry: LedgerEntry) -> tuple[str, Document] | None:
        """Return place and document of the answer that this claim has got already, durable now.

        A crash or an error came after it was named, or it is another daemon's, from which the claim
        was taken over, or which has taken it over. An answer that was collected from the outbox
        meanwhile is in the ledger.
        """
        if found := self._outbox.answer_of(entry.id, entry.name, entry.answer):
            place, answer = found
            self._outbox.commit(place, entry.id)
            self._ledger.answering(entry.id, answer["status"], place)
            told = notifications(entry.name, place, answer, self._policies.of(entry.name).hooks)
            self._ledger.answered(entry.id, told)
            return place, _as_answered(answer)
        if entry.state in ("answered", "closed") and entry.answer and entry.status:
            failure = _COLLECTED if entry.status == "failed" else None
            self._outbox.commit_outputs(entry.id)
            return entry.answer, Document(entry.status, None, (), {}, 0, failure)
        return None

    def _earlier_answer(self, work: DocumentInFlight) -> str | None:
        if not work.policy.point_to_duplicates:
            return None
        sha256 = work.claim.sha256
        for entry in self._ledger.answers_to(sha256, work.policy.profile):
            answer = self._outbox.answer_to(sha256, entry.answer)
            if answer is not None and answer["status"] in ("done", "partial"):
                return entry.answer
        return None

    def _publish_or_fail(self, work: DocumentInFlight, document: Document) -> None:
        """Publish; what cannot be said in a valid answer is a bug, and must not stop the daemon."""
        try:
            self._publish(work, document)
        except (Deferred, OSError, Superseded):
            raise
        except Exception as error:
            log.exception("sidecar.invalid", name=work.claim.name)
            why = f"its answer is not valid ({type(error).__name__}: {error}); report this as a bug"
            failure = Failure("crashed", why, attempt=work.job.attempt)
            work.document = Document("failed", None, (), {}, work.job.attempt, failure)
            self._publish(work, work.document)

    def _publish(self, work: DocumentInFlight, document: Document) -> None:
        """Publish, unless an earlier try got as far as to name the answer and failed after that."""
        claim = work.claim
        own = None
        if work.may_be_answered:
            entry = self._ledger.claimed(claim, work.policy.profile)
            own = self._own_answer(entry, claim)
        work.may_be_answered = True
        place = own[0] if own else self._publish_once(work, document)
        _log_answer(claim, document, place, work.seconds)

    def _publish_once(self, work: DocumentInFlight, document: Document) -> str:
        """Publish under the first free name and return it."""
        claim = work.claim
        by = work.policy.provenance(document, work.started_at, work.seconds)
        with self._outputs.drafted(claim, document, work.policy, work.render_job) as drafted:
            while True:
                place = self._outbox.place_for(claim.name, claim.sha256, drafted.endings)
                outputs = drafted.outputs_at(place)
                content = sidecar(claim, document, by, outputs, drafted.missing)
                self._ledger.answering(claim.id, document.status, place)
                failpoints.reach("ledger.answering", claim.name)
                try:
                    self._outbox.publish(
                        place, content, claim, lambda: is_held(claim), drafted.drafts
                    )
                except FileExistsError:
                    continue  # another daemon took the name since we looked
                break
        told = notifications(claim.name, place, content, work.policy.hooks)
        self._ledger.answered(claim.id, told)
        failpoints.reach("ledger.answered", claim.name)
        return place

    def _let_go(self, claim: Claim, document: Document) -> None:
        if document.status == "failed":
            assert document.failure is not None, "a failed document says why"
            self._claims.fail(claim, document.failure)
        else:
            self._claims.finish(claim)
        failpoints.reach("let_go.done", claim.name)
        self._ledger.closed(claim.id)
        failpoints.reach("ledger.closed", claim.name)


def _as_answered(answer: dict[str, Any]) -> Document:
    """Return as much of a published document as letting go of its original needs."""
    error = answer.get("error")
    failure = Failure(error.pop("class"), **error) if error else None
    return Document(answer["status"], None, (), {}, 0, failure)


def _log_answer(claim: Claim, document: Document, place: str, seconds: float) -> None:
    confidences = [page.confidence for page in document.pages if page.confidence is not None]
    facts = {
        "name": fs.printable(claim.name),
        "answer": fs.printable(place),
        "pages": len(document.pages),
        "lines": sum(len(block.lines) for page in document.pages for block in page.blocks),
        "seconds": round(seconds, 2),
        "stages": {stage: round(spent, 3) for stage, spent in document.seconds.items()},
        "confidence": round(fmean(confidences), 3) if confidences else None,
    }
    if document.failure is not None:
        facts |= {"class": document.failure.kind, "reason": document.failure.message}
    level = "warning" if document.status in ("failed", "partial") else "info"
    getattr(log, level)(f"document.{document.status}", **facts)
