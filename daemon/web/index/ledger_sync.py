"""The ledger as the catalogue follows it: what it has that the shelf has not is taken in."""

from __future__ import annotations

from pathlib import Path

from daemon.core.errors import Misconfigured
from daemon.core.records import LedgerEntry
from daemon.ledger.ledger import Ledger
from daemon.web.index.search_index import Shelf
from daemon.web.index.pending import token_of

ROWS_AT_ONCE = 2000  # of the ledger that are taken in together


class Following:
    """A reader of the ledger, which may be made anew, or not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ledger: Ledger | None = None
        self._ledger_file = ""
        self._version: int | None = None
        self._last = 0

    def close(self) -> None:
        """Close the ledger."""
        if self.ledger:
            self.ledger.close()

    def forget(self) -> None:
        """Take in everything again, next time: the shelf has been made anew."""
        self._ledger_file = ""

    def doubt(self) -> None:
        """Look again, next time, though the ledger seems not to have changed."""
        self._version = None

    def catch_up(self, shelf: Shelf) -> bool:
        """Take in what is new; return whether there is a ledger."""
        ledger = self._open(shelf)
        if ledger is None:
            return False
        version = ledger.data_version()
        if version != self._version:
            with shelf.at_once():
                self._follow_open_ones(ledger, shelf)
            self._take_new_ones(ledger, shelf)
            self._version = version
        return True

    def _open(self, shelf: Shelf) -> Ledger | None:
        try:
            status = self._path.stat()
            identity = f"{status.st_dev}:{status.st_ino}"
            if self.ledger is None or identity != self._ledger_file:
                self.close()
                self.ledger = None
                self.ledger = Ledger(self._path, read_only=True)
                shelf.belong_to(identity, is_it=_fits(self.ledger, shelf))
                self._ledger_file, self._version, self._last = identity, None, shelf.last()
        except (OSError, Misconfigured):  # LedgerLost too: the daemon makes it anew
            return None
        return self.ledger

    def _follow_open_ones(self, ledger: Ledger, shelf: Shelf) -> None:
        for card in shelf.open_ones():
            entry = ledger.entry(card.id)
            if entry is None:  # given back to the inbox; its number may be given again
                shelf.drop(card.number)
                self._last = min(self._last, card.number - 1)
            elif card.is_answered and entry.state == "closed":
                shelf.move_on(card.number, entry.state)
            elif entry.state != card.state:
                _take(shelf, card.number, entry)

    def _take_new_ones(self, ledger: Ledger, shelf: Shelf) -> None:
        while rows := ledger.tokens_after(self._last, ROWS_AT_ONCE):
            with shelf.at_once():
                for number, token in rows:
                    if entry := ledger.entry(token):
                        _take(shelf, number, entry)
                    self._last = number


def _fits(ledger: Ledger, shelf: Shelf) -> bool:
    """Tell whether the rows that cannot have been given back have the numbers that we know.

    A ledger that was made anew may have the inode of the old one, and has fewer rows, or others.
    """
    for card in (*shelf.outermost(), *shelf.open_ones()):
        is_same = ledger.tokens_after(card.number - 1, 1) == [(card.number, card.id)]
        if not is_same and (card.is_answered or ledger.entry(card.id)):
            return False
    return True


def _take(shelf: Shelf, number: int, entry: LedgerEntry) -> None:
    shelf.take(number, entry, token_of(entry.name))
