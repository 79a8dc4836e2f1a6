"""The files in the inbox that the daemon has not claimed yet, uploads among them."""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from daemon.core import fs
from daemon.core.records import Stamp
from daemon.inbox.scan import Listing, Scanner
from daemon.inbox.uploads import UPLOAD_FOLDER, UploadRecords
from daemon.web.index.records import DocumentFilter, DocumentSummary, WaitingReason
from daemon.web.index.waiting_reasons import WaitingReasons

SCAN_SECONDS = 1.0  # the shortest interval between two scans
QUICK_SCAN_SECONDS = 0.05  # a scan as quick as this is repeated for each upload
MAX_RECHECKED = 500  # files that are looked at between two scans: 2 ms
SCAN_INTERVAL_FACTOR = 20  # the interval between scans, in durations of a scan

_DIGEST = re.compile("w-[0-9a-f]{32}")


class PendingFiles:
    """Scans the inbox when it is asked, and not too often."""

    def __init__(self, inbox: Path, scanner: Scanner, state: Path) -> None:
        """`state` is the folder in which the daemon reports why files wait."""
        self._inbox = inbox
        self._state = state
        self._scanner = scanner
        self._records = UploadRecords(inbox)
        self._next_scan = float("-inf")
        self._listing: Listing = {}
        self._scan_seconds = 0.0
        self._uploaded_ns = 0

    def matching(self, wanted: DocumentFilter) -> list[DocumentSummary]:
        """Return the files whose names contain all words, newest or oldest first.

        The time of a file is that of its last modification.
        """
        words, files = wanted.text.casefold().split(), self._files()
        sign = 1 if wanted.order == "oldest" else -1
        in_order = sorted(files.items(), key=lambda item: sign * item[1].modified_ns)
        found = (
            (self._summary(name, stamp), name) for name, stamp in in_order if _is_in(wanted, stamp)
        )
        matching = [
            (summary, name)
            for summary, name in found
            if all(word in summary.name.casefold() for word in words)
        ]
        if not matching:
            return []
        reasons = WaitingReasons(self._state, files)
        return [replace(summary, waiting=reasons.of_file(name)) for summary, name in matching]

    def find(self, identity: str) -> DocumentSummary | None:
        """Return a file in the inbox, or an upload that was claimed a moment ago."""
        if not _DIGEST.fullmatch(identity):
            return self._find_upload(identity)
        files = self._files()
        for name, stamp in files.items():
            summary = self._summary(name, stamp)
            if summary.id == identity:
                return replace(summary, waiting=self._reason(name, files))
        return None

    def _find_upload(self, token: str) -> DocumentSummary | None:
        """Return an upload where it is now: in the inbox, or claimed and not in the ledger yet."""
        record = self._records.read(token)
        if record is None:
            return None
        summary = _summary(record.name, Stamp(record.bytes, record.modified_ns, 0), token)
        if self._records.is_waiting(record):
            return replace(summary, waiting=self._reason(record.name, self._files()))
        if self._records.claimed_file(token):
            return replace(summary, status="reading")
        return None

    def _summary(self, name: str, stamp: Stamp) -> DocumentSummary:
        record = self._records.of(name, stamp)
        return _summary(name, stamp, record.token if record else None)

    def _reason(self, name: str, files: Listing) -> WaitingReason:
        return WaitingReasons(self._state, files).of_file(name)

    def _files(self) -> Listing:
        uploaded_ns = self._last_upload_ns()
        is_new_upload = uploaded_ns != self._uploaded_ns
        is_quick = self._scan_seconds < QUICK_SCAN_SECONDS
        if time.monotonic() >= self._next_scan or (is_new_upload and is_quick):
            began = time.monotonic()
            try:
                self._listing = self._scanner.scan().files
                self._records.refresh()
            except OSError:
                self._listing = {}  # the inbox is unavailable; the daemon reports it
            ended = time.monotonic()
            self._scan_seconds, self._uploaded_ns = ended - began, uploaded_ns
            self._next_scan = ended + max(SCAN_SECONDS, SCAN_INTERVAL_FACTOR * self._scan_seconds)
        elif len(self._listing) <= MAX_RECHECKED:
            # one that was claimed since is in the ledger, and would be listed twice
            self._listing = {
                name: stamp
                for name, stamp in self._listing.items()
                if os.path.lexists(self._inbox / name)
            }
        return self._listing

    def _last_upload_ns(self) -> int:
        """Return the time of the last upload, so that its sender sees it at once."""
        try:
            return (self._inbox / UPLOAD_FOLDER).stat().st_mtime_ns
        except OSError:
            return 0


def _is_in(wanted: DocumentFilter, stamp: Stamp) -> bool:
    """Return whether a file was modified within the times of a filter."""
    if not (wanted.since or wanted.until):
        return True
    modified = datetime.fromtimestamp(stamp.modified_ns / 1e9, UTC).isoformat()
    return wanted.since <= modified and (not wanted.until or modified < wanted.until)


def _summary(name: str, stamp: Stamp, token: str | None) -> DocumentSummary:
    to_unicode = fs.to_unicode(name)
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return DocumentSummary(
        id=token or f"w-{digest}",
        name=to_unicode,
        title=PurePosixPath(to_unicode).name,
        status="waiting",
        bytes=stamp.size,
    )
