"""Reads answered documents again, where an operator has asked for it, when there is time.

    requested -> [copy of the original] -> [read] -> collect -> [render] -> replace -> forget

The answer in the outbox is replaced as one step, or kept: where the new reading is worse, where the
original is gone, or where somebody has collected the answer. A request stays in the ledger until
one of these has happened, so that a crash only costs time.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Collection
from pathlib import Path

import structlog

from daemon.core import failpoints, fs, private
from daemon.core.counters import Counters
from daemon.core.errors import Deferred
from daemon.core.records import Claim, Document, DocumentState, LedgerEntry, Stamp
from daemon.core.scratch import Scratch
from daemon.engine.document_job import DocumentJob
from daemon.inbox.claims.protocol import Claims, is_held
from daemon.inbox.originals import Originals
from daemon.ledger.ledger import Ledger
from daemon.outbox.hooks.payload import notifications
from daemon.outbox.output_files import kept_stems
from daemon.outbox.publish import Outbox, Superseded
from daemon.outbox.reader import Answer, belongs_to
from daemon.outbox.sidecar import Sidecar
from daemon.supervisor.delivery import Delivery
from daemon.supervisor.document import DocumentInFlight
from daemon.supervisor.policy import Policies, Policy
from daemon.supervisor.request_options import InvalidOption, policy_of, requested_in

log = structlog.get_logger()

COLLECTED = "its answer is not in the outbox any more"
NOT_KEPT = "its original is not kept"
NOT_POSSIBLE = "the options of its upload are not possible any more"
_RANKS = {"failed": 0, "partial": 1, "done": 2}


class RereadDelivery(Delivery):
    """Takes documents that are read again through their steps; `copies` is readable by workers."""

    def __init__(
        self,
        claims: Claims,
        ledger: Ledger,
        outbox: Outbox,
        policies: Policies,
        originals: Originals,
        copies: Scratch,
        scratch: Scratch | None = None,
    ) -> None:
        super().__init__(claims, ledger, outbox, policies, Counters(), scratch)
        self._originals = originals
        self._copies = copies

    def next_document(self, in_progress: Collection[str] = ()) -> DocumentInFlight | None:
        """Return the next document that is to be read again, None without one.

        Those whose claim is `in_progress` are left out, and requests that cannot be fulfilled are
        ended. An OSError where the copy cannot be written.
        """
        while requested := self._ledger.next_reread(in_progress):
            entry, finished_at = requested
            answer = self._outbox.read_surely(entry.answer or "")
            if answer is None or not belongs_to(entry.id, answer):
                self._keep(entry.id, entry.name, COLLECTED)
            elif answer["processing"]["finished_at"] == finished_at:
                self._note_replaced(entry, answer)  # a crash came after it was replaced
            elif (claim := self._copied(entry)) is None:
                self._keep(entry.id, entry.name, NOT_KEPT)
            elif (policy := self._policy_for(entry, answer)) is None:
                self._copies.discard(entry.id)
                self._keep(entry.id, entry.name, NOT_POSSIBLE)
            else:
                return self._begin(entry, claim, policy)
        return None

    def publish(self, document: DocumentInFlight) -> None:
        """Replace the answer, or keep it where the new reading is worse."""
        claim, result = document.claim, document.document
        assert result is not None, "it has been read"
        entry = self._ledger.entry(claim.id)
        assert entry is not None, "rows of answers are never removed"
        if _RANKS[result.status] < _RANKS.get(entry.status or "", 0):
            reason = result.failure.message if result.failure else "no reason is known"
            self._keep(claim.id, claim.name, f"it would be {result.status} now: {reason}")
        else:
            self._replace_or_keep(document, result, entry.answer or "")
        document.state = DocumentState.ANSWERED

    def close(self, document: DocumentInFlight) -> None:
        """Remove what was needed for reading."""
        self._forget(document)
        document.state = DocumentState.CLOSED

    def count_attempt(self, document: DocumentInFlight) -> None:
        """Count another attempt within this run, after a worker's death."""
        document.job.attempt += 1

    def refund_attempt(self, document: DocumentInFlight) -> None:
        """Take back a start, since something else comes first; the request stays."""
        self._ledger.uncount_reread(document.claim.id)
        self._forget(document)
        document.state = DocumentState.GIVEN_BACK

    def check_access(self, document: DocumentInFlight) -> None:
        """Read the copy that a worker could not read; keep the answer where it has changed."""
        claim = document.claim
        if not is_held(claim) or fs.sha256_of(claim.path) != claim.sha256:
            self._keep(claim.id, claim.name, "its copy in the state folder was changed or removed")
            self.close(document)
        elif document.render_job is not None:
            self._outputs.check_scratch(claim)

    def _policy_for(self, entry: LedgerEntry, answer: Answer) -> Policy | None:
        """Return the policy of a document, with the options that its sender asked for.

        None where these are not possible any more.
        """
        options = requested_in(answer)
        with contextlib.suppress(InvalidOption):
            return policy_of(self._policies, entry.name, options, can_render=self._can_render)
        return None

    def _begin(self, entry: LedgerEntry, claim: Claim, policy: Policy) -> DocumentInFlight:
        job = DocumentJob(
            claim, policy.attempts, policy.recipe, policy.pages_per_task, policy.pages
        )
        self._outbox.discard_drafts(entry.id)  # of a try that a crash has ended
        starts = self._ledger.count_reread(entry.id)
        job.begin(starts, starts)
        log.info("document.rereading", name=fs.to_unicode(entry.name), profile=policy.profile)
        failpoints.reach("reread.started", entry.name)
        return DocumentInFlight(job, policy, state=DocumentState.CLAIMED, is_reread=True)

    def _copied(self, entry: LedgerEntry) -> Claim | None:
        """Copy the original to where workers may read it; None if it is not kept."""
        path = self._originals.find(entry.name, entry.bytes, entry.sha256)
        if path is None:
            return None
        target = self._copies.folder_of(entry.id) / Path(entry.name).name
        target.unlink(missing_ok=True)
        try:
            private.create_file(target)
            with self._originals.open(path) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None  # moved away since
            raise
        if fs.sha256_of(target) != entry.sha256:
            return None
        return Claim(entry.id, entry.name, target, Stamp.of(target), entry.sha256)

    def _replace_or_keep(self, document: DocumentInFlight, result: Document, place: str) -> None:
        """Replace the answer, unless what is in the outbox forbids it."""
        claim = document.claim
        try:
            self._replace(document, result, place)
        except Superseded:
            self._keep(claim.id, claim.name, COLLECTED)
        except FileExistsError as error:
            name = error.filename or error.args[0]
            reason = f"a file in the outbox has the name of its output {name}; move it away"
            self._keep(claim.id, claim.name, reason)
        except (Deferred, OSError):
            raise
        except Exception as error:  # a bug must not make us read it for ever
            log.exception("sidecar.invalid", name=claim.name)
            self._keep(claim.id, claim.name, f"{type(error).__name__}: {error}")

    def _replace(self, document: DocumentInFlight, result: Document, place: str) -> None:
        claim, policy = document.claim, document.policy
        provenance = policy.provenance(result, document.started_at, document.seconds)
        with self._outputs.drafted(claim, result, policy, document.render_job) as drafted:
            before = self._outbox.read_surely(place)
            # as the answer keeps its name, its outputs keep theirs: no other document has them
            outputs = drafted.named(kept_stems(place, before)) if before else drafted
            self._ledger.mark_replacing(claim.id, provenance.finished_at)
            whole = Sidecar(claim, result, provenance)
            with self._outputs.with_parts(whole, outputs, place) as (content, files):
                self._outbox.replace(place, content, claim, files)
        hooks = policy.hooks
        answer = content.summary() if hooks else {}
        notified = notifications(claim.name, place, answer, hooks, is_reread=True)
        self._ledger.mark_replaced(claim.id, policy.profile, result.status, notified)
        failpoints.reach("reread.replaced", claim.name)
        log.info(
            "document.replaced",
            name=fs.to_unicode(claim.name),
            answer=fs.to_unicode(place),
            status=result.status,
            pages=len(result.pages),
            seconds=round(document.seconds, 2),
        )

    def _note_replaced(self, entry: LedgerEntry, answer: Answer) -> None:
        hooks = (self._policy_for(entry, answer) or self._policies.of(entry.name)).hooks
        notified = notifications(entry.name, entry.answer or "", answer, hooks, is_reread=True)
        profile, status = answer["engine"]["profile"], answer["status"]
        self._ledger.mark_replaced(entry.id, profile, status, notified)

    def _keep(self, claim: str, name: str, reason: str) -> None:
        self._ledger.mark_kept(claim, reason)
        log.warning("document.kept", name=fs.to_unicode(name), reason=reason)

    def _forget(self, document: DocumentInFlight) -> None:
        claim = document.claim
        self._copies.discard(claim.id)
        self._outputs.forget(claim)
