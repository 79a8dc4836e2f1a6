"""Uploads: a stream of bytes becomes a file in the inbox, like any file that is dropped there.

The bytes are written to `<inbox>/.ocr-daemon/web/<token>/draft` and synced, then the upload record
is written (`daemon.inbox.uploads`), and then the draft becomes `<inbox>/web/<name>`, without
overwriting anything: a watcher of the inbox sees the whole file or none, and finds its record.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import itertools
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from daemon.core import failpoints, fs
from daemon.core.options import NO_OPTIONS, RequestOptions
from daemon.core.records import Stamp
from daemon.core.volumes import Volume, required_free_bytes
from daemon.inbox.scan import WORK_FOLDER
from daemon.inbox.uploads import UPLOAD_FOLDER, UploadRecord, UploadRecords, new_record
from daemon.web.http.errors import HttpError, PartialUpload
from daemon.web.http.filenames import safe_name
from daemon.web.http.sniff import HEAD_BYTES, sniff
from daemon.web.index.records import DocumentDetails
from daemon.web.uploads.free_names import FreeNames

FAILED_SWEEP_SECONDS = 3600.0  # between two searches for records of failed files that are gone
MAX_CANDIDATES = 20  # numbered names in failed/ at which a failed upload is looked for
ABANDONED_SECONDS = 3600.0  # after which a received file that nobody writes to is removed
SPACE_CHECK_BYTES = 8_000_000  # received between two checks of the free space
DRAFT = "draft"

_RETRY_LATER = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that was received completely and is not in the inbox yet; `name` is safe."""

    token: str
    folder: Path
    name: str
    bytes: int
    sha256: str

    @property
    def draft(self) -> Path:
        """The file with its bytes."""
        return self.folder / DRAFT


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in the inbox: the id of its document, and the name that it has there."""

    id: str
    name: str
    bytes: int
    sha256: str


class UploadWriter:
    """Writes a file while it is received; HttpError as soon as it cannot be accepted."""

    def __init__(
        self, folder: Path, name: str, ignored: re.Pattern[str], min_free_bytes: int
    ) -> None:
        self.folder = folder
        self._name = name
        self._ignored = ignored
        self._min_free_bytes = min_free_bytes
        self._file = (folder / DRAFT).open("xb")
        self._digest = hashlib.sha256()
        self._head = b""
        self._type: tuple[str, str] | None = None
        self._bytes = 0
        self._checked_bytes = 0

    def write(self, content: bytes) -> None:
        """Write the next bytes."""
        self._bytes += len(content)
        self._digest.update(content)
        if self._type is None:
            self._head += content[:HEAD_BYTES]
            if len(self._head) >= HEAD_BYTES:
                self._detect_type()
        if self._bytes - self._checked_bytes >= SPACE_CHECK_BYTES:
            self._checked_bytes = self._bytes
            check_free_space(self.folder, self._min_free_bytes)
        with _os_errors_as_http():
            self._file.write(content)

    def finish(self) -> ReceivedFile:
        """Make the bytes durable and return the file."""
        if not self._bytes:
            raise HttpError(400, "empty", "the file is empty; scan or copy it again")
        if self._type is None:
            self._detect_type()
        assert self._type is not None, "_detect_type raises otherwise"
        _, extension = self._type
        name = safe_name(self._name, extension, self._ignored)
        with _os_errors_as_http():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        digest = self._digest.hexdigest()
        return ReceivedFile(self.folder.name, self.folder, name, self._bytes, digest)

    def close(self) -> None:
        """Close the file, ignoring errors."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _detect_type(self) -> None:
        self._type = sniff(self._head)
        if self._type is None:
            reason = "the file is not a supported image or PDF; convert it to PDF, PNG or TIFF"
            raise HttpError(415, "unsupported", reason)


class Uploads:
    """Moves uploads and retries into the inbox; every method may be called from any thread."""

    def __init__(
        self,
        inbox: Path,
        failed: Path,
        ignore: Sequence[str],
        max_waiting: int,
        min_free_bytes: int,
    ) -> None:
        """`ignore` are the names that the daemon never claims, `min_free_bytes` must stay free."""
        self._inbox = inbox
        self._volume = Volume(inbox)
        self._failed = failed
        self._drafts = inbox / WORK_FOLDER / UPLOAD_FOLDER
        self._uploads = inbox / UPLOAD_FOLDER
        self._ignored = re.compile("|".join(fnmatch.translate(p) for p in ignore) or "(?!)")
        self._max_waiting = max_waiting
        self._min_free_bytes = min_free_bytes
        self.records = UploadRecords(inbox)
        self._names = FreeNames(inbox)
        self._lock = Lock()
        self._failed_sweep_at = float("-inf")
        with contextlib.suppress(OSError):  # an inbox that is away is reported with each upload
            self.records.refresh()
        self._waiting = {record.token: record for record in self.records.all()}

    def begin(self, name: str) -> UploadWriter:
        """Return a writer for a file with the name that its sender gave it."""
        self._check_queue()
        folder = self._drafts / uuid.uuid4().hex
        with _os_errors_as_http():
            self._volume.check()
            self._make_folder(self._drafts)
            folder.mkdir()
        check_free_space(folder, self._min_free_bytes)
        return UploadWriter(folder, name, self._ignored, self._min_free_bytes)

    def commit(
        self, file: ReceivedFile, options: RequestOptions, *, is_awaited: bool = False
    ) -> Upload:
        """Move a received file into the inbox, durably, under its name or a numbered one.

        `is_awaited`: a client waits for the answer.
        """
        with _os_errors_as_http():
            self._volume.check()
            self._make_folder(self._uploads)
            self._make_folder(self.records.folder)
            stamp = Stamp.of(file.draft)
            with self._names.reserved(file.name) as names:
                for name in names:
                    path = f"{UPLOAD_FOLDER}/{name}"
                    record = new_record(
                        file.token, path, stamp, file.sha256, options, is_awaited=is_awaited
                    )
                    self.records.write(record)
                    try:
                        fs.rename_no_clobber(file.draft, self._uploads / name)
                        break
                    except FileExistsError:
                        continue  # somebody has just dropped a file of this name
                    except OSError:
                        if not self.records.is_waiting(record):
                            self.records.remove(record.token)
                        raise
            with self._lock:
                self._waiting[file.token] = record
            failpoints.reach("upload.named", path)
            fs.fsync_folder(self._uploads)
            shutil.rmtree(file.folder, ignore_errors=True)
        return Upload(file.token, name, file.bytes, file.sha256)

    def commit_all(
        self,
        files: Sequence[ReceivedFile],
        options: RequestOptions = NO_OPTIONS,
        *,
        is_awaited: bool = False,
    ) -> list[Upload]:
        """Move the files of one request into the inbox.

        Files that cannot be moved are discarded. PartialUpload if some were moved: the daemon may
        have claimed them already.
        """
        accepted: list[Upload] = []
        try:
            for file in files:
                accepted.append(self.commit(file, options, is_awaited=is_awaited))
        except HttpError as error:
            if accepted:
                raise PartialUpload(error, accepted) from error
            raise
        finally:
            self.discard(None, files[len(accepted) :])
        return accepted

    def discard(self, writer: UploadWriter | None, files: Sequence[ReceivedFile]) -> None:
        """Remove what was received of a request that is rejected, or already answered."""
        if writer is not None:
            writer.close()
            shutil.rmtree(writer.folder, ignore_errors=True)
        for file in files:
            shutil.rmtree(file.folder, ignore_errors=True)

    def retry(self, details: DocumentDetails) -> None:
        """Move the original of a failed document back into the inbox; HttpError if it is gone."""
        status = details.summary.status
        if status != "failed":
            reason = f"the status is {status}; only failed documents can be retried"
            raise HttpError(409, "not_failed", reason)
        if details.original is None and not details.summary.is_closed:
            reason = "the original is being moved to the folder of failed files; try again"
            raise HttpError(409, "busy", reason, {"Retry-After": "1"})
        if details.original is None or not details.original.is_relative_to(self._failed):
            reason = "the original is not available any more; upload it again"
            raise HttpError(410, "original_gone", reason)
        try:
            with _os_errors_as_http():
                self._volume.check()
                self._put_back(details.original, details)
        except FileNotFoundError as error:
            reason = "the original was just moved; load the document again"
            raise HttpError(409, "busy", reason) from error

    def sweep(self, now: float) -> None:
        """Remove abandoned files, and the records of files that are gone.

        `now` is in seconds of the wall clock, as the times of files are.
        """
        for name in _names_in(self._drafts):
            folder = self._drafts / name
            with contextlib.suppress(OSError):
                written = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
                if now - written > ABANDONED_SECONDS:
                    self._remove_reservation(name)
                    shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            self.records.sweep(now, ABANDONED_SECONDS)
            if now - self._failed_sweep_at >= FAILED_SWEEP_SECONDS:
                self._failed_sweep_at = now
                self._sweep_failed()
        self._count_waiting()

    def _put_back(self, original: Path, details: DocumentDetails) -> None:
        """Move a failed original back into the inbox, with the options that it was sent with."""
        failed = self.records.read(details.summary.id, has_failed=True)
        if failed is None or failed.sha256 != details.sha256:
            fs.move_no_clobber(original, self._inbox, details.inbox_name)
            return
        record = self.records.put_back(original, details.inbox_name, failed)
        with self._lock:
            self._waiting[record.token] = record

    def _sweep_failed(self) -> None:
        """Remove the records of failed files that are not in failed/ any more."""
        for record in self.records.failed():
            numbered = fs.numbered_paths(fs.unobstructed(self._failed, record.name))
            paths = itertools.islice(numbered, MAX_CANDIDATES)
            if not any(_is_stamped(record, path) for path in paths):
                self.records.remove(record.token, has_failed=True)

    def _remove_reservation(self, token: str) -> None:
        """Remove the empty file that a kill left where hard links are impossible."""
        record = self.records.read(token)
        if record is not None and (self._drafts / token / DRAFT).exists():
            path = self._inbox / record.name
            with contextlib.suppress(OSError):
                if path.lstat().st_size == 0:
                    path.unlink()

    def _check_queue(self) -> None:
        with self._lock:
            waiting = len(self._waiting)
        if waiting >= self._max_waiting and self._count_waiting() >= self._max_waiting:
            reason = f"{self._max_waiting} uploads are already waiting; try again later"
            raise HttpError(503, "queue_full", reason, _RETRY_LATER)

    def _count_waiting(self) -> int:
        """Return how many uploads are unclaimed, after looking at their files."""
        with self._lock:
            known = list(self._waiting.values())
        claimed = {record.token for record in known if not self.records.is_waiting(record)}
        with self._lock:
            for token in claimed:
                self._waiting.pop(token, None)
            return len(self._waiting)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder below the inbox; OSError if a symbolic link is in its place."""
        fs.make_folder(folder, self._inbox)
        for path in (folder, folder.parent):
            if path != self._inbox and path.is_symlink():
                raise OSError(errno.ENOTDIR, "is a link, remove it", str(path))


def check_free_space(folder: Path, min_free_bytes: int) -> None:
    """Raise HttpError if a filesystem has less free space than the daemon needs."""
    with _os_errors_as_http():
        usage = shutil.disk_usage(folder)
    if usage.free < required_free_bytes(min_free_bytes, usage.total):
        reason = "not enough free space for more files (min_free_megabytes); free some space"
        raise HttpError(507, "disk_full", reason, _RETRY_LATER)


def _is_stamped(record: UploadRecord, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return record.is_stamped(Stamp.of(path))
    return False


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


@contextlib.contextmanager
def _os_errors_as_http() -> Iterator[None]:
    """Translate errors of the system into HttpError; the message never contains a path."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "no free space left for more files; free some space"
            raise HttpError(507, "disk_full", reason, _RETRY_LATER) from error
        if error.errno == errno.ENAMETOOLONG:
            reason = "the file name is too long for the inbox; use a shorter one"
            raise HttpError(400, "name_too_long", reason) from error
        is_unmounted = error.errno == errno.ENODEV  # its message names the mount point
        cause = "it is not mounted or missing" if is_unmounted else error.strerror
        reason = f"the inbox cannot be written ({cause}); the operator must restore it"
        raise HttpError(503, "inbox_unavailable", reason, _RETRY_LATER) from error
