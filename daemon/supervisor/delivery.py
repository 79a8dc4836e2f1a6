"""The steps that answer one document; each may be repeated after a crash.

    claim -> record (ledger row, attempt + 1) -> [read] -> collect -> [render] -> publish -> close

A restart goes on where the work folder and the ledger say. Deferred and OSErrors pass through: the
main loop tries the same step again later.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from statistics import fmean
from typing import Any

import structlog

from daemon.core import failpoints, fs
from daemon.core.counters import Counters
from daemon.core.errors import Deferred, Rejected
from daemon.core.records import Claim, Document, DocumentState, Failure, LedgerEntry
from daemon.core.scratch import Scratch
from daemon.engine.document_job import DocumentJob
from daemon.inbox.claims.protocol import Claims, is_held
from daemon.inbox.uploads import UploadRecord, UploadRecords
from daemon.ledger.ledger import Ledger
from daemon.outbox.hooks.payload import notifications
from daemon.outbox.publish import Outbox, Superseded
from daemon.outbox.sidecar import Sidecar
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.outputs import DerivedOutputs
from daemon.supervisor.policy import Policies, Policy
from daemon.supervisor.request_options import InvalidOption, policy_of

log = structlog.get_logger()

_COLLECTED = Failure("environment", "it failed earlier; its sidecar was removed from the outbox")


class Delivery:
    """Takes documents through ledger and outbox, a step at a time."""

    def __init__(
        self,
        claims: Claims,
        ledger: Ledger,
        outbox: Outbox,
        policies: Policies,
        counters: Counters | None = None,
        scratch: Scratch | None = None,
        uploads: UploadRecords | None = None,
    ) -> None:
        self._claims = claims
        self._ledger = ledger
        self._outbox = outbox
        self._policies = policies
        self._counters = counters or Counters()
        self._can_render = scratch is not None
        self._uploads = uploads
        self._outputs = DerivedOutputs(outbox, scratch)

    def claim_id(self, upload: UploadRecord | None) -> str | None:
        """Return the id for the claim on an upload, None for that of any other file.

        An upload that was claimed before, and was moved back by hand, is a file like any other.
        """
        if upload is None or self._ledger.entry(upload.token) is not None:
            return None
        return upload.token

    def new_document(self, claim: Claim, *, is_recovered: bool = False) -> DocumentInFlight:
        """Return the document of a claim, under the policy of its folder.

        The options of an upload change that policy; a document with invalid ones is given up.
        """
        upload = self._upload_of(claim)
        policy, invalid = self._policy_of(claim.name, upload)
        job = DocumentJob(
            claim, policy.attempts, policy.recipe, policy.pages_per_task, policy.pages
        )
        if invalid:
            job.give_up(invalid)
        return DocumentInFlight(job, policy, is_recovered, upload=upload)

    def _upload_of(self, claim: Claim | LedgerEntry) -> UploadRecord | None:
        """Return the record of the upload that a claim is on, None for any other file."""
        upload = self._uploads.read(claim.id) if self._uploads else None
        return upload if upload is not None and upload.is_of(claim) else None

    def _policy_of(self, name: str, upload: UploadRecord | None) -> tuple[Policy, Rejected | None]:
        """Return the policy for a file, and why the options of its upload are not possible."""
        if upload is None:
            return self._policies.of(name), None
        try:
            can_render = self._can_render
            policy = policy_of(self._policies, name, upload.options, can_render=can_render)
        except InvalidOption as error:
            # an answer under other options is no answer to this upload
            policy = replace(self._policies.of(name), refers_to_duplicates=False)
            reason = f"the options of its upload are not possible any more: {error}"
            message = f"{reason}; upload it again with other options"
            return policy, Rejected("invalid_options", message)
        return policy, None

    # --- the steps ------------------------------------------------------------------------------

    def record(self, document: DocumentInFlight) -> None:
        """Enter the claim into the ledger and count an attempt, unless nothing need be read."""
        claim, profile = document.claim, document.policy.profile
        entry = self._ledger.add_claim(claim, profile)
        if entry.sha256 != claim.sha256:  # a late writer changed the file between two runs
            self._ledger.forget(claim.id)
            entry = self._ledger.add_claim(claim, profile)
        failpoints.reach("ledger.claimed", claim.name)
        if document.is_recovered and (own := self._own_sidecar(entry, claim)):
            document.document = own[1]
            document.state = DocumentState.ANSWERED
            return
        if earlier := self._earlier_sidecar(document):
            document.document = Document("duplicate", None, (), {}, 0, duplicate_of=earlier)
        else:
            document.job.begin(*self._ledger.count_start(claim.id))
            self._counters.attempts += 1
            log.info("document.started", name=fs.to_unicode(claim.name), bytes=claim.stamp.size,
                     profile=profile, attempt=document.job.attempt)  # fmt: skip
            failpoints.reach("ledger.started", claim.name)
        document.state = DocumentState.CLAIMED

    def collect(self, document: DocumentInFlight) -> None:
        """Put the pages read together, and say which outputs workers render of them."""
        result = document.job.document()
        document.render_job = self._outputs.render_job(document.claim, result, document.policy)
        document.document = result

    def publish(self, document: DocumentInFlight) -> None:
        """Publish the sidecar and its outputs; a file that has changed is given back instead."""
        assert document.document is not None, "it has been read"
        try:
            self._publish_or_fail(document, document.document)
        except Superseded:
            self.give_back(document)
            return
        document.state = DocumentState.ANSWERED
        size, seconds = document.claim.stamp.size, document.seconds
        self._counters.count_document(document.document, size, seconds)

    def close(self, document: DocumentInFlight) -> None:
        """Archive, delete or fail the original, and close its row."""
        claim, result = document.claim, document.document
        assert result is not None, "it has been answered"
        self._outputs.forget(claim)
        if result.status == "failed":
            assert result.failure is not None, "a failed document has a failure"
            self._claims.fail(claim, result.failure)
        else:
            self._claims.finish(claim)
        failpoints.reach("original.released", claim.name)
        self._ledger.mark_closed(claim.id)
        failpoints.reach("ledger.closed", claim.name)
        if self._uploads and document.upload:
            with contextlib.suppress(OSError):  # the web process removes what is left
                self._uploads.close(claim.id, has_failed=result.status == "failed")
        document.state = DocumentState.CLOSED

    # --- beside the steps -----------------------------------------------------------------------

    def count_attempt(self, document: DocumentInFlight) -> None:
        """Count another attempt within this run, after a worker's death."""
        document.job.attempt = self._ledger.count_attempt(document.claim.id)
        self._counters.attempts += 1

    def refund_attempt(self, document: DocumentInFlight) -> None:
        """Take back a start that was not the document's fault."""
        self._ledger.uncount_start(document.claim.id)

    def give_back(self, document: DocumentInFlight) -> None:
        """Return a file to the inbox that was changed or taken away while it was read."""
        claim = document.claim
        with contextlib.suppress(FileNotFoundError):
            self._claims.give_back(claim)
        self._outputs.forget(claim)
        self._ledger.forget(claim.id)
        document.state = DocumentState.GIVEN_BACK
        log.warning("claim.changed", name=claim.name, reason="changed or removed while being read")

    def check_access(self, document: DocumentInFlight) -> None:
        """Read a file that a worker could not read, and return it to the inbox if it has changed.

        Where outputs are rendered, also write into the folder for them. An OSError says that the
        environment is at fault.
        """
        claim = document.claim
        if not is_held(claim) or fs.sha256_of(claim.path) != claim.sha256:
            self.give_back(document)
        elif document.render_job is not None:
            self._outputs.check_scratch(claim)

    def settle_vanished(self, entry: LedgerEntry) -> None:
        """Close the row of a claim whose file is no longer held, or drop it and log that.

        Another daemon may have the file: drafts and outputs of that claim are not ours to remove.
        """
        if self._published_sidecar(entry):
            self._ledger.mark_closed(entry.id)
        else:
            self._ledger.forget(entry.id)
            log.warning("claim.vanished", name=entry.name, claim=entry.id)

    # --- sidecars that exist already ------------------------------------------------------------

    def _own_sidecar(self, entry: LedgerEntry, claim: Claim) -> tuple[str, Document] | None:
        """Return what `_published_sidecar` does, or clear the way for one while we hold the claim.

        A daemon from which the claim was taken over never publishes what it has not published yet.
        """
        if not is_held(claim):  # its present owner may be publishing: leave its drafts alone
            return self._published_sidecar(entry)
        self._outbox.discard_drafts(entry.id)
        published = self._published_sidecar(entry)
        if published is None:
            self._outbox.roll_back(entry.id)
        return published

    def _published_sidecar(self, entry: LedgerEntry) -> tuple[str, Document] | None:
        """Return place and document of the sidecar that this claim already has, durable now.

        A crash or an error came after it got its name, or it was published by another daemon, from
        which the claim was taken over or which has taken it over. A sidecar that was collected from
        the outbox meanwhile is in the ledger.
        """
        if found := self._outbox.answer_of(entry.id, entry.name, entry.answer):
            place, answer = found
            self._outbox.commit(place, entry.id)
            self._ledger.mark_answering(entry.id, answer["status"], place)
            hooks = self._policy_of(entry.name, self._upload_of(entry))[0].hooks
            self._ledger.mark_answered(entry.id, notifications(entry.name, place, answer, hooks))
            return place, _as_published(answer)
        is_answered = entry.state in (DocumentState.ANSWERED, DocumentState.CLOSED)
        if is_answered and entry.answer and entry.status:
            failure = _COLLECTED if entry.status == "failed" else None
            self._outbox.commit_outputs(entry.id)
            return entry.answer, Document(entry.status, None, (), {}, 0, failure)
        return None

    def _earlier_sidecar(self, document: DocumentInFlight) -> str | None:
        """Return the place of a sidecar for the same bytes under the same profile, if any."""
        if not document.policy.refers_to_duplicates:
            return None
        sha256 = document.claim.sha256
        for entry in self._ledger.answers_to(sha256, document.policy.profile):
            answer = self._outbox.answer_to(sha256, entry.answer)
            if answer is not None and answer["status"] in ("done", "partial"):
                return entry.answer
        return None

    # --- publishing -----------------------------------------------------------------------------

    def _publish_or_fail(self, document: DocumentInFlight, result: Document) -> None:
        """Publish; a result that makes no valid sidecar is a bug, and must not stop the daemon."""
        try:
            self._publish(document, result)
        except (Deferred, OSError, Superseded):
            raise
        except Exception as error:
            log.exception("sidecar.invalid", name=document.claim.name)
            reason = f"its sidecar is invalid ({type(error).__name__}: {error})"
            attempt = document.job.attempt
            failure = Failure("crashed", f"{reason}; report this as a bug", attempt=attempt)
            document.document = Document("failed", None, (), {}, attempt, failure)
            self._publish(document, document.document)

    def _publish(self, document: DocumentInFlight, result: Document) -> None:
        """Publish, unless an earlier try named the sidecar and failed after that."""
        claim = document.claim
        own = None
        if document.may_have_sidecar:
            entry = self._ledger.add_claim(claim, document.policy.profile)
            own = self._own_sidecar(entry, claim)
        document.state = DocumentState.ANSWERING
        place = own[0] if own else self._publish_once(document, result)
        _log_result(claim, result, place, document.seconds)

    def _publish_once(self, document: DocumentInFlight, result: Document) -> str:
        """Publish under the first free name and return it."""
        claim, policy = document.claim, document.policy
        provenance = policy.provenance(result, document.started_at, document.seconds)
        with self._outputs.drafted(claim, result, policy, document.render_job) as drafted:
            while True:
                place, outputs = self._outputs.choose_names(drafted, result, claim, policy)
                whole = Sidecar(claim, result, provenance)
                self._ledger.mark_answering(claim.id, result.status, place)
                failpoints.reach("ledger.answering", claim.name)
                with self._outputs.with_parts(whole, outputs, place) as (content, drafts):
                    try:
                        self._outbox.publish(place, content, claim, lambda: is_held(claim), drafts)
                    except FileExistsError:
                        continue  # another daemon took the name meanwhile
                break
        hooks = policy.hooks
        answer = content.summary() if hooks else {}
        self._ledger.mark_answered(claim.id, notifications(claim.name, place, answer, hooks))
        failpoints.reach("ledger.answered", claim.name)
        return place


def _as_published(answer: dict[str, Any]) -> Document:
    """Return as much of a published document as closing it needs."""
    error = answer.get("error")
    failure = Failure(error.pop("class"), **error) if error else None
    return Document(answer["status"], None, (), {}, 0, failure)


def _log_result(claim: Claim, document: Document, place: str, seconds: float) -> None:
    confidences = [page.confidence for page in document.pages if page.confidence is not None]
    facts = {
        "name": fs.to_unicode(claim.name),
        "answer": fs.to_unicode(place),
        "pages": len(document.pages),
        "lines": sum(len(block.lines) for page in document.pages for block in page.blocks),
        "unread": len(document.unread),
        "warnings": len(document.all_warnings),
        "seconds": round(seconds, 2),
        "stages": {stage: round(each, 3) for stage, each in document.seconds.items()},
        "confidence": round(fmean(confidences), 3) if confidences else None,
    }
    if document.failure is not None:
        facts |= {"class": document.failure.kind, "reason": document.failure.message}
    is_complete = document.status in ("done", "duplicate")
    (log.info if is_complete else log.warning)(f"document.{document.status}", **facts)
