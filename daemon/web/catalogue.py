"""What documents there are: fed from the ledger, the sidecars and the inbox, when it is asked.

The daemon does nothing for it. A question first takes in what the ledger has that the shelf has
not; a long history is read in small parts, newest answers first, by whoever asks next or by `tend`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from threading import RLock
from typing import Any

from daemon.errors import Misconfigured
from daemon.inbox.scan import Scanner
from daemon.journal import Journal
from daemon.records import Entry
from daemon.web import answers, deletion
from daemon.web.items import itself, shown_as
from daemon.web.nouns import Found, Item, ItemStatus, Listing, Piece
from daemon.web.originals import Originals
from daemon.web.places import Places
from daemon.web.shelf import Card, Shelf
from daemon.web.waiting import Waiting, token_of

__all__ = ["Catalogue", "Found", "Item", "ItemStatus", "Listing", "Piece", "Places"]

ROWS_AT_ONCE = 2000  # of the ledger that are taken in together
READ_AT_ONCE = 20  # answers that a question reads beside its own
_STATUSES = ("done", "partial", "failed", "duplicate", "reading", "waiting")


class Catalogue:
    """The documents that the folder has seen; every method may be called from any thread."""

    def __init__(self, places: Places, scanner: Scanner) -> None:
        self.places = places
        self._names = places.names
        self._unclaimed = Waiting(places.inbox, scanner)
        self.originals = Originals((places.archive, places.failed, places.inbox))
        self._lock = RLock()
        self._shelf = Shelf(places.shelf)
        self._journal: Journal | None = None
        self._ledger = ""
        self._version: int | None = None
        self._last = 0

    # --- questions ------------------------------------------------------------------------------

    def documents(
        self, query: str = "", status: str = "", offset: int = 0, limit: int = 50
    ) -> Listing:
        """Return documents, newest first, that have all words of `query` in name or text."""
        if status and status not in _STATUSES:
            return Listing((), 0)
        with self._lock:
            self.refresh()
            waiting = self._unclaimed.items(query) if status in ("", "waiting") else []
            first = tuple(waiting[offset : offset + limit])
            if status == "waiting":
                return Listing(first, len(waiting))
            start = max(0, offset - len(waiting))
            cards, total = self._present(query, status, start, limit - len(first))
            items = (*first, *(shown_as(card) for card in cards))
            return Listing(items, len(waiting) + total)

    def document(self, identity: str) -> Found | None:
        """Return a document by its claim or `u-<token>`; None for one that never was.

        One whose answer was replaced, by a retry of the same bytes, is the one that replaced it.
        """
        with self._lock:
            self.refresh()
            card = self._card_of(identity)
            if card is None and (item := self._unclaimed.item(identity)):
                return Found(item, None, (), None)
            if card is None:
                self._version = None  # it may have moved on while we looked
                self.refresh()
                card = self._card_of(identity)
            if card is None:
                return None
            card = self._latest(card)
            if card.is_answered and not card.is_read:
                card = self._read(card)
        return self._found(card)

    def is_answered(self, identity: str) -> bool:
        """Tell whether the answer to a claim or an upload has been published; cheap to ask."""
        with self._lock:
            self.refresh(0)
            card = self._card_of(identity)
        return card is not None and card.is_answered

    def page(self, identity: str, number: int) -> dict[str, Any] | None:
        """Return page `number` (from 1) as the sidecar has it, however large that is."""
        with self._lock:
            card = self._card_of(identity)
            card = card and self._latest(card)
        if card is None or card.answer is None or not card.is_answered or card.is_gone:
            return None
        found = answers.page(self.places.outbox, card.answer, number)
        return answers.disarmed(found, self._names)  # type: ignore[no-any-return]

    def place_of(self, found: Found) -> str | None:
        """Return where the answer of a document lies, relative to the outbox."""
        with self._lock:
            card = self._shelf.by_id(found.item.id)
        return card.answer if card and card.is_answered and not card.is_gone else None

    def is_closed(self, found: Found) -> bool:
        """Tell whether the daemon is done with a document, its original included."""
        with self._lock:
            card = self._shelf.by_id(found.item.id)
        return card is not None and card.state == "closed"

    def answered_before(self, sha256: str, profile: str) -> Found | None:
        """Return a document with the same bytes, read under the same profile, whose answer lies
        in the outbox still.
        """
        with self._lock:
            self.refresh()
            entries = self._journal.answers_to(sha256, profile) if self._journal else []
            cards = [self._shelf.by_id(entry.id) for entry in entries]
        for card in cards:
            found = self._found(card) if card else None
            if found and (found.sidecar or found.is_large):
                return found
        return None

    def in_full(self, found: Found) -> Found:
        """Return the document that a duplicate points to, any other as it is."""
        with self._lock:
            entry = self._journal.entry(found.item.id) if self._journal else None
        if found.item.status != "duplicate" or entry is None:
            return found
        return self.answered_before(entry.sha256, entry.profile) or found

    def delete(self, found: Found) -> None:
        """Delete an answer and its outputs, never an original; Refused where it cannot be."""
        deletion.delete_answer(self, found)

    def lose(self, found: Found) -> None:
        """Note that the answer of a document has been deleted."""
        with self._lock:
            if card := self._shelf.by_id(found.item.id):
                self._shelf.lose(card)

    # --- keeping up -----------------------------------------------------------------------------

    def refresh(self, read_at_most: int = READ_AT_ONCE) -> bool:
        """Take in what the ledger has; return whether there are answers left to be read."""
        with self._lock:
            try:
                return self._refresh(read_at_most)
            except sqlite3.DatabaseError:  # the index is damaged: nothing is lost with it
                self._shelf.close()
                self._shelf = Shelf(self.places.shelf)
                self._ledger = ""
                return True

    def close(self) -> None:
        """Close ledger and index."""
        with self._lock:
            self._shelf.close()
            if self._journal:
                self._journal.close()

    def _refresh(self, read_at_most: int) -> bool:
        journal = self._open_ledger()
        if journal is None:
            return False
        version = journal.data_version()
        if version != self._version:
            with self._shelf.at_once():
                self._follow_open_ones(journal)
            self._take_new_ones(journal)
            self._version = version
        unread = self._shelf.unread(read_at_most + 1)
        with self._shelf.at_once():
            for card in unread[:read_at_most]:
                self._read(card)
        return len(unread) > read_at_most

    def _open_ledger(self) -> Journal | None:
        """Return the ledger; it may be made anew while we look at it, or not be there yet."""
        try:
            status = self.places.ledger.stat()
            identity = f"{status.st_dev}:{status.st_ino}"
            if self._journal is None or identity != self._ledger:
                if self._journal:
                    self._journal.close()
                self._journal = None
                self._journal = Journal(self.places.ledger, read_only=True)
                self._shelf.belong_to(identity)
                self._ledger, self._version, self._last = identity, None, self._shelf.last()
        except (OSError, Misconfigured):  # LedgerLost too: the daemon makes it anew
            return None
        return self._journal

    def _follow_open_ones(self, journal: Journal) -> None:
        for card in self._shelf.open_ones():
            entry = journal.entry(card.id)
            if entry is None:  # given back to the inbox; its number may be given again
                self._shelf.drop(card.number)
                self._last = min(self._last, card.number - 1)
            elif card.is_answered and entry.state == "closed":
                self._shelf.move_on(card.number, entry.state)
            elif entry.state != card.state:
                self._take(card.number, entry)

    def _take_new_ones(self, journal: Journal) -> None:
        while rows := journal.tokens_after(self._last, ROWS_AT_ONCE):
            with self._shelf.at_once():
                for number, token in rows:
                    if entry := journal.entry(token):
                        self._take(number, entry)
                    self._last = number

    def _take(self, number: int, entry: Entry) -> None:
        self._shelf.take(number, entry, token_of(entry.name))

    def _read(self, card: Card) -> Card:
        """Look at an answer, keep what it says, and return its card anew."""
        answer = self._answer_of(card)
        why = answer.error if answer else None
        error = answers.without_places(why, self._names) if why else None
        self._shelf.keep(card, answer, error)
        return self._shelf.by_id(card.id) or card

    def _answer_of(self, card: Card) -> answers.Answer | None:
        """Return the answer that lies in the outbox for this very claim."""
        answer = answers.read(self.places.outbox, card.answer) if card.answer else None
        return answer if answer and answer.claim == card.id else None

    # --- cards become items ---------------------------------------------------------------------

    def _card_of(self, identity: str) -> Card | None:
        if identity.startswith("u-"):
            return self._shelf.by_token(identity.removeprefix("u-"))
        return self._shelf.by_id(identity)

    def _latest(self, card: Card) -> Card:
        """Return the document that has taken the place of one that failed or is gone."""
        if card.is_gone or card.status == "failed":
            return self._shelf.newer(card) or card
        return card

    def _found(self, card: Card) -> Found:
        item = shown_as(card)
        answer = self._answer_of(card) if card.is_answered else None
        if card.is_answered and answer is None and not item.is_gone:
            with self._lock:
                self._shelf.lose(card)
            item = replace(item, is_gone=True)
        original = self.originals.find(card.name, card.bytes, card.sha256)
        if item.status == "failed" and original and self.places.is_landed(original):
            item = replace(item, status="waiting", error=None)  # it is tried again
        content = answer.content if answer else None
        return Found(
            item,
            answers.disarmed(content, self._names) if content else None,
            (itself(card), *answer.outputs) if answer else (),
            original,
            card.name,
            card.sha256,
            is_large=answer is not None and content is None,
        )

    def _present(self, query: str, status: str, offset: int, limit: int) -> tuple[list[Card], int]:
        """Return cards whose answers are there now; what has been collected is noted."""
        while True:
            cards, total = self._shelf.find(query, status, offset, limit)
            gone = [
                card
                for card in cards
                if card.answer
                and card.is_answered
                and not (self.places.outbox / card.answer).is_file()
            ]
            if not gone:
                return cards, total
            for card in gone:
                self._shelf.lose(card)
