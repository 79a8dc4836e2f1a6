"""Uploads: a stream of bytes becomes a file in the inbox, like any file that is dropped there.

The bytes are written to `<inbox>/.ocr-daemon/web/<token>/` and synced, then the folder is renamed
to `<inbox>/web/<token>/`: a watcher of the inbox sees the whole file or none.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from daemon.core import fs
from daemon.core.volumes import Volume, required_free_bytes
from daemon.inbox.scan import WORK_FOLDER
from daemon.web.http.errors import HttpError, PartialUpload
from daemon.web.http.filenames import safe_name
from daemon.web.http.sniff import HEAD_BYTES, sniff
from daemon.web.index.pending import UPLOAD_FOLDER
from daemon.web.index.records import DocumentDetails

EMPTY_SECONDS = 60.0  # after which the empty folder of a claimed upload is removed
ABANDONED_SECONDS = 3600.0  # after which a received file that nobody writes to is removed
SPACE_CHECK_BYTES = 8_000_000  # received between two checks of the free space

_RETRY_LATER = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that was received completely and is not in the inbox yet; `name` is safe."""

    token: str
    folder: Path
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
        self._file = (folder / "draft").open("xb")
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
            (self.folder / "draft").rename(self.folder / name)
            fs.fsync_folder(self.folder)
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
        self._lock = Lock()
        self._waiting = set(_names_in(self._uploads))

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

    def commit(self, file: ReceivedFile) -> str:
        """Move a received file into the inbox, durably; return the id of the upload."""
        with _os_errors_as_http():
            self._volume.check()
            self._make_folder(self._uploads)
            with self._lock:
                self._waiting.add(file.token)
            file.folder.rename(self._uploads / file.token)
            fs.fsync_folder(self._uploads)
        return f"u-{file.token}"

    def commit_all(self, files: Sequence[ReceivedFile]) -> list[str]:
        """Move the files of one request into the inbox; return the ids of the uploads.

        Files that cannot be moved are discarded. PartialUpload if some were moved: the daemon may
        have claimed them already.
        """
        accepted: list[str] = []
        try:
            for file in files:
                accepted.append(self.commit(file))
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
        if details.original is None or not details.original.is_relative_to(self._failed):
            reason = "the original is not available any more; upload it again"
            raise HttpError(410, "original_gone", reason)
        try:
            with _os_errors_as_http():
                self._volume.check()
                fs.move_no_clobber(details.original, self._inbox, details.inbox_name)
        except FileNotFoundError as error:
            reason = "the original was just moved; load the document again"
            raise HttpError(409, "busy", reason) from error

    def sweep(self, now: float) -> None:
        """Remove folders that the daemon has emptied, and abandoned files.

        `now` is in seconds of the wall clock, as the times of files are.
        """
        for name in _names_in(self._uploads):
            folder = self._uploads / name
            with contextlib.suppress(OSError):
                if now - folder.stat().st_mtime > EMPTY_SECONDS:
                    folder.rmdir()  # succeeds only if it is empty
        for name in _names_in(self._drafts):
            folder = self._drafts / name
            with contextlib.suppress(OSError):
                written = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
                if now - written > ABANDONED_SECONDS:
                    shutil.rmtree(folder)
        self._count_waiting()

    def _check_queue(self) -> None:
        with self._lock:
            waiting = len(self._waiting)
        if waiting >= self._max_waiting and self._count_waiting() >= self._max_waiting:
            reason = f"{self._max_waiting} uploads are already waiting; try again later"
            raise HttpError(503, "queue_full", reason, _RETRY_LATER)

    def _count_waiting(self) -> int:
        """Return how many uploads are unclaimed, after looking at their folders."""
        with self._lock:
            known = set(self._waiting)
        claimed = {token for token in known if not _names_in(self._uploads / token)}
        with self._lock:
            self._waiting -= claimed
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
