"""Possession: settled -> claimed -> archived | failed | given back, and recovery at start.

Two ways to possess behind the same methods. `RenameClaims` moves the file into
`<inbox>/.ocr-daemon/work/<instance>/<token>/<name>`, on the inbox's own filesystem, so that two
daemons on one folder never read the same file and a restart finds what it had. `JournalClaims`
leaves a read-only inbox alone; the ledger remembers each file by its stamp.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import structlog

from daemon import failpoints, files
from daemon.inbox.scan import WORK_FOLDER, Listing
from daemon.journal import Entry
from daemon.ownership import INHERITED, Ownership
from daemon.records import Claim, Failure, Stamp

log = structlog.get_logger()

LOCK_NAME = "lock"


class Vanished(Exception):
    """The file left the inbox, changed, or is no regular file, before it could be claimed."""


class Claims(Protocol):
    """What the service needs of a way to possess files; an OSError means the environment."""

    def take(self, name: str) -> Claim:
        """Possess an inbox file, or raise Vanished."""

    def unread(self, listing: Listing) -> Listing:
        """Leave out of a listing what has been read in place before."""

    def held(self, unfinished: Iterable[Entry]) -> Iterator[Claim]:
        """Return what an earlier run left in possession."""

    def finish(self, claim: Claim) -> None:
        """Let go of an original whose answer is durable; may be repeated."""

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Keep the bytes of a failed file with the reason beside them; may be repeated."""

    def give_back(self, claim: Claim) -> None:
        """Return the file to the inbox as if it had never been touched."""


class RenameClaims:
    """Possession is a rename into the work folder of this instance."""

    def __init__(
        self,
        inbox: Path,
        instance: str,
        archive: Path | None,
        failed: Path,
        ownership: Ownership = INHERITED,
    ) -> None:
        """`archive` None means that answered originals are deleted."""
        self._inbox = inbox
        self._work = inbox / WORK_FOLDER / "work" / instance
        self._archive = archive
        self._failed = failed
        self._ownership = ownership
        self._make_work_folder()
        # held as long as the process lives: tells other instances that this folder has an owner
        self._lock = os.open(self._work / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # a filesystem without locks: nothing is ever adopted
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def take(self, name: str) -> Claim:
        """Rename the file into the work folder and hash it there."""
        token = uuid.uuid4().hex
        target = self._work / token / name
        try:
            self._make_work_folder()
            target.parent.mkdir(parents=True)
            (self._inbox / name).rename(target)
        except OSError as error:
            self._tidy(target)
            if error.errno == errno.ENOENT:
                raise Vanished(name) from error
            raise
        failpoints.reach("claim.moved", name)
        try:
            if not files.is_regular(target):
                raise Vanished(name)
            claim = Claim(token, name, target, Stamp.of(target), files.sha256_of(target))
        except (OSError, Vanished):
            self._put_back(target, name)
            raise
        failpoints.reach("claim.hashed", name)
        return claim

    def unread(self, listing: Listing) -> Listing:
        """Return the listing: what has been read is not in the inbox any more."""
        return listing

    def held(self, unfinished: Iterable[Entry]) -> Iterator[Claim]:
        """Sweep the work folder of this instance, and of instances whose daemon is gone."""
        del unfinished  # the folder tells more than the ledger
        self._adopt_orphans()
        for token in sorted(path for path in self._work.iterdir() if path.is_dir()):
            for path in sorted(token.rglob("*")):
                if files.is_regular(path):
                    yield from _held_at(path, token)
            _remove_empty_folders(token)

    def finish(self, claim: Claim) -> None:
        """Archive or delete the original, and clear the reason of an earlier failure."""
        with contextlib.suppress(FileNotFoundError):
            if self._archive is None:
                claim.path.unlink()
            else:
                files.move_no_clobber(claim.path, self._archive, claim.name, self._ownership)
        self._tidy(claim.path)
        _clear_reason(self._failed, claim)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Write `<name>.error.json` to failed/, then move the bytes beside it."""
        if os.path.lexists(claim.path):
            wanted = files.candidates(files.passable(self._failed, claim.name))
            free = next(path for path in wanted if not os.path.lexists(path))
            write_error(free, claim, failure, self._ownership)
            failpoints.reach("fail.told", claim.name)
            files.move_no_clobber(claim.path, free.parent, free.name)
        self._tidy(claim.path)

    def give_back(self, claim: Claim) -> None:
        """Rename the file back, numbered where its name has been taken meanwhile."""
        self._put_back(claim.path, claim.name)

    def _make_work_folder(self) -> None:
        """Make what was removed below the inbox; never the inbox, which may be a mount point."""
        for folder in (self._work.parent.parent, self._work.parent, self._work):
            folder.mkdir(exist_ok=True)

    def _put_back(self, path: Path, name: str) -> None:
        refuse_missing(self._inbox)
        if path.is_dir() and not path.is_symlink():
            path.rename(self._inbox / name)  # refuses by itself to replace a folder with content
        else:
            files.move_no_clobber(path, self._inbox, name)
        self._tidy(path)

    def _tidy(self, path: Path) -> None:
        token = self._work / path.relative_to(self._work).parts[0]
        _remove_empty_folders(token)

    def _adopt_orphans(self) -> None:
        """Take over the claims of instances that no living process holds the lock of.

        This happens when the state folder, and with it the name of the instance, was lost.
        """
        for other in self._work.parent.iterdir():
            if other == self._work or not other.is_dir():
                continue
            with contextlib.suppress(OSError), (other / LOCK_NAME).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for token in [path for path in other.iterdir() if path.is_dir()]:
                    token.rename(self._work / token.name)
                (other / LOCK_NAME).unlink()
                other.rmdir()


class JournalClaims:
    """Possession is a row in the ledger; the inbox may be read-only and originals stay."""

    def __init__(
        self,
        inbox: Path,
        failed: Path,
        stamps: Mapping[str, str],
        ownership: Ownership = INHERITED,
    ) -> None:
        """`stamps` are the ledger's: the name and the stamp of every file as it was last read."""
        self._inbox = inbox
        self._failed = failed
        self._ownership = ownership
        self._stamps = dict(stamps)

    def take(self, name: str) -> Claim:
        """Hash the file where it lies and remember it."""
        claim = self._claim(uuid.uuid4().hex, name)
        self._stamps[name] = str(claim.stamp)
        return claim

    def unread(self, listing: Listing) -> Listing:
        """Leave out what bears the stamp with which it was last read."""
        return {
            name: stamp for name, stamp in listing.items() if self._stamps.get(name) != str(stamp)
        }

    def held(self, unfinished: Iterable[Entry]) -> Iterator[Claim]:
        """Take up the unfinished rows whose file still lies there unchanged."""
        for entry in unfinished:
            with contextlib.suppress(Vanished, OSError):
                claim = self._claim(entry.id, entry.name)
                if str(claim.stamp) == entry.stamp:
                    yield claim

    def finish(self, claim: Claim) -> None:
        """Clear the reason of an earlier failure; the original stays."""
        _clear_reason(self._failed, claim)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Write `<name>.error.json` to failed/; the bytes stay in the inbox."""
        write_error(files.passable(self._failed, claim.name), claim, failure, self._ownership)

    def give_back(self, claim: Claim) -> None:
        """Forget that it was read."""
        refuse_missing(self._inbox)
        self._stamps.pop(claim.name, None)

    def _claim(self, token: str, name: str) -> Claim:
        path = self._inbox / name
        try:
            stamp = Stamp.of(path)
            claim = Claim(token, name, path, stamp, files.sha256_of(path))
            if Stamp.of(path) != stamp:
                raise Vanished(name)
        except FileNotFoundError as error:
            raise Vanished(name) from error
        return claim


def refuse_missing(inbox: Path) -> None:
    """Raise an OSError while the inbox is away: its files are not gone, they may come back."""
    if not inbox.is_dir():
        raise OSError(errno.ENODEV, "the inbox is away", str(inbox))


def _held_at(path: Path, token: Path) -> Iterator[Claim]:
    """Return the claim on a file in the work folder; one that cannot be read waits there."""
    name = os.fspath(path.relative_to(token))
    try:
        yield Claim(token.name, name, path, Stamp.of(path), files.sha256_of(path))
    except OSError as error:
        log.error("claim.unreadable", name=name, path=str(path), why=error.strerror)


def is_unchanged(claim: Claim) -> bool:
    """Tell whether the claimed bytes are still those that were hashed (a late writer, a swap)."""
    try:
        return Stamp.of(claim.path) == claim.stamp
    except FileNotFoundError:
        return False


def error_path(kept: Path) -> Path:
    """Return where the reason of a failed file stands."""
    return kept.with_name(files.shortened(kept.name, ".error.json"))


def _clear_reason(failed: Path, claim: Claim) -> None:
    """Remove the reason of an earlier failure whose file was dragged back and read."""
    kept = files.passable(failed, claim.name)
    with contextlib.suppress(OSError):  # a stale reason must not hold up an answered document
        if not kept.is_file():
            error_path(kept).unlink()


def write_error(
    kept: Path, claim: Claim, failure: Failure, ownership: Ownership = INHERITED
) -> None:
    """Write the reason beside a failed file, replacing that of an earlier failure."""
    path = error_path(kept)
    files.make_folder(path.parent, ownership)
    content = {
        "name": files.printable(claim.name),
        "sha256": claim.sha256,
        "class": failure.kind,
        "message": failure.message,
        "page": failure.page,
        "attempt": failure.attempt,
        "signal": failure.signal,
        "retry": "drag the file back into the inbox; where it never left it, touch it",
    }
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    said = json.dumps(content, indent=2, ensure_ascii=False).encode()
    files.write_durable(draft, said, ownership)
    draft.replace(path)
    files.sync_folder(path.parent)


def _remove_empty_folders(folder: Path) -> None:
    """Remove `folder` and what is empty below it; never a file."""
    for path, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(path).rmdir()
