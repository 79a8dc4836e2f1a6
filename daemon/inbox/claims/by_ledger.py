"""Claims by a row in the ledger: the inbox may be read-only, and a file is known by its stamp."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path

from daemon.core import fs
from daemon.core.ownership import INHERITED, Ownership
from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.core.volumes import Volume
from daemon.inbox.archive import Archive
from daemon.inbox.claims.protocol import ClaimSettings, Vanished, claim_on, vanishing
from daemon.inbox.scan import Listing
from daemon.ledger.ledger import Ledger


class LedgerClaims:
    """A claim is a row in the ledger; originals stay in the inbox."""

    def __init__(
        self,
        inbox: Path,
        failed: Path,
        stamps: Mapping[str, str],
        ownership: Ownership = INHERITED,
        is_answered: Callable[[Claim], bool] = lambda _: False,
    ) -> None:
        """`stamps` are the ledger's: the name and the stamp of every file as it was last read.

        `is_answered` tells for a file with a new stamp whether its bytes were answered before.
        """
        self._inbox = inbox
        self._volume = Volume(inbox)
        self._failed = Archive(failed, ownership)
        self._stamps = dict(stamps)
        self._is_answered = is_answered

    def take(self, name: str, settled: Stamp | None = None, token: str | None = None) -> Claim:
        """Hash the file where it lies and remember it; Vanished where only its times changed."""
        claim = self._claim(token or uuid.uuid4().hex, name)
        is_known = self._stamps.get(name) == str(claim.stamp)  # by a scan from before it was taken
        if settled not in (None, claim.stamp) or is_known:
            raise Vanished(name)
        is_answered = self._is_answered(claim)
        self._stamps[name] = str(claim.stamp)
        if is_answered:
            raise Vanished(name)
        return claim

    def unread(self, listing: Listing) -> Listing:
        """Return a listing without the files that have the stamp with which they were last read."""
        return {
            name: stamp for name, stamp in listing.items() if self._stamps.get(name) != str(stamp)
        }

    def held(self, unfinished: Iterable[LedgerEntry], now: float) -> Iterator[Claim]:
        """Return the unfinished rows whose file still lies there unchanged."""
        del now
        for entry in unfinished:
            with contextlib.suppress(Vanished, OSError):
                claim = self._claim(entry.id, entry.name)
                if str(claim.stamp) == entry.stamp:
                    yield claim

    def orphans(self, now: float, known: Container[str] = ()) -> Iterator[Claim]:
        """Return nothing: a file that is read in place cannot be taken over."""
        del now, known
        return iter(())

    def finish(self, claim: Claim) -> None:
        """Clear the reason of an earlier failure; the original stays."""
        self._failed.remove_reason(claim)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Write `<name>.error.json` to failed/; the bytes stay in the inbox."""
        self._failed.add_reason(claim, failure)

    def give_back(self, claim: Claim) -> None:
        """Forget that the file was read."""
        self._volume.check()
        if self._stamps.get(claim.name) == str(claim.stamp):
            del self._stamps[claim.name]

    def close(self) -> None:
        """Do nothing: there is no lock."""

    def _claim(self, token: str, name: str) -> Claim:
        with vanishing(name):
            file = fs.open_beneath(self._inbox, name)
            return claim_on(self._inbox / name, file, token, name)


class LedgerMode:
    """The claim mode `ledger`."""

    def open(self, settings: ClaimSettings, ledger: Ledger) -> LedgerClaims:
        """Return the claims of the daemon that owns `ledger`."""
        return LedgerClaims(
            settings.inbox, settings.failed, ledger.stamps(), settings.ownership,
            settings.is_answered,
        )  # fmt: skip

    def is_held(self, entry: LedgerEntry, inbox: Path) -> bool:
        """Tell whether the file of an unfinished row still lies in the inbox."""
        return os.path.lexists(inbox / entry.name)

    def unanswered(self, listing: Listing, ledger: Ledger) -> Listing:
        """Return the files whose stamp is not the one with which they were last claimed."""
        stamps = ledger.stamps()
        return {name: stamp for name, stamp in listing.items() if stamps.get(name) != str(stamp)}
