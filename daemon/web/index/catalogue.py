"""What documents there are: fed from the ledger, the sidecars and the inbox, when it is asked.

The daemon does nothing for it. A question first takes in what the ledger has that the shelf has
not; a long history is read in small parts, newest answers first, by whoever asks next or by `tend`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from threading import RLock
from typing import Any

from daemon.inbox.scan import Scanner
from daemon.web import sidecar_reader
from daemon.web.http.errors import Refused
from daemon.web.index.items import itself, shown_as
from daemon.web.index.ledger_sync import Following
from daemon.web.index.outbox_view import Outbox
from daemon.web.index.records import STATUSES, Found, Item, ItemStatus, Listing, Piece
from daemon.web.index.search_index import Card, Shelf
from daemon.web.index.originals import Originals
from daemon.web.index.paths import Places
from daemon.web.index.pending import Waiting

__all__ = ["Catalogue", "Found", "Item", "ItemStatus", "Listing", "Piece", "Places"]

READ_AT_ONCE = 20  # answers that a question reads beside its own


class Catalogue:
    """The documents that the folder has seen; every method may be called from any thread."""

    def __init__(self, places: Places, scanner: Scanner) -> None:
        self.places = places
        self._names = places.names
        self._unclaimed = Waiting(places.inbox, scanner)
        self.originals = Originals((places.archive, places.failed, places.inbox))
        self._lock = RLock()
        self._shelf = Shelf(places.shelf)
        self._outbox = Outbox(places.outbox)
        self._following = Following(places.ledger_file)
        self._unreadable = set[str]()  # claims whose answers are there and cannot be read

    # --- questions ------------------------------------------------------------------------------

    def documents(
        self, query: str = "", status: str = "", offset: int = 0, limit: int = 50
    ) -> Listing:
        """Return documents, newest first, that have all words of `query` in name or text.

        Refused where the outbox is away: which answers there are is not known then.
        """
        if status and status not in STATUSES:
            return Listing((), 0)
        with self._lock:
            self.refresh()
            if self._shelf.unread(1):
                self._outbox.demand()
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
        Refused where its answer cannot be looked at.
        """
        with self._lock:
            self.refresh()
            card = self._card_of(identity)
            if card is None and (item := self._unclaimed.item(identity)):
                return Found(item, None, (), None)
            if card is None:
                self._following.doubt()  # it may have moved on while we looked
                self.refresh()
                card = self._card_of(identity)
            if card is None:
                return None
            card = self._looked_at(self._latest(self._looked_at(card)))
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
        found = sidecar_reader.page(self.places.outbox, card.answer, number)
        return sidecar_reader.disarmed_page(found, self._names) if found else None

    def pages(self, found: Found) -> tuple[str, Iterator[dict[str, Any]]]:
        """Return text and pages of a document that is too large to be held.

        Refused where its answer is gone, or cannot be looked at.
        """
        with self._lock:
            card = self._shelf.by_id(found.item.id)
        answer = self._outbox.answer(card) if card else None
        if card is None or card.answer is None or answer is None:
            raise Refused(410, "gone", "its answer was collected or deleted")
        try:
            each = sidecar_reader.pages(self.places.outbox, card.answer)
        except OSError as error:
            raise Refused(410, "gone", "its answer was collected or deleted") from error
        return answer.text, (sidecar_reader.disarmed_page(page, self._names) for page in each)

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
            ledger = self._following.ledger
            entries = ledger.answers_to(sha256, profile) if ledger else []
            known = [self._shelf.by_id(entry.id) for entry in entries]
            cards = [self._looked_at(card) for card in known if card]
        for card in cards:
            found = self._found(card)
            if found.sidecar or found.is_large:
                return found
        return None

    def in_full(self, found: Found) -> Found:
        """Return the document that a duplicate points to, any other as it is; a duplicate itself
        where the answer that it points to is gone.
        """
        if found.item.status != "duplicate":
            return found
        with self._lock:
            ledger = self._following.ledger
            entry = ledger.entry(found.item.id) if ledger else None
        return (entry and self.answered_before(entry.sha256, entry.profile)) or found

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
                self._following.forget()
                return True

    def close(self) -> None:
        """Close ledger and index."""
        with self._lock:
            self._shelf.close()
            self._following.close()

    def _refresh(self, read_at_most: int) -> bool:
        if not self._following.catch_up(self._shelf):
            return False
        outbox = self._outbox.identity()
        if outbox is None:
            return False  # nothing can be read, and nothing is known to be gone
        self._shelf.lie_in(outbox)
        unread = self._shelf.unread(read_at_most + 1 + len(self._unreadable))
        unread = [card for card in unread if card.id not in self._unreadable]
        if not unread:
            self._unreadable.clear()  # all others are done: try them again, next time
        with self._shelf.at_once():
            for card in unread[:read_at_most]:
                try:
                    self._read(card)
                except Refused:
                    self._unreadable.add(card.id)
        return len(unread) > read_at_most

    def _read(self, card: Card) -> Card:
        """Look at an answer, keep what it says, and return its card anew."""
        answer = self._outbox.answer(card)
        if answer is None and card.is_gone:
            return card
        if answer is not None and answer.error:
            answer = replace(answer, error=sidecar_reader.without_places(answer.error, self._names))
        self._shelf.keep(card, answer)
        return self._shelf.by_id(card.id) or card

    def _looked_at(self, card: Card) -> Card:
        """Return a card that is as the outbox has it: what was gone may be there again."""
        is_known = card.is_read and not card.is_gone
        return card if is_known or not card.is_answered else self._read(card)

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
        answer = self._outbox.answer(card) if card.is_answered else None
        if card.is_answered and answer is None and not item.is_gone:
            with self._lock:
                self._shelf.lose(card)
            item = replace(item, is_gone=True)
        original = self.originals.find(card.name, card.bytes, card.sha256)
        if item.status == "failed" and original and self.places.is_landed(original):
            item = replace(
                item, status="waiting", error=None, error_class=None
            )  # it is tried again
        content = answer.content if answer else None
        return Found(
            item,
            sidecar_reader.disarmed(content, self._names) if content else None,
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
            gone = [card for card in cards if self._outbox.has_lost(card)]
            if not gone:
                return cards, total
            self._outbox.demand()
            for card in gone:
                self._shelf.lose(card)
