"""The requests to read documents again, in the file of the ledger; a connection of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.ledger.connection import LedgerConnection


@dataclass(frozen=True, slots=True)
class RereadCounts:
    """How many answers wait to be read again, were replaced, and were kept."""

    waiting: int = 0
    replaced: int = 0
    kept: int = 0


class Rereads(LedgerConnection):
    """Requests, from the command of an operator until the daemon has fulfilled them.

    Writes beside the ledger's owner. A reader of an older file finds none.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "reader" if read_only else "guest")

    def request(self, claims: Iterable[str]) -> None:
        """Request that the answers of these claims be read again; all of them or none."""
        with self.transaction():
            for claim in claims:
                self._run("INSERT OR REPLACE INTO rereads (claim, state) VALUES (?, 'waiting')",
                          (claim,))  # fmt: skip

    def cancel(self) -> int:
        """Withdraw the requests that wait; return how many. A reading in progress goes on."""
        return len(self._run("DELETE FROM rereads WHERE state = 'waiting' RETURNING claim"))

    def counts(self) -> RereadCounts:
        """Return the number of requests by what became of them."""
        if self.version < 3:
            return RereadCounts()
        rows = self._run("SELECT state, count(*) FROM rereads GROUP BY state")
        return RereadCounts(**dict(rows))

    def kept(self, limit: int) -> list[tuple[str, str]]:
        """Return claim and reason of answers that were not replaced, the last ones first."""
        if self.version < 3:
            return []
        rows = self._run(
            "SELECT claim, reason FROM rereads WHERE state = 'kept' ORDER BY ended_at DESC LIMIT ?",
            (limit,),
        )
        return [(str(claim), str(reason)) for claim, reason in rows]
