"""The catalogue of documents, fed on demand from ledger, sidecars and inbox.

The daemon does no work for it. Each query first copies what is new in the ledger into the search
index. A long history is read in small portions, newest first, by later queries or by the
maintenance task of `app`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

from daemon.inbox.originals import Originals
from daemon.inbox.scan import Scanner
from daemon.web import sidecar_reader
from daemon.web.http.errors import HttpError
from daemon.web.index.corrections import Correction, CorrectionStore
from daemon.web.index.ledger_sync import LedgerSync
from daemon.web.index.outbox_view import OutboxView, unavailable
from daemon.web.index.paths import WebPaths
from daemon.web.index.pending import PendingFiles
from daemon.web.index.records import (
    STATUSES,
    DocumentDetails,
    DocumentFilter,
    DocumentList,
    DocumentSummary,
    RetryState,
)
from daemon.web.index.search_index import SearchEntry, SearchIndex
from daemon.web.index.waiting_reasons import WaitingReasons

SIDECARS_PER_QUERY = 20  # of the backlog that a query reads besides its own


class Catalogue:
    """The documents that the daemon has seen; every method may be called from any thread."""

    def __init__(self, paths: WebPaths, scanner: Scanner) -> None:
        self.paths = paths
        self._labels = paths.labels
        self._pending = PendingFiles(paths.inbox, scanner, paths.state)
        self.originals = Originals((paths.archive, paths.failed, paths.inbox))
        self._lock = RLock()
        self._index = SearchIndex(paths.index_file)
        self._outbox = OutboxView(paths.outbox)
        self._corrections = CorrectionStore(paths.outbox)
        self._ledger_sync = LedgerSync(paths.ledger_file)
        self._unreadable = set[str]()  # claims whose sidecars exist and cannot be read

    # --- queries --------------------------------------------------------------------------------

    def documents(
        self, query: str = "", status: str = "", offset: int = 0, limit: int = 50
    ) -> DocumentList:
        """Return documents, newest first, whose name or text contains all words of `query`."""
        return self.find(DocumentFilter(query, status), offset, limit)

    def find(self, wanted: DocumentFilter, offset: int = 0, limit: int = 50) -> DocumentList:
        """Return a part of the list of a filter; files in the inbox come first.

        HttpError if the outbox is unavailable: then it is unknown which results exist.
        """
        if wanted.status and wanted.status not in STATUSES:
            return DocumentList((), 0)
        with self._lock:
            self.refresh()
            if self._index.unread(1):
                self._outbox.check_available()
            pending = self._pending.matching(wanted)
            first = pending if wanted.status in ("", "waiting") else []
            shown, entries = tuple(first[offset : offset + limit]), list[SearchEntry]()
            if wanted.status != "waiting":
                start = max(0, offset - len(first))
                entries = self._search(wanted, start, limit - len(shown))
            counts = self._index.counts(wanted)
        counts["waiting"] = len(pending)
        counts[""] = sum(counts.values())
        reasons = WaitingReasons(self.paths.state, ())
        documents = (*shown, *(self._summary(entry, reasons) for entry in entries))
        return DocumentList(documents, counts.get(wanted.status, 0), counts)

    def neighbours(
        self, details: DocumentDetails, wanted: DocumentFilter
    ) -> tuple[DocumentSummary | None, DocumentSummary | None]:
        """Return the documents before and after one in the list of a filter."""
        with self._lock:
            entry = self._index.by_id(details.summary.id)
            if entry is None:
                return None, None
            before, after = self._index.neighbours(wanted, entry)
        return before.summary() if before else None, after.summary() if after else None

    def document(self, identity: str) -> DocumentDetails | None:
        """Return a document by its claim, or `w-<hash>` before that; None if it never existed.

        A result that was replaced by a retry of the same content leads to the one that replaced
        it. HttpError if the result cannot be read.
        """
        with self._lock:
            self.refresh()
            entry = self._index.by_id(identity)
            if entry is None and (summary := self._pending.find(identity)):
                return DocumentDetails(summary, None, (), None)
            if entry is None:
                self._ledger_sync.force_check()  # it may have been claimed in the meantime
                self.refresh()
                entry = self._index.by_id(identity)
            if entry is None:
                return None
            entry = self._reread(self._latest(self._reread(entry)))
        return self._details(entry)

    def preview(self, identity: str) -> DocumentDetails | None:
        """Return a document with its original and without its result; cheaper than `document`."""
        with self._lock:
            self.refresh(0)
            entry = self._index.by_id(identity)
        return self._without_result(entry) if entry else None

    def corrected_contents(self) -> list[str]:
        """Return the SHA-256 of each original with corrected lines; cheap."""
        return self._corrections.documents()

    def corrected(self) -> Iterator[DocumentDetails]:
        """Return the documents with corrected lines, without their results."""
        for sha256 in self.corrected_contents():
            with self._lock:
                entry = self._index.by_content(sha256)
            if entry is not None:
                yield self._without_result(entry)

    def is_answered(self, identity: str) -> bool:
        """Return whether the result of a claim or an upload has been published; cheap."""
        with self._lock:
            self.refresh(0)
            entry = self._index.by_id(identity)
        return entry is not None and entry.is_answered

    def page(self, identity: str, number: int) -> dict[str, Any] | None:
        """Return page `number` (from 1) of the sidecar, however large that is."""
        with self._lock:
            entry = self._index.by_id(identity)
            entry = entry and self._latest(entry)
        if entry is None or entry.answer is None or not entry.is_answered or entry.is_gone:
            return None
        page = sidecar_reader.page(self.paths.outbox, entry.answer, number)
        return sidecar_reader.page_without_paths(page, self._labels) if page else None

    def pages(self, details: DocumentDetails) -> tuple[str, Iterator[dict[str, Any]]]:
        """Return text and pages of a document whose sidecar is too large to be parsed whole.

        HttpError if the result is gone or cannot be read.
        """
        with self._lock:
            entry = self._index.by_id(details.summary.id)
        sidecar = self._outbox.read_sidecar(entry) if entry else None
        if entry is None or entry.answer is None or sidecar is None:
            raise HttpError(410, "gone", "the result was collected or deleted")
        try:
            pages = sidecar_reader.pages(self.paths.outbox, entry.answer)
        except OSError as error:
            raise HttpError(410, "gone", "the result was collected or deleted") from error
        return sidecar.text, (
            sidecar_reader.page_without_paths(page, self._labels) for page in pages
        )

    def sidecar_name(self, details: DocumentDetails) -> str | None:
        """Return the path of the sidecar relative to the outbox, None if there is none."""
        with self._lock:
            entry = self._index.by_id(details.summary.id)
        return entry.answer if entry and entry.is_answered and not entry.is_gone else None

    def is_closed(self, details: DocumentDetails) -> bool:
        """Return whether the daemon has finished with a document, its original included."""
        with self._lock:
            entry = self._index.by_id(details.summary.id)
        return entry is not None and entry.state == "closed"

    def find_answered(self, sha256: str, profile: str) -> DocumentDetails | None:
        """Return a document with this content, read under this profile, that still has a result."""
        with self._lock:
            self.refresh()
            ledger = self._ledger_sync.ledger
            answered = ledger.answers_to(sha256, profile) if ledger else []
            known = [self._index.by_id(each.id) for each in answered]
            entries = [self._reread(entry) for entry in known if entry]
        for entry in entries:
            details = self._details(entry)
            if details.sidecar or details.is_large:
                return details
        return None

    def resolve_duplicate(self, details: DocumentDetails) -> DocumentDetails:
        """Return the document that a duplicate refers to.

        Any other document is returned as it is, and so is a duplicate of a result that is gone.
        """
        if details.summary.status != "duplicate":
            return details
        with self._lock:
            ledger = self._ledger_sync.ledger
            entry = ledger.entry(details.summary.id) if ledger else None
        return (entry and self.find_answered(entry.sha256, entry.profile)) or details

    def corrections(self, details: DocumentDetails) -> tuple[Correction, ...]:
        """Return the corrected lines of a document; HttpError if they cannot be read."""
        if details.sha256 is None:
            return ()
        try:
            return self._corrections.of(details.sha256)
        except OSError as error:
            raise unavailable(error) from error

    def mark_deleted(self, details: DocumentDetails) -> None:
        """Record that the result of a document has been deleted.

        Its corrections are removed with the last result of the same content: they are its text.
        """
        with self._lock:
            if entry := self._index.by_id(details.summary.id):
                self._index.mark_gone(entry)
                if entry.status != "duplicate" and not self._index.has_result(entry.sha256):
                    with contextlib.suppress(OSError):  # the outbox has just failed
                        self._corrections.forget(entry.sha256)

    # --- updates --------------------------------------------------------------------------------

    def correct(self, details: DocumentDetails, corrections: Sequence[Correction]) -> None:
        """Keep corrections of a document, durably; HttpError if the outbox is unavailable."""
        assert details.sha256 is not None, "a document with a result has content"
        self._outbox.check_available()
        try:
            self._corrections.add(details.sha256, corrections)
        except OSError as error:
            raise unavailable(error) from error
        with self._lock, self._index.transaction():
            if entry := self._index.by_id(details.summary.id):
                self._read(entry)  # the search finds the corrected text as well

    def refresh(self, max_sidecars: int = SIDECARS_PER_QUERY) -> bool:
        """Bring the index up to date; return whether there are more sidecars to be read."""
        with self._lock:
            try:
                return self._refresh(max_sidecars)
            except sqlite3.DatabaseError:  # the index is damaged, and can be rebuilt
                self._index.close()
                self._index = SearchIndex(self.paths.index_file)
                self._ledger_sync.reset()
                return True

    def close(self) -> None:
        """Close ledger and index."""
        with self._lock:
            self._index.close()
            self._ledger_sync.close()

    def _refresh(self, max_sidecars: int) -> bool:
        if not self._ledger_sync.update(self._index):
            return False
        outbox = self._outbox.folder_identity()
        if outbox is None:
            return False  # nothing can be read, and nothing counts as collected
        self._index.bind_to_outbox(outbox)
        unread = self._index.unread(max_sidecars + 1 + len(self._unreadable))
        unread = [entry for entry in unread if entry.id not in self._unreadable]
        if not unread:
            self._unreadable.clear()  # the others are read: try these again next time
        with self._index.transaction():
            for entry in unread[:max_sidecars]:
                try:
                    self._read(entry)
                except HttpError:
                    self._unreadable.add(entry.id)
        return len(unread) > max_sidecars

    def _read(self, entry: SearchEntry) -> SearchEntry:
        """Read a sidecar into the index and return the new entry."""
        sidecar = self._outbox.read_sidecar(entry)
        if sidecar is None and entry.is_gone:
            return entry
        if sidecar is not None and sidecar.error:
            error = sidecar_reader.hide_paths(sidecar.error, self._labels)
            sidecar = replace(sidecar, error=error)
        self._index.store_sidecar(entry, sidecar, self._corrected_lines(entry) if sidecar else ())
        return self._index.by_id(entry.id) or entry

    def _corrected_lines(self, entry: SearchEntry) -> list[str]:
        with contextlib.suppress(OSError):  # the search does without them
            return [each.text or "" for each in self._corrections.of(entry.sha256)]
        return []

    def _reread(self, entry: SearchEntry) -> SearchEntry:
        """Return an entry as the outbox has it now: a sidecar that was gone may be back."""
        is_known = entry.is_read and not entry.is_gone
        return entry if is_known or not entry.is_answered else self._read(entry)

    # --- from entries to documents --------------------------------------------------------------

    def _latest(self, entry: SearchEntry) -> SearchEntry:
        """Return the document that replaced one that failed or is gone."""
        if entry.is_gone or entry.status == "failed":
            return self._index.newer(entry) or entry
        return entry

    def _details(self, entry: SearchEntry) -> DocumentDetails:
        summary = self._summary(entry, WaitingReasons(self.paths.state, ()))
        sidecar = self._outbox.read_sidecar(entry) if entry.is_answered else None
        if entry.is_answered and sidecar is None and not summary.is_gone:
            with self._lock:
                self._index.mark_gone(entry)
            summary = replace(summary, is_gone=True)
        original = self.originals.find(entry.name, entry.bytes, entry.sha256)
        if summary.retry == "under_way":
            summary = replace(summary, status="waiting", error=None, error_class=None)
        content = sidecar.content if sidecar else None
        return DocumentDetails(
            summary,
            sidecar_reader.without_paths(content, self._labels) if content else None,
            (entry.sidecar_output(), *sidecar.outputs) if sidecar else (),
            original,
            entry.name,
            entry.sha256,
            is_large=sidecar is not None and content is None,
            warnings=sidecar_reader.warnings_without_paths(sidecar, self._labels),
        )

    def _without_result(self, entry: SearchEntry) -> DocumentDetails:
        original = self.originals.find(entry.name, entry.bytes, entry.sha256)
        return DocumentDetails(entry.summary(), None, (), original, entry.name, entry.sha256)

    def _summary(self, entry: SearchEntry, reasons: WaitingReasons) -> DocumentSummary:
        summary = entry.summary()
        if summary.status == "failed":
            return replace(summary, retry=self._retry_state(entry))
        if not entry.is_answered:
            return replace(summary, waiting=reasons.of_document(entry.id))
        return summary

    def _retry_state(self, entry: SearchEntry) -> RetryState | None:
        original = self.originals.find(entry.name, entry.bytes, entry.sha256)
        if original is None and entry.state != "closed":
            return None  # on its way to the folder of failed files
        if original and self.paths.is_in_inbox(original):
            return "under_way"
        is_failed = original is not None and original.is_relative_to(self.paths.failed)
        return "possible" if is_failed else "original_gone"

    def _search(self, wanted: DocumentFilter, offset: int, limit: int) -> list[SearchEntry]:
        """Return entries whose sidecars exist now; those that were collected are marked as gone."""
        while True:
            entries = self._index.search(wanted, offset, limit)
            missing = [entry for entry in entries if self._outbox.is_missing(entry)]
            if not missing:
                return entries
            self._outbox.check_available()
            for entry in missing:
                self._index.mark_gone(entry)
