"""The search index: one SQLite file beside the ledger, made anew whenever it does not fit it.

Nothing in it is the truth: rows are the ledger's, texts the sidecars'.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.core import fs, sqlite
from daemon.core.records import LedgerEntry
from daemon.web.index import tokenizer
from daemon.web.sidecar_reader import Answer

SHELF_VERSION = 2
SNIPPET_TOKENS = 32

_SCHEMA = """
CREATE TABLE documents (
    number      INTEGER PRIMARY KEY,          -- of the row in the ledger
    id          TEXT NOT NULL UNIQUE,
    name        BLOB NOT NULL,
    token       TEXT,                         -- of the upload it came by
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    state       TEXT NOT NULL,
    status      TEXT,
    answer      BLOB,
    claimed_at  TEXT NOT NULL,
    is_read     INTEGER NOT NULL DEFAULT 0,   -- its answer has been looked at
    is_gone     INTEGER NOT NULL DEFAULT 0,   -- its answer was collected, deleted or replaced
    pages       INTEGER NOT NULL DEFAULT 0,
    confidence  REAL,
    answered_at TEXT,
    error       TEXT,
    error_class TEXT
) STRICT;
CREATE INDEX by_token ON documents (token) WHERE token IS NOT NULL;
CREATE INDEX by_name ON documents (name, sha256);
CREATE INDEX by_answer ON documents (answer);
CREATE INDEX open_ones ON documents (number) WHERE state != 'closed';
CREATE INDEX unread ON documents (number) WHERE is_read = 0;
CREATE VIRTUAL TABLE texts USING fts5(name, body, tokenize="unicode61 remove_diacritics 2");
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_ANSWERED = "state IN ('answered', 'closed')"
_SHOWN = f"is_gone = 0 AND (is_read = 1 OR NOT {_ANSWERED})"


@dataclass(frozen=True, slots=True)
class Card:
    """A row of documents, column by column; `name` is the path in the inbox, `answer` that in the
    outbox.
    """

    number: int
    id: str
    name: str
    token: str | None
    bytes: int
    sha256: str
    state: str
    status: str | None
    answer: str | None
    claimed_at: str
    is_read: bool
    is_gone: bool
    pages: int
    confidence: float | None
    answered_at: str | None
    error: str | None
    error_class: str | None
    snippet: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether its answer has been published."""
        return self.state in ("answered", "closed")


class Shelf:
    """The index of one ledger; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; one that is damaged or of another version is made anew."""
        self._path = path
        try:
            self._db = self._opened()
        except sqlite3.DatabaseError:
            self._db = self._anew()

    def _opened(self) -> sqlite3.Connection:
        # synchronous = OFF: after a power cut the sidecars are read again
        db = sqlite.connect(self._path, busy_seconds=5.0, synchronous="OFF")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SHELF_VERSION}; COMMIT;")
        elif version != SHELF_VERSION:
            db.close()
            raise sqlite3.DatabaseError(f"version {version}")
        return db

    def _anew(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return self._opened()

    def belong_to(self, ledger_file: str, *, is_it: bool) -> None:
        """Forget everything unless it came from this ledger, and `is_it` by its rows as well."""
        known = self._fact("ledger")
        if known == ledger_file and is_it:
            return
        if known is not None:
            self._db.close()
            self._db = self._anew()
        self._state("ledger", ledger_file)

    def lie_in(self, outbox: str) -> None:
        """Look again for what is gone if this is not the folder that it was missed in."""
        if self._fact("outbox") == outbox:
            return
        with self.at_once():
            self._state("outbox", outbox)
            self._db.execute("UPDATE documents SET is_read = 0, is_gone = 0 WHERE is_gone = 1")

    def _fact(self, key: str) -> str | None:
        found = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def _state(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Write everything within together."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- what the ledger and the outbox say -----------------------------------------------------

    def last(self) -> int:
        """Return the number of the newest row that was taken in."""
        ((number,),) = self._db.execute("SELECT coalesce(max(number), 0) FROM documents")
        return int(number)

    def take(self, number: int, entry: LedgerEntry, token: str | None) -> None:
        """Take a row of the ledger in, or what has become of it."""
        self.drop(number)
        self._db.execute(
            "INSERT OR REPLACE INTO documents (number, id, name, token, bytes, sha256, state, "
            "status, answer, claimed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, entry.id, os.fsencode(entry.name), token, entry.bytes, entry.sha256,
                entry.state, entry.status, entry.answer and os.fsencode(entry.answer),
                entry.claimed_at,
            ),
        )  # fmt: skip

    def move_on(self, number: int, state: str) -> None:
        """Note the new state of a row whose answer is on the shelf already."""
        self._db.execute("UPDATE documents SET state = ? WHERE number = ?", (state, number))

    def drop(self, number: int) -> None:
        """Forget a row."""
        self._db.execute("DELETE FROM documents WHERE number = ?", (number,))
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (number,))

    def keep(self, card: Card, answer: Answer | None) -> None:
        """Keep what an answer says; None where it is gone."""
        said: tuple[Any, ...] = (0, None, None, None, None)
        if a := answer:
            said = (a.pages, a.confidence, a.finished_at, a.error, a.error_class)
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (card.number,))
        self._db.execute(
            "UPDATE documents SET is_read = 1, is_gone = ?, pages = ?, confidence = ?, "
            "answered_at = ?, error = ?, error_class = ? WHERE number = ?",
            (answer is None, *said, card.number),
        )
        if answer is not None:
            name = tokenizer.cut(fs.to_unicode(card.name))
            self._db.execute(
                "INSERT INTO texts (rowid, name, body) VALUES (?, ?, ?)",
                (card.number, name, tokenizer.cut(answer.text)),
            )
            # whatever had that place before has been replaced, or was collected
            before = "WHERE d.answer = ? AND d.number < ? AND d.is_gone = 0"
            for older in self._cards(before, os.fsencode(card.answer or ""), card.number):
                self.lose(older)

    def lose(self, card: Card) -> None:
        """Note that an answer is gone, and forget its text."""
        self._db.execute(
            "UPDATE documents SET is_gone = 1, is_read = 1 WHERE number = ?", (card.number,)
        )
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (card.number,))

    # --- questions ------------------------------------------------------------------------------

    def open_ones(self) -> list[Card]:
        """Return what was not closed when it was last looked at."""
        return self._cards("WHERE d.state != 'closed' ORDER BY d.number")

    def outermost(self) -> list[Card]:
        """Return the oldest and the newest of what is closed."""
        ends = "SELECT {}(number) FROM documents WHERE state = 'closed'"
        return self._cards(f"WHERE d.number IN (({ends.format('min')}), ({ends.format('max')}))")

    def unread(self, most: int) -> list[Card]:
        """Return answered documents whose answers have not been looked at yet, newest first."""
        return self._cards(
            f"WHERE d.is_read = 0 AND {_ANSWERED} ORDER BY d.number DESC LIMIT ?", most
        )

    def by_id(self, identity: str) -> Card | None:
        """Return a document by its claim."""
        return next(iter(self._cards("WHERE d.id = ?", identity)), None)

    def by_token(self, token: str) -> Card | None:
        """Return what became of an upload."""
        return next(
            iter(self._cards("WHERE d.token = ? ORDER BY d.number DESC LIMIT 1", token)), None
        )

    def newer(self, card: Card) -> Card | None:
        """Return the newest document of the same name and bytes, if it is newer than this one."""
        return next(
            iter(self._cards(
                "WHERE d.name = ? AND d.sha256 = ? AND d.number > ? ORDER BY d.number DESC LIMIT 1",
                os.fsencode(card.name), card.sha256, card.number,
            )),
            None,
        )  # fmt: skip

    def find(self, query: str, status: str, offset: int, limit: int) -> tuple[list[Card], int]:
        """Return documents whose answers are there or to come, newest first, and their number."""
        wheres, values = [_SHOWN], list[Any]()
        if status == "reading":
            wheres.append(f"NOT {_ANSWERED}")
        elif status:
            wheres.append(f"{_ANSWERED} AND status = ?")
            values.append(status)
        source, number = "documents d", "d.number"
        wanted = tokenizer.expression(query)
        if query.strip():
            if wanted is None:
                return [], 0
            source, number = "texts JOIN documents d ON d.number = texts.rowid", "texts.rowid"
            wheres.append("texts MATCH ?")
            values.append(wanted)
        rest = f"FROM {source} WHERE {' AND '.join(wheres)}"
        ((total,),) = self._db.execute(f"SELECT count(*) {rest}", values)
        rows = self._db.execute(
            f"SELECT d.* {rest} ORDER BY {number} DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        cards = [_card(row) for row in rows]
        return [replace(card, snippet=self._snippet(wanted, card)) for card in cards], int(total)

    def _snippet(self, wanted: str | None, card: Card) -> str:
        """Return where the text of one document has what is wanted: too dear for all that have."""
        if wanted is None:
            return ""
        found = self._db.execute(
            "SELECT snippet(texts, 1, ?, ?, '…', ?) FROM texts WHERE texts MATCH ? AND rowid = ?",
            (tokenizer.HIT, tokenizer.HIT_END, SNIPPET_TOKENS, wanted, card.number),
        )
        return next((str(text) for (text,) in found), "")

    def _cards(self, rest: str, *values: str | int | bytes) -> list[Card]:
        rows: Iterable[tuple[Any, ...]] = self._db.execute(
            f"SELECT d.* FROM documents d {rest}",  # noqa: S608 -- our own words
            values,
        )
        return [_card(row) for row in rows]


def _card(row: tuple[Any, ...]) -> Card:
    number, identity, name, token, size, sha256, state, status, answer, *rest = row
    return Card(
        number, identity, os.fsdecode(name), token, size, sha256, state, status,
        None if answer is None else os.fsdecode(answer), *rest,
    )  # fmt: skip
