"""Uploads: a stream becomes a file in the inbox, as any file that is dropped there.

Bytes go to a draft in `<inbox>/.ocr-daemon/web/<token>/`, are synced, and the folder is renamed to
`<inbox>/web/<token>/`: whoever watches the inbox sees the whole file or none.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from daemon.core import fs
from daemon.core.volumes import Volume, least_room
from daemon.inbox.scan import WORK_FOLDER
from daemon.web.http.errors import Partly, Refused, Unkept
from daemon.web.http.sniff import HEAD_BYTES, kind_of
from daemon.web.index.records import Found
from daemon.web.index.pending import UPLOADS

NAME_CHARACTERS = 60  # of a name that are kept; at most four bytes each
EMPTY_SECONDS = 60.0  # after which the folder of an upload that was claimed is removed
DRAFT_SECONDS = 3600.0  # after which a draft that nobody writes to is removed
ROOM_BYTES = 8_000_000  # received between two looks at the room that is left

_UNSAFE = re.compile(r'[\\/:*?"<>|%]')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_TRY_AGAIN = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that was received whole and is not in the inbox yet; `name` is safe."""

    token: str
    folder: Path
    name: str
    bytes: int
    sha256: str


class Incoming:
    """A file while it is received; Refused as soon as it cannot be taken."""

    def __init__(self, folder: Path, name: str, ignored: re.Pattern[str], free_bytes: int) -> None:
        self.folder = folder
        self._said = name
        self._ignored = ignored
        self._free = free_bytes
        self._file = (folder / "draft").open("xb")
        self._digest = hashlib.sha256()
        self._head = b""
        self._kind: tuple[str, str] | None = None
        self._bytes = 0
        self._looked_at = 0

    def write(self, content: bytes) -> None:
        """Take the next bytes."""
        self._bytes += len(content)
        self._digest.update(content)
        if self._kind is None:
            self._head += content[:HEAD_BYTES]
            if len(self._head) >= HEAD_BYTES:
                self._judge()
        if self._bytes - self._looked_at >= ROOM_BYTES:
            self._looked_at = self._bytes
            refuse_full(self.folder, self._free)
        with _environment():
            self._file.write(content)

    def finish(self) -> Draft:
        """Make the bytes durable and return the draft."""
        if not self._bytes:
            raise Refused(400, "empty", "the file is empty; scan or copy it again")
        if self._kind is None:
            self._judge()
        assert self._kind is not None, "judged"
        _, ending = self._kind
        name = safe_name(self._said, ending, self._ignored)
        with _environment():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            (self.folder / "draft").rename(self.folder / name)
            fs.sync_folder(self.folder)
        digest = self._digest.hexdigest()
        return Draft(self.folder.name, self.folder, name, self._bytes, digest)

    def close(self) -> None:
        """Let go of the file, whatever became of it."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _judge(self) -> None:
        self._kind = kind_of(self._head)
        if self._kind is None:
            why = "this is no image or PDF that can be read; convert it to PDF, PNG or TIFF"
            raise Refused(415, "unsupported", why)


class Uploads:
    """The door into the inbox; every method may be called from any thread."""

    def __init__(
        self, inbox: Path, failed: Path, ignore: Sequence[str], most_waiting: int, free_bytes: int
    ) -> None:
        """`ignore` are the names that the daemon never takes, `free_bytes` must stay free."""
        self._inbox = inbox
        self._volume = Volume(inbox)
        self._failed = failed
        self._drafts = inbox / WORK_FOLDER / UPLOADS
        self._landing = inbox / UPLOADS
        self._ignored = re.compile("|".join(fnmatch.translate(p) for p in ignore) or "(?!)")
        self._most = most_waiting
        self._free = free_bytes
        self._lock = Lock()
        self._waiting = set(_names_in(self._landing))

    def begin(self, name: str) -> Incoming:
        """Return where the bytes of a file go that its sender calls `name`."""
        self._refuse_crowd()
        folder = self._drafts / uuid.uuid4().hex
        with _environment():
            self._volume.check()
            self._make(self._drafts)
            folder.mkdir()
        refuse_full(folder, self._free)
        return Incoming(folder, name, self._ignored, self._free)

    def commit(self, draft: Draft) -> str:
        """Give a draft to the inbox, durably; return the id of the upload."""
        with _environment():
            self._volume.check()
            self._make(self._landing)
            with self._lock:
                self._waiting.add(draft.token)
            draft.folder.rename(self._landing / draft.token)
            fs.sync_folder(self._landing)
        return f"u-{draft.token}"

    def commit_all(self, drafts: Sequence[Draft]) -> list[str]:
        """Give the drafts of one request to the inbox; return the ids of the uploads.

        What cannot be given is discarded. Partly if some were given: the daemon may have them.
        """
        taken: list[str] = []
        try:
            for draft in drafts:
                taken.append(self.commit(draft))
        except Refused as refused:
            if taken:
                raise Partly(refused, taken) from refused
            raise
        finally:
            self.discard(None, drafts[len(taken) :])
        return taken

    def discard(self, incoming: Incoming | None, drafts: Sequence[Draft]) -> None:
        """Remove what was received of a request that is refused, or answered already."""
        if incoming is not None:
            incoming.close()
            shutil.rmtree(incoming.folder, ignore_errors=True)
        for draft in drafts:
            shutil.rmtree(draft.folder, ignore_errors=True)

    def retry(self, found: Found) -> None:
        """Put the original of a failed document back into the inbox; Unkept if there is none."""
        if found.item.status != "failed":
            raise Unkept(409, "not_failed", f"it is {found.item.status}; only failed ones can be")
        if found.original is None or not found.original.is_relative_to(self._failed):
            raise Unkept(410, "original_gone", "its bytes are not kept any more; upload it again")
        try:
            with _environment():
                self._volume.check()
                fs.move_no_clobber(found.original, self._inbox, found.landed_as)
        except FileNotFoundError as error:
            raise Unkept(409, "busy", "somebody was faster; look at it again") from error

    def sweep(self, now: float) -> None:
        """Remove folders that the daemon has emptied, and drafts that were given up.

        `now` is in seconds of the wall clock, as the times of files are.
        """
        for name in _names_in(self._landing):
            folder = self._landing / name
            with contextlib.suppress(OSError):
                if now - folder.stat().st_mtime > EMPTY_SECONDS:
                    folder.rmdir()  # only where it is empty
        for name in _names_in(self._drafts):
            folder = self._drafts / name
            with contextlib.suppress(OSError):
                written = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
                if now - written > DRAFT_SECONDS:
                    shutil.rmtree(folder)
        self._count()

    def _refuse_crowd(self) -> None:
        with self._lock:
            crowd = len(self._waiting)
        if crowd >= self._most and self._count() >= self._most:
            why = f"{self._most} uploads wait to be read already; try again later"
            raise Refused(503, "crowded", why, _TRY_AGAIN)

    def _count(self) -> int:
        """Return how many uploads lie unclaimed, looked at anew."""
        with self._lock:
            known = set(self._waiting)
        gone = {token for token in known if not _names_in(self._landing / token)}
        with self._lock:
            self._waiting -= gone
            return len(self._waiting)

    def _make(self, folder: Path) -> None:
        """Make a folder of ours below the inbox; never through a link that somebody planted."""
        fs.make_folder(folder, self._inbox)
        for path in (folder, folder.parent):
            if path != self._inbox and path.is_symlink():
                raise OSError(errno.ENOTDIR, "is a link, remove it", str(path))


def refuse_full(folder: Path, free_bytes: int) -> None:
    """Refuse where a filesystem has less room than the daemon needs."""
    with _environment():
        usage = shutil.disk_usage(folder)
    if usage.free < least_room(free_bytes, usage.total):
        raise Refused(507, "full", "there is no room for more files; make some", _TRY_AGAIN)


def safe_name(said: str, ending: str, ignored: re.Pattern[str]) -> str:
    """Return a name that is harmless on disk, on a terminal and in a header, and is not ignored.

    `ending` is given to a file that has none.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", said))[-1]
    seen = "".join(c for c in last if unicodedata.category(c) not in _UNSEEN)
    plain = _UNSAFE.sub("_", seen).strip(" .~$-#@")
    stem, dot, tail = plain.rpartition(".")
    if not dot or len(tail) > 8 or not (tail.isascii() and tail.isalnum()):
        stem, tail = plain, ending.removeprefix(".")
    name = f"{stem[:NAME_CHARACTERS].strip() or 'upload'}.{tail}"
    return name if not ignored.match(name) else f"upload{ending}"


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Translate what the system refuses into what a caller is told: never a path."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused(507, "full", "there is no room for more files", _TRY_AGAIN) from error
        if error.errno == errno.ENAMETOOLONG:
            why = "its name is too long for the inbox; give it a shorter one"
            raise Refused(400, "name_too_long", why) from error
        cause = "it is away" if error.errno == errno.ENODEV else error.strerror  # names a mount
        why = f"the inbox cannot be written ({cause}); the operator must restore it"
        raise Refused(503, "inbox_away", why, _TRY_AGAIN) from error
