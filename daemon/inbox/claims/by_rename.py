"""Claims by a rename into `<inbox>/.ocr-daemon/work/<instance>/<token>/<name>`.

The work folder is on the inbox's own filesystem, so that two daemons on one inbox never read the
same file and a restart finds the files it had claimed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import structlog

from daemon.core import failpoints, fs
from daemon.core.ownership import INHERITED, Ownership
from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.core.volumes import Volume
from daemon.inbox.archive import Archive
from daemon.inbox.claims.lease import LOCK_NAME, Lease, PeerLeases
from daemon.inbox.claims.protocol import ClaimSettings, Vanished, claim_on, vanishing
from daemon.inbox.scan import WORK_FOLDER, Listing
from daemon.ledger.ledger import Ledger

log = structlog.get_logger()

UNREADABLE_SECONDS = 60.0  # until a claimed file that could not be read is tried again


class RenameClaims:
    """A claim is a rename into the work folder of this instance."""

    def __init__(
        self,
        inbox: Path,
        instance: str,
        archive: Path | None,
        failed: Path,
        lease_seconds: float = 60.0,
        ownership: Ownership = INHERITED,
    ) -> None:
        """`archive` None means that answered originals are deleted."""
        self._inbox = inbox
        self._volume = Volume(inbox)
        self._work = inbox / WORK_FOLDER / "work" / instance
        self._archive = Archive(archive, ownership) if archive else None
        self._failed = Archive(failed, ownership)
        self._unreadable: dict[str, float] = {}
        self._lease = Lease(self._work, lease_seconds, self._make_work_folder)
        self._peers = PeerLeases(self._work, lease_seconds)

    def take(self, name: str, settled: Stamp | None = None, token: str | None = None) -> Claim:
        """Rename the file into the work folder and hash it there."""
        token = token or uuid.uuid4().hex
        target = self._work / token / name
        try:
            self._make_work_folder()
            target.parent.mkdir(parents=True)
            with vanishing(name):
                fs.rename_beneath(self._inbox, name, target)
        except (OSError, Vanished):
            self._remove_token_folder(target)
            raise
        failpoints.reach("claim.moved", name)
        try:
            with vanishing(name):
                claim = claim_on(target, fs.open_regular(target), token, name)
                if settled not in (None, claim.stamp):  # another file: it must settle first
                    raise Vanished(name)
        except (OSError, Vanished):
            self._move_back(target, name)
            raise
        failpoints.reach("claim.hashed", name)
        return claim

    def unread(self, listing: Listing) -> Listing:
        """Return the listing: files that were read are not in the inbox any more."""
        return listing

    def held(self, unfinished: Iterable[LedgerEntry], now: float) -> Iterator[Claim]:
        """Return the claims in the work folders of this instance and of dead daemons."""
        del unfinished  # the work folder knows more than the ledger
        return self.orphans(now)

    def orphans(self, now: float, known: Container[str] = ()) -> Iterator[Claim]:
        """Take over the claims of instances whose daemon is dead; a rename decides who gets one.

        Also return own claims that are not `known`: a share went away while one was made or given
        back.
        """
        self._make_work_folder()  # a daemon that took us for dead removes it
        yield from self._unknown_claims(known, now)
        # held as short as possible: the lock of a dead daemon keeps it from starting again
        taken = [token for dead in self._peers.dead(now) for token in self._take_over(dead, now)]
        for token in taken:
            self._finish_giving_back(token)
            yield from self._held_in(token, now)

    def _take_over(self, folder: Path, now: float) -> list[Path]:
        """Rename the claims of a dead daemon into our work folder and remove its own."""
        taken = []
        try:
            for token in _folders_in(folder):
                with contextlib.suppress(FileNotFoundError):  # another daemon was faster
                    token.rename(self._work / token.name)
                    taken.append(self._work / token.name)
            (folder / LOCK_NAME).unlink(missing_ok=True)
            folder.rmdir()
        except OSError as error:
            if folder.name not in self._unreadable and not isinstance(error, FileNotFoundError):
                log.error("claim.unreadable", path=str(folder), reason=error.strerror)
            self._unreadable[folder.name] = now
        return taken

    def finish(self, claim: Claim) -> None:
        """Clear the reason of an earlier failure, then archive or delete the original."""
        self._volume.check()  # a file on a share that is away was not moved
        self._failed.remove_reason(claim)
        with contextlib.suppress(FileNotFoundError):
            if self._archive is None:
                claim.path.unlink()
            else:
                self._archive.add(claim)
        self._remove_token_folder(claim.path)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Write `<name>.error.json` to failed/, then move the bytes beside it."""
        self._volume.check()
        if os.path.lexists(claim.path):
            self._failed.add_failed(claim, failure)
        self._remove_token_folder(claim.path)

    def give_back(self, claim: Claim) -> None:
        """Rename the file back, numbered where its name has been taken meanwhile."""
        self._move_back(claim.path, claim.name)

    def close(self) -> None:
        """Release the lock, so that the next start does not take this instance for a live peer."""
        self._lease.end()

    def _make_work_folder(self) -> None:
        """Create the work folder, never the inbox itself, which may be a mount point."""
        self._volume.check()
        for folder in (self._work.parent.parent, self._work.parent, self._work):
            if folder.is_symlink():
                raise OSError(errno.ENOTDIR, "is a link, remove it", str(folder))
        fs.make_folder(self._work, self._inbox)

    def _move_back(self, path: Path, name: str) -> None:
        self._volume.check()
        if path.is_dir() and not path.is_symlink():
            path.rename(self._inbox / name)  # fails by itself for a folder with content
        else:
            fs.move_no_clobber(path, self._inbox, name)
        self._remove_token_folder(path)

    def _unknown_claims(self, known: Container[str], now: float) -> Iterator[Claim]:
        for token in _folders_in(self._work):
            tried_at = self._unreadable.get(token.name, float("-inf"))
            if token.name not in known and now >= tried_at + UNREADABLE_SECONDS:
                self._finish_giving_back(token)
                yield from self._held_in(token, now)

    def _held_in(self, token: Path, now: float) -> Iterator[Claim]:
        """Return the claim in the folder of a token; a file that cannot be read stays there."""
        for path in sorted(path for path in token.rglob("*") if fs.is_regular(path)):
            name = os.fspath(path.relative_to(token))
            try:
                yield Claim(token.name, name, path, Stamp.of(path), fs.sha256_of(path))
            except OSError as error:
                if token.name not in self._unreadable:
                    log.error("claim.unreadable", name=name, path=str(path), reason=error.strerror)
                self._unreadable[token.name] = now
        _remove_empty_folders(token)

    def _finish_giving_back(self, token: Path) -> None:
        """Remove our name of a file that a crash left both here and in the inbox."""
        for path in token.rglob("*"):
            with contextlib.suppress(OSError):
                if fs.is_regular(path) and path.samefile(self._inbox / path.relative_to(token)):
                    path.unlink()

    def _remove_token_folder(self, path: Path) -> None:
        token = self._work / path.relative_to(self._work).parts[0]
        _remove_empty_folders(token)


class RenameMode:
    """The claim mode `rename`."""

    def open(self, settings: ClaimSettings, ledger: Ledger) -> RenameClaims:
        """Return the claims of the daemon that owns `ledger`, which names its instance."""
        return RenameClaims(
            settings.inbox, ledger.fact("instance", uuid.uuid4().hex), settings.archive,
            settings.failed, settings.lease_seconds, settings.ownership,
        )  # fmt: skip

    def is_held(self, entry: LedgerEntry, inbox: Path) -> bool:
        """Tell whether the file of an unfinished row lies in the work folder of any instance."""
        return any(folder.name == entry.id for folder in claim_folders(inbox))

    def unanswered(self, listing: Listing, ledger: Ledger) -> Listing:
        """Return the listing: claimed files have left the inbox."""
        del ledger
        return listing


def claim_folders(inbox: Path) -> list[Path]:
    """Return the folder of each claim that holds a file, of any instance; its name is the token."""
    folders = (inbox / WORK_FOLDER / "work").glob("*/*")
    return [folder for folder in folders if next(fs.files_below(folder), None)]


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _remove_empty_folders(folder: Path) -> None:
    """Remove `folder` and what is empty below it; never a file."""
    for path, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(path).rmdir()
