"""Claims: how the daemon takes possession of a file, and what becomes of it afterwards.

    settled -> claimed -> archived | failed | given back, and recovery at start

There are two modes: by a rename (`by_rename.py`) and, for a read-only inbox, by a row in the ledger
alone (`by_ledger.py`); `modes.py` has both by name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from daemon.core import fs
from daemon.core.ownership import INHERITED, Ownership
from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.inbox.scan import Listing
from daemon.ledger.ledger import Ledger

# no such regular file: gone since the listing, or something else has been put in its place
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)


class Vanished(Exception):
    """The file left the inbox, changed, or is no regular file, before it could be claimed."""


class Claims(Protocol):
    """The claims of one daemon; an OSError means that the environment is at fault."""

    def take(self, name: str, settled: Stamp | None = None, token: str | None = None) -> Claim:
        """Claim an inbox file, or raise Vanished, also where it is not the one that settled.

        `token` is the id of an upload, which its claim keeps; any other claim gets a new one.
        """

    def unread(self, listing: Listing) -> Listing:
        """Return a listing without the files that were read where they lie."""

    def held(self, unfinished: Iterable[LedgerEntry], now: float) -> Iterator[Claim]:
        """Return the claims that an earlier run left; `now` is monotonic seconds."""

    def orphans(self, now: float, known: Container[str] = ()) -> Iterator[Claim]:
        """Take over the claims of daemons that have died, and own claims missing from memory.

        `known` are the tokens of the claims in progress.
        """

    def finish(self, claim: Claim) -> None:
        """Archive, delete or leave an original whose sidecar is durable; may be repeated."""

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Keep the bytes of a failed file with the reason beside them; may be repeated."""

    def give_back(self, claim: Claim) -> None:
        """Return the file to the inbox as if it had never been claimed."""

    def close(self) -> None:
        """Note that this daemon ends."""


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """What claims are opened with.

    `archive` None means that answered originals are deleted. `is_answered` tells whether the bytes
    of a claim are those that were answered last under its name.
    """

    inbox: Path
    archive: Path | None
    failed: Path
    lease_seconds: float = 60.0
    ownership: Ownership = INHERITED
    is_answered: Callable[[Claim], bool] = lambda _: False


class ClaimMode(Protocol):
    """One way of claiming files: how to open its claims, and how to inspect those of a daemon."""

    def open(self, settings: ClaimSettings, ledger: Ledger) -> Claims:
        """Return the claims of the daemon that owns `ledger`."""

    def is_held(self, entry: LedgerEntry, inbox: Path) -> bool:
        """Tell whether the file of an unfinished row still lies where its claim put it."""

    def unanswered(self, listing: Listing, ledger: Ledger) -> Listing:
        """Return the files of a listing of the inbox that have not been claimed yet."""


def claim_on(path: Path, file: BufferedReader, token: str, name: str) -> Claim:
    """Return the claim on an open file, hashed and stamped by it; Vanished if it changed since."""
    with file:
        stamp, digest = Stamp.from_status(os.fstat(file.fileno())), fs.digest_of(file)
        if stamp != Stamp.of(path):
            raise Vanished(name)
    return Claim(token, name, path, stamp, digest)


@contextlib.contextmanager
def vanishing(name: str) -> Iterator[None]:
    """Translate the errors of a name that is no regular file any more into Vanished."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_FILE:
            raise Vanished(name) from error
        raise


def is_held(claim: Claim) -> bool:
    """Tell whether we still have the claimed bytes as they were hashed.

    A late writer may have changed them, or another daemon taken them over. Opening the file asks
    the server of a network share, where its status may come from a cache.
    """
    try:
        with fs.open_regular(claim.path) as file:
            return Stamp.from_status(os.fstat(file.fileno())) == claim.stamp
    except OSError as error:
        if error.errno in _NO_FILE:
            return False
        raise
