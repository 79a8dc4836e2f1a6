"""Possession: settled -> claimed -> archived | failed | given back, and recovery at start.

Two ways to possess behind the same methods: by a rename (rename.py), and, for a read-only inbox, by
a row in the ledger alone (in_place.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Container, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from daemon.core import fs
from daemon.core.records import Claim, Failure, LedgerEntry, Stamp
from daemon.inbox.scan import Listing

# no such regular file: gone since the listing, or something else has been put in its place
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)


class Vanished(Exception):
    """The file left the inbox, changed, or is no regular file, before it could be claimed."""


class Claims(Protocol):
    """What the service needs of a way to possess files; an OSError means the environment."""

    def take(self, name: str, settled: Stamp | None = None) -> Claim:
        """Possess an inbox file, or raise Vanished, also if it is not the one that settled."""

    def unread(self, listing: Listing) -> Listing:
        """Leave out of a listing what has been read in place before."""

    def held(self, unfinished: Iterable[LedgerEntry], now: float) -> Iterator[Claim]:
        """Return what an earlier run left in possession; `now` is monotonic seconds."""

    def orphans(self, now: float, known: Container[str] = ()) -> Iterator[Claim]:
        """Take over what daemons had that died since, and what nobody here knows any more.

        `known` are the claims in work.
        """

    def finish(self, claim: Claim) -> None:
        """Let go of an original whose answer is durable; may be repeated."""

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Keep the bytes of a failed file with the reason beside them; may be repeated."""

    def give_back(self, claim: Claim) -> None:
        """Return the file to the inbox as if it had never been touched."""

    def close(self) -> None:
        """Say that this daemon ends."""


def claim_on(path: Path, file: BufferedReader, token: str, name: str) -> Claim:
    """Return the claim on an open file, hashed and stamped by it; Vanished if it changed since."""
    with file:
        stamp, digest = Stamp.from_status(os.fstat(file.fileno())), fs.digest_of(file)
        if stamp != Stamp.of(path):
            raise Vanished(name)
    return Claim(token, name, path, stamp, digest)


@contextlib.contextmanager
def vanishing(name: str) -> Iterator[None]:
    """Translate what the system says of a name that is no regular file any more."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_FILE:
            raise Vanished(name) from error
        raise


def is_held(claim: Claim) -> bool:
    """Tell whether we have the claimed bytes still, as they were hashed.

    A late writer may have changed them, another daemon taken them over. Opening asks a network
    share's server, where a status may come from a cache.
    """
    try:
        with fs.open_regular(claim.path) as file:
            return Stamp.from_status(os.fstat(file.fileno())) == claim.stamp
    except OSError as error:
        if error.errno in _NO_FILE:
            return False
        raise
