"""Upload records: what the web process tells the daemon about a file that it puts into the inbox.

    <inbox>/.ocr-daemon/uploads/<token>.json     of an upload that is waiting or being read
    <inbox>/.ocr-daemon/uploads/failed/...       of one that failed, for a retry

A record is durable before its file gets a name in the inbox, and is removed once the document is
closed. It belongs to the file with its name, size, modification time and content, and to no other:
one that somebody puts under the same name is a file like any other. The token is the id of the
claim on the file, so that a restart, or another daemon on the inbox, finds the record again.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import structlog

from daemon.core import failpoints, fs
from daemon.core.options import NO_OPTIONS, RequestOptions
from daemon.core.records import Claim, LedgerEntry, Stamp
from daemon.inbox.scan import WORK_FOLDER

log = structlog.get_logger()

UPLOAD_FOLDER = "web"  # of the inbox, where the web process puts uploads
RECORDS_FOLDER = "uploads"  # of the work folder
FAILED_FOLDER = "failed"  # of the records
MAX_RECORD_BYTES = 16_384
ENDING = ".json"

_TOKEN = re.compile("[0-9a-f]{32}")


class UploadRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One upload.

    `token` is 32 hexadecimal digits, `name` a path relative to the inbox, `modified_ns` the
    modification time of the file. `is_awaited`: a client waits for the answer. `received_at` is in
    seconds since 1970.
    """

    token: str
    name: str
    bytes: int
    modified_ns: int
    sha256: str
    received_at: float
    is_awaited: bool = False
    options: RequestOptions = NO_OPTIONS

    def renamed(self, name: str) -> UploadRecord:
        """Return the record for the same file under another name."""
        return msgspec.structs.replace(self, name=name)

    def is_stamped(self, stamp: Stamp) -> bool:
        """Tell whether a file of this name with this stamp may be the upload.

        The inode is not compared: on some shares it changes with each mount.
        """
        return (stamp.size, stamp.modified_ns) == (self.bytes, self.modified_ns)

    def is_file(self, path: Path, stamp: Stamp) -> bool:
        """Tell whether the file at `path`, which has this stamp, is the upload."""
        return self.is_stamped(stamp) and fs.sha256_of(path) == self.sha256

    def is_of(self, claim: Claim | LedgerEntry) -> bool:
        """Tell whether a claim is on exactly this upload."""
        return (claim.id, claim.name, claim.sha256) == (self.token, self.name, self.sha256)


class UploadRecords:
    """The records of one inbox; OSErrors pass through, a record that is invalid counts as none."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self.folder = inbox / WORK_FOLDER / RECORDS_FOLDER
        self._by_token: Mapping[str, UploadRecord] = {}
        self._by_name: Mapping[str, list[UploadRecord]] = {}
        self._invalid: set[str] = set()

    # --- all records, as of the last refresh ----------------------------------------------------

    def refresh(self) -> None:
        """Read the records that are new, and forget those that are gone.

        A file that was listed before has its record by now.
        """
        tokens = set(self._tokens(self.folder))
        if tokens != self._by_token.keys():
            new = {token: self.read(token) for token in tokens - self._by_token.keys()}
            kept = {token: each for token, each in self._by_token.items() if token in tokens}
            self._by_token = kept | {token: each for token, each in new.items() if each}
            by_name: dict[str, list[UploadRecord]] = {}
            for record in self._by_token.values():
                by_name.setdefault(record.name, []).append(record)
            self._by_name = by_name
        self._invalid &= tokens

    def of(self, name: str, stamp: Stamp) -> UploadRecord | None:
        """Return the record of a file in the inbox, None if it is no upload."""
        records = self._by_name.get(name, ())
        return next((record for record in records if record.is_stamped(stamp)), None)

    def all(self) -> list[UploadRecord]:
        """Return every record."""
        return list(self._by_token.values())

    # --- one record -----------------------------------------------------------------------------

    def read(self, token: str, *, has_failed: bool = False) -> UploadRecord | None:
        """Return a record as it is on disk, None if there is none or it is invalid."""
        if not _TOKEN.fullmatch(token):
            return None
        path = self._path(token, has_failed=has_failed)
        name = os.fspath(path.relative_to(self._inbox))
        try:
            with fs.open_beneath(self._inbox, name) as file:
                content = file.read(MAX_RECORD_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._log_invalid(token, error.strerror or str(error))
            return None
        try:
            record = msgspec.json.decode(content, type=UploadRecord)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._log_invalid(token, str(error))
            return None
        if record.token != token:
            self._log_invalid(token, "it has another token")
            return None
        return record

    def write(self, record: UploadRecord) -> None:
        """Write a record durably, in place of an earlier one of its token."""
        path = self._path(record.token)
        draft = path.with_name(f".{record.token}.tmp")

        def write() -> None:
            fs.make_folder(path.parent, self._inbox)
            draft.unlink(missing_ok=True)  # left by a crash
            fs.write_durable(draft, msgspec.json.encode(record))
            draft.replace(path)

        fs.until_not_removed(write)
        fs.fsync_folder(path.parent)
        failpoints.reach("upload.recorded", record.name)

    def remove(self, token: str, *, has_failed: bool = False) -> None:
        """Remove a record, if there is one."""
        self._path(token, has_failed=has_failed).unlink(missing_ok=True)

    def close(self, token: str, *, has_failed: bool) -> None:
        """Remove the record of a document that is closed.

        That of a failed one is kept for a retry, if its sender asked for anything.
        """
        record = self.read(token)
        if record is None:
            return
        if has_failed and record.options != NO_OPTIONS:
            fs.make_folder(self.folder / FAILED_FOLDER, self._inbox)
            self._path(token).replace(self._path(token, has_failed=True))
        else:
            self.remove(token)

    def failed_record(self, path: Path) -> UploadRecord | None:
        """Return the record of the failed upload that lies at `path`, None if there is none."""
        stamp = Stamp.of(path)
        return next((each for each in self.failed() if each.is_file(path, stamp)), None)

    def put_back(self, original: Path, name: str, failed: UploadRecord) -> UploadRecord:
        """Move the file of a failed upload into the inbox, with its options; return its new record.

        It gets a number where another file has its name.
        """
        paths = fs.numbered_paths(fs.unobstructed(self._inbox, name))
        path = next(path for path in paths if not os.path.lexists(path))
        record = new_record(
            uuid.uuid4().hex, os.fspath(path.relative_to(self._inbox)), Stamp.of(original),
            failed.sha256, failed.options, is_awaited=False,
        )  # fmt: skip
        self.write(record)
        moved = fs.move_no_clobber(original, self._inbox, record.name)
        if moved != path:  # somebody has just dropped a file of this name
            record = record.renamed(os.fspath(moved.relative_to(self._inbox)))
            self.write(record)
        self.remove(failed.token, has_failed=True)
        return record

    def is_waiting(self, record: UploadRecord) -> bool:
        """Tell whether the file of a record is in the inbox."""
        with contextlib.suppress(OSError, ValueError):
            return record.is_stamped(Stamp.of(self._inbox / record.name))
        return False

    def claimed_file(self, token: str) -> Path | None:
        """Return the file that a daemon has claimed under this token, None if there is none."""
        work = self._inbox / WORK_FOLDER / "work"
        for folder in work.glob(f"*/{token}"):
            if path := next(fs.files_below(folder), None):
                return path
        return None

    # --- clearing up ----------------------------------------------------------------------------

    def sweep(self, now: float, abandoned_seconds: float) -> None:
        """Remove the records of files that are gone; `now` is in seconds of the wall clock.

        A young one may be that of a file that is about to get its name.
        """
        self.refresh()
        for record in self.all():
            if now - record.received_at < abandoned_seconds:
                continue
            is_held = self.is_waiting(record) or self.claimed_file(record.token) is not None
            if not is_held and not self.is_waiting(record):  # it may have been given back
                self.remove(record.token)

    def failed(self) -> Iterator[UploadRecord]:
        """Return the records of failed uploads."""
        for token in self._tokens(self.folder / FAILED_FOLDER):
            if record := self.read(token, has_failed=True):
                yield record

    def _path(self, token: str, *, has_failed: bool = False) -> Path:
        folder = self.folder / FAILED_FOLDER if has_failed else self.folder
        return folder / f"{token}{ENDING}"

    def _tokens(self, folder: Path) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []
        tokens = (name.removesuffix(ENDING) for name in names if name.endswith(ENDING))
        return [token for token in tokens if _TOKEN.fullmatch(token)]

    def _log_invalid(self, token: str, reason: str) -> None:
        """Log once that a record is invalid."""
        if token not in self._invalid:
            self._invalid.add(token)
            log.warning("upload.invalid", upload=token, reason=reason)


def new_record(
    token: str, name: str, stamp: Stamp, sha256: str, options: RequestOptions, *, is_awaited: bool
) -> UploadRecord:
    """Return the record of a file that is about to get its name in the inbox."""
    return UploadRecord(
        token, name, stamp.size, stamp.modified_ns, sha256, round(time.time(), 3), is_awaited,
        options,
    )  # fmt: skip
