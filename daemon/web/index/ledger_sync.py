"""Copies new and changed rows of the ledger into the search index."""

from __future__ import annotations

from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.ledger.ledger import Ledger
from daemon.web.index.search_index import SearchIndex

ROWS_PER_TRANSACTION = 2000


class LedgerSync:
    """A read-only connection to the ledger, which may not exist yet, or be rebuilt meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ledger: Ledger | None = None
        self._ledger_file = ""
        self._version: int | None = None
        self._last = 0
        self._last_replaced: tuple[str, str] | None = None

    def close(self) -> None:
        """Close the ledger."""
        if self.ledger:
            self.ledger.close()

    def reset(self) -> None:
        """Open the ledger again at the next update: the index has been recreated."""
        self._ledger_file = ""

    def force_check(self) -> None:
        """Read the ledger at the next update although it seems unchanged."""
        self._version = None

    def update(self, index: SearchIndex) -> bool:
        """Bring the index up to date; return whether there is a ledger."""
        ledger = self._open(index)
        if ledger is None:
            return False
        version = ledger.data_version()
        if version != self._version:
            with index.transaction():
                self._update_open_entries(ledger, index)
            self._add_new_rows(ledger, index)
            self._update_replaced(ledger, index)
            self._version = version
        return True

    def _open(self, index: SearchIndex) -> Ledger | None:
        try:
            status = self._path.stat()
            identity = f"{status.st_dev}:{status.st_ino}"
            if self.ledger is None or identity != self._ledger_file:
                self.close()
                self.ledger = None
                self.ledger = Ledger(self._path, read_only=True)
                index.bind_to_ledger(identity, has_same_rows=_has_same_rows(self.ledger, index))
                self._ledger_file, self._version = identity, None
                self._last = index.last_number()
        except (OSError, Misconfigured):  # also LedgerLost: the daemon rebuilds it
            return None
        return self.ledger

    def _update_open_entries(self, ledger: Ledger, index: SearchIndex) -> None:
        for known in index.open_entries():
            entry = ledger.entry(known.id)
            if entry is None:  # returned to the inbox; its number may be assigned again
                index.remove(known.number)
                self._last = min(self._last, known.number - 1)
            elif known.is_answered and entry.state == "closed":
                index.set_state(known.number, entry.state)
            elif entry.state != known.state:
                index.upsert(known.number, entry)

    def _add_new_rows(self, ledger: Ledger, index: SearchIndex) -> None:
        while rows := ledger.tokens_after(self._last, ROWS_PER_TRANSACTION):
            with index.transaction():
                for number, token in rows:
                    if entry := ledger.entry(token):
                        index.upsert(number, entry)
                    self._last = number

    def _update_replaced(self, ledger: Ledger, index: SearchIndex) -> None:
        """Read the sidecars again that were replaced since the last update."""
        replaced = ledger.replaced_since(index.replaced_until)
        with index.transaction():
            for claim, at in replaced:
                known, entry = index.by_id(claim), ledger.entry(claim)
                if (claim, at) != self._last_replaced and known and entry:
                    index.upsert(known.number, entry)
                self._last_replaced = claim, at
                index.note_replaced_until(at)


def _has_same_rows(ledger: Ledger, index: SearchIndex) -> bool:
    """Return whether the rows that are never removed from a ledger have the numbers we know.

    A rebuilt ledger may have the inode of the old one, but has fewer or other rows.
    """
    for known in (*index.boundary_entries(), *index.open_entries()):
        is_same = ledger.tokens_after(known.number - 1, 1) == [(known.number, known.id)]
        if not is_same and (known.is_answered or ledger.entry(known.id)):
            return False
    return True
