"""The files in the inbox that the daemon has not claimed yet, uploads among them."""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

from daemon.core import fs
from daemon.core.records import Stamp
from daemon.inbox.scan import Listing, Scanner
from daemon.inbox.uploads import UPLOAD_FOLDER, UploadRecords
from daemon.web.index.records import DocumentSummary

SCAN_SECONDS = 1.0  # the shortest interval between two scans
QUICK_SCAN_SECONDS = 0.05  # a scan as quick as this is repeated for each upload
SCAN_INTERVAL_FACTOR = 20  # the interval between scans, in durations of a scan

_DIGEST = re.compile("w-[0-9a-f]{32}")


class PendingFiles:
    """Scans the inbox when it is asked, and not too often."""

    def __init__(self, inbox: Path, scanner: Scanner) -> None:
        self._inbox = inbox
        self._scanner = scanner
        self._records = UploadRecords(inbox)
        self._next_scan = float("-inf")
        self._listing: Listing = {}
        self._scan_seconds = 0.0
        self._uploaded_ns = 0

    def matching(self, query: str) -> list[DocumentSummary]:
        """Return the files whose names contain all words of `query`, newest first."""
        words = query.casefold().split()
        newest_first = sorted(self._files().items(), key=lambda item: -item[1].modified_ns)
        found = (self._summary(name, stamp) for name, stamp in newest_first)
        return [each for each in found if all(word in each.name.casefold() for word in words)]

    def find(self, identity: str) -> DocumentSummary | None:
        """Return a file in the inbox, or an upload that was claimed a moment ago."""
        if not _DIGEST.fullmatch(identity):
            return self._find_upload(identity)
        found = (self._summary(name, stamp) for name, stamp in self._files().items())
        return next((each for each in found if each.id == identity), None)

    def _find_upload(self, token: str) -> DocumentSummary | None:
        """Return an upload where it is now: in the inbox, or claimed and not in the ledger yet."""
        record = self._records.read(token)
        if record is None:
            return None
        if self._records.is_waiting(record):
            status = "waiting"
        elif self._records.claimed_file(token):
            status = "reading"
        else:
            return None
        stamp = Stamp(record.bytes, record.modified_ns, 0)
        summary = _summary(record.name, stamp, token)
        return replace(summary, status=status)  # type: ignore[arg-type]

    def _summary(self, name: str, stamp: Stamp) -> DocumentSummary:
        record = self._records.of(name, stamp)
        return _summary(name, stamp, record.token if record else None)

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
        return self._listing

    def _last_upload_ns(self) -> int:
        """Return the time of the last upload, so that its sender sees it at once."""
        try:
            return (self._inbox / UPLOAD_FOLDER).stat().st_mtime_ns
        except OSError:
            return 0


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
