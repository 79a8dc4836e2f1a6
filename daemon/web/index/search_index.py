"""The search index: one SQLite file beside the ledger, rebuilt whenever it does not match it.

It is a cache: its rows come from the ledger, its texts from the sidecars.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.core import fs, sqlite
from daemon.core.records import LedgerEntry
from daemon.web.index import tokenizer
from daemon.web.index.records import DocumentFilter, DocumentSummary, Order
from daemon.web.sidecar_reader import SidecarContent

INDEX_VERSION = 6
SNIPPET_TOKENS = 32

_SCHEMA = """
CREATE TABLE documents (
    number      INTEGER PRIMARY KEY,          -- of the row in the ledger
    id          TEXT NOT NULL UNIQUE,
    name        BLOB NOT NULL,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    state       TEXT NOT NULL,
    status      TEXT,
    answer      BLOB,
    claimed_at  TEXT NOT NULL,
    is_read     INTEGER NOT NULL DEFAULT 0,   -- its sidecar has been read
    is_gone     INTEGER NOT NULL DEFAULT 0,   -- its sidecar was collected, deleted or replaced
    pages       INTEGER NOT NULL DEFAULT 0,
    confidence  REAL,
    answered_at TEXT,
    error       TEXT,
    error_class TEXT,
    unread      INTEGER NOT NULL DEFAULT 0,   -- regions of its pages that were not read
    warnings    INTEGER NOT NULL DEFAULT 0,   -- of document and pages
    outputs     TEXT NOT NULL DEFAULT '[]',   -- JSON: kind and name of each output file
    sort_name   TEXT NOT NULL                 -- see `sort_name`
) STRICT;
CREATE INDEX by_name ON documents (name, sha256);
CREATE INDEX by_sort_name ON documents (sort_name);
CREATE INDEX by_content ON documents (sha256);
CREATE INDEX by_answer ON documents (answer);
CREATE INDEX open_documents ON documents (number) WHERE state != 'closed';
CREATE INDEX unread ON documents (number) WHERE is_read = 0;
CREATE VIRTUAL TABLE texts USING fts5(name, body, tokenize="unicode61 remove_diacritics 2");
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_ANSWERED = "state IN ('answered', 'closed')"
_STATUS = f"CASE WHEN {_ANSWERED} THEN status ELSE 'reading' END"
_ORDERS: Mapping[Order, tuple[str, str]] = {  # key, "" for the number of the row, and direction
    "newest": ("", "DESC"),
    "oldest": ("", "ASC"),
    "name": ("d.sort_name", "ASC"),
    "confidence": ("coalesce(d.confidence, 2)", "ASC"),  # those without one are the last
}
_VISIBLE = f"is_gone = 0 AND (is_read = 1 OR NOT {_ANSWERED})"


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """A row of the table documents; `name` is a path in the inbox, `answer` one in the outbox."""

    number: int
    id: str
    name: str
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
    unread: int
    warnings: int
    outputs: str
    sort_name: str
    snippet: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether its sidecar has been published."""
        return self.state in ("answered", "closed")

    def summary(self) -> DocumentSummary:
        """Return the document as the list shows it."""
        name = fs.to_unicode(self.name)
        status = self.status if self.is_answered and self.status else "reading"
        return DocumentSummary(
            id=self.id,
            name=name,
            title=PurePosixPath(name).name,
            status=status,  # type: ignore[arg-type]  # the ledger has no others
            bytes=self.bytes,
            pages=self.pages,
            confidence=self.confidence,
            claimed_at=self.claimed_at,
            answered_at=self.answered_at,
            snippet=tokenizer.fragments(self.snippet),
            error=self.error,
            error_class=self.error_class,
            unread_count=self.unread,
            warning_count=self.warnings,
            is_gone=self.is_gone,
            is_closed=self.state == "closed",
            outputs=tuple((kind, name) for kind, name in json.loads(self.outputs)),
        )

    def sidecar_output(self) -> dict[str, Any]:
        """Return the sidecar itself as one of the outputs."""
        name = PurePosixPath(fs.to_unicode(self.answer or "")).name
        return {
            "kind": "answer", "name": name, "bytes": None, "sha256": None,
            "media_type": "application/json",
        }  # fmt: skip


class SearchIndex:
    """The index of one ledger; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; a damaged one or one of another version is created again."""
        self._path = path
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            self._db = self._recreate()

    def _open(self) -> sqlite3.Connection:
        # synchronous = OFF: after a power cut the sidecars are read again
        db = sqlite.connect(self._path, busy_seconds=5.0, synchronous="OFF")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {INDEX_VERSION}; COMMIT;")
        elif version != INDEX_VERSION:
            db.close()
            raise sqlite3.DatabaseError(f"version {version}")
        return db

    def _recreate(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return self._open()

    def bind_to_ledger(self, ledger_file: str, *, has_same_rows: bool) -> None:
        """Clear the index unless it was made from this ledger file, and its rows match as well."""
        known = self._read_meta("ledger")
        if known == ledger_file and has_same_rows:
            return
        if known is not None:
            self._db.close()
            self._db = self._recreate()
        self._write_meta("ledger", ledger_file)

    def bind_to_outbox(self, outbox: str) -> None:
        """Mark missing sidecars as unread if they were missing in another outbox folder."""
        if self._read_meta("outbox") == outbox:
            return
        with self.transaction():
            self._write_meta("outbox", outbox)
            self._db.execute("UPDATE documents SET is_read = 0, is_gone = 0 WHERE is_gone = 1")

    def _read_meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _write_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything within the block in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- changes from ledger and outbox ---------------------------------------------------------

    def last_number(self) -> int:
        """Return the number of the newest row, 0 in an empty index."""
        ((number,),) = self._db.execute("SELECT coalesce(max(number), 0) FROM documents")
        return int(number)

    @property
    def replaced_until(self) -> str:
        """Up to which time (RFC 3339) replaced sidecars have been read again; "" at first."""
        return self._read_meta("replaced_until") or ""

    def note_replaced_until(self, at: str) -> None:
        """Note that the sidecars replaced up to this time are read again."""
        self._write_meta("replaced_until", at)

    def upsert(self, number: int, entry: LedgerEntry) -> None:
        """Add a row of the ledger, or replace it by its present state."""
        self.remove(number)
        self._db.execute(
            "INSERT OR REPLACE INTO documents (number, id, name, bytes, sha256, state, "
            "status, answer, claimed_at, sort_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, entry.id, os.fsencode(entry.name), entry.bytes, entry.sha256,
                entry.state, entry.status, entry.answer and os.fsencode(entry.answer),
                entry.claimed_at, sort_name(fs.to_unicode(entry.name)),
            ),
        )  # fmt: skip

    def set_state(self, number: int, state: str) -> None:
        """Set the state of a row whose sidecar is in the index already."""
        self._db.execute("UPDATE documents SET state = ? WHERE number = ?", (state, number))

    def remove(self, number: int) -> None:
        """Remove a row and its text."""
        self._db.execute("DELETE FROM documents WHERE number = ?", (number,))
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (number,))

    def store_sidecar(
        self, entry: SearchEntry, sidecar: SidecarContent | None, corrections: Iterable[str] = ()
    ) -> None:
        """Store the content of a sidecar, None if it is gone; corrected lines are found as well."""
        values: tuple[Any, ...] = (0, None, None, None, None, 0, 0, "[]")
        if s := sidecar:
            values = (
                s.pages, s.confidence, s.finished_at, s.error, s.error_class, s.unread_count,
                s.warning_count, json.dumps([(each["kind"], each["name"]) for each in s.outputs]),
            )  # fmt: skip
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (entry.number,))
        self._db.execute(
            "UPDATE documents SET is_read = 1, is_gone = ?, pages = ?, confidence = ?, "
            "answered_at = ?, error = ?, error_class = ?, unread = ?, warnings = ?, outputs = ? "
            "WHERE number = ?",
            (sidecar is None, *values, entry.number),
        )
        if sidecar is not None:
            name = tokenizer.split_text(fs.to_unicode(entry.name))
            self._db.execute(
                "INSERT INTO texts (rowid, name, body) VALUES (?, ?, ?)",
                (entry.number, name, tokenizer.split_text("\n".join((sidecar.text, *corrections)))),
            )
            # an older sidecar of the same path has been replaced or collected
            older = "WHERE d.answer = ? AND d.number < ? AND d.is_gone = 0"
            for each in self._entries(older, os.fsencode(entry.answer or ""), entry.number):
                self.mark_gone(each)

    def mark_gone(self, entry: SearchEntry) -> None:
        """Mark the sidecar of a row as gone, and remove its text."""
        self._db.execute(
            "UPDATE documents SET is_gone = 1, is_read = 1 WHERE number = ?", (entry.number,)
        )
        self._db.execute("DELETE FROM texts WHERE rowid = ?", (entry.number,))

    # --- queries --------------------------------------------------------------------------------

    def open_entries(self) -> list[SearchEntry]:
        """Return the rows that were not closed at the last update."""
        return self._entries("WHERE d.state != 'closed' ORDER BY d.number")

    def boundary_entries(self) -> list[SearchEntry]:
        """Return the oldest and the newest closed row."""
        ends = "SELECT {}(number) FROM documents WHERE state = 'closed'"
        return self._entries(f"WHERE d.number IN (({ends.format('min')}), ({ends.format('max')}))")

    def unread(self, limit: int) -> list[SearchEntry]:
        """Return rows whose published sidecars have not been read yet, newest first."""
        return self._entries(
            f"WHERE d.is_read = 0 AND {_ANSWERED} ORDER BY d.number DESC LIMIT ?", limit
        )

    def by_id(self, identity: str) -> SearchEntry | None:
        """Return the row of a claim."""
        return next(iter(self._entries("WHERE d.id = ?", identity)), None)

    def by_content(self, sha256: str) -> SearchEntry | None:
        """Return the newest row with this content."""
        return next(
            iter(self._entries("WHERE d.sha256 = ? ORDER BY d.number DESC LIMIT 1", sha256)), None
        )

    def has_result(self, sha256: str) -> bool:
        """Return whether a document with this content has a result that is no duplicate."""
        clauses = f"WHERE d.sha256 = ? AND {_ANSWERED} AND is_gone = 0 AND status != 'duplicate'"
        return bool(self._entries(f"{clauses} LIMIT 1", sha256))

    def newer(self, entry: SearchEntry) -> SearchEntry | None:
        """Return the newest row of the same name and content, if it is newer than this one."""
        return next(
            iter(self._entries(
                "WHERE d.name = ? AND d.sha256 = ? AND d.number > ? ORDER BY d.number DESC LIMIT 1",
                os.fsencode(entry.name), entry.sha256, entry.number,
            )),
            None,
        )  # fmt: skip

    def search(self, wanted: DocumentFilter, offset: int, limit: int) -> list[SearchEntry]:
        """Return rows that are unfinished or have a sidecar, in the order of the filter."""
        matching = _Matching.of(wanted)
        if matching is None:
            return []
        _, direction = _ORDERS[wanted.order]
        order = ", ".join(f"{key} {direction}" for key in matching.keys)
        rows = self._db.execute(
            f"SELECT d.* {matching.clauses} ORDER BY {order} LIMIT ? OFFSET ?",
            [*matching.values, limit, offset],
        )
        entries = [_entry(row) for row in rows]
        return [replace(each, snippet=self._snippet(matching.text, each)) for each in entries]

    def counts(self, wanted: DocumentFilter) -> dict[str, int]:
        """Return the number of those rows for each status, whatever the status of the filter."""
        matching = _Matching.of(replace(wanted, status=""))
        if matching is None:
            return {}
        rows = self._db.execute(
            f"SELECT {_STATUS}, count(*) {matching.clauses} GROUP BY 1", matching.values
        )
        return {str(status): int(count) for status, count in rows}

    def neighbours(
        self, wanted: DocumentFilter, entry: SearchEntry
    ) -> tuple[SearchEntry | None, SearchEntry | None]:
        """Return the rows before and after one in the list of a filter, None at its ends."""
        matching = _Matching.of(wanted)
        if matching is None:
            return None, None
        (key, direction), keys = _ORDERS[wanted.order], ", ".join(matching.keys)
        place = f"(SELECT {key}, number FROM documents d WHERE number = ?)"  # noqa: S608 -- as above
        own = place if key else "?"
        found: list[SearchEntry | None] = []
        for comparison, towards in (("<", "DESC"), (">", "ASC")):
            order = ", ".join(f"{each} {towards}" for each in matching.keys)
            rows = self._db.execute(
                f"SELECT d.* {matching.clauses} AND ({keys}) {comparison} {own} "
                f"ORDER BY {order} LIMIT 1",
                [*matching.values, entry.number],
            )
            found.append(next((_entry(row) for row in rows), None))
        smaller, larger = found
        return (smaller, larger) if direction == "ASC" else (larger, smaller)

    def _snippet(self, expression: str | None, entry: SearchEntry) -> str:
        """Return the part of a text that matches; made for the shown rows only, as it is costly."""
        if expression is None:
            return ""
        rows = self._db.execute(
            "SELECT snippet(texts, 1, ?, ?, '…', ?) FROM texts WHERE texts MATCH ? AND rowid = ?",
            (tokenizer.HIT_START, tokenizer.HIT_END, SNIPPET_TOKENS, expression, entry.number),
        )
        return next((str(text) for (text,) in rows), "")

    def _entries(self, clauses: str, *values: str | int | bytes) -> list[SearchEntry]:
        rows: Iterable[tuple[Any, ...]] = self._db.execute(
            f"SELECT d.* FROM documents d {clauses}",  # noqa: S608 -- constants of this module
            values,
        )
        return [_entry(row) for row in rows]


@dataclass(frozen=True, slots=True)
class _Matching:
    """The clauses FROM and WHERE of a filter, their values, and the FTS5 expression of its text.

    `keys` are the expressions by which its list is ordered.
    """

    clauses: str
    values: list[str]
    text: str | None
    keys: tuple[str, ...]

    @classmethod
    def of(cls, wanted: DocumentFilter) -> _Matching | None:
        """Return the clauses of a filter, None if its text has no words to search for."""
        conditions, values = [_VISIBLE], list[str]()
        if wanted.status:
            conditions.append(f"{_STATUS} = ?")
            values.append(wanted.status)
        for limit, comparison in ((wanted.since, ">="), (wanted.until, "<")):
            if limit:
                conditions.append(f"d.claimed_at {comparison} ?")
                values.append(limit)
        source, number, expression = "documents d", "d.number", None
        if wanted.text.strip():
            expression = tokenizer.match_expression(wanted.text)
            if expression is None:
                return None
            source, number = "texts JOIN documents d ON d.number = texts.rowid", "texts.rowid"
            conditions.append("texts MATCH ?")
            values.append(expression)
        keys = tuple(filter(None, (_ORDERS[wanted.order][0], number)))
        return cls(f"FROM {source} WHERE {' AND '.join(conditions)}", values, expression, keys)


def sort_name(name: str) -> str:
    """Return a text that sorts as people expect of a path: by its last part, `scan2` first."""
    folder, _, title = name.rpartition("/")
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), f"{title}/{folder}".casefold())


def _entry(row: tuple[Any, ...]) -> SearchEntry:
    number, identity, name, size, sha256, state, status, answer, *others = row
    return SearchEntry(
        number, identity, os.fsdecode(name), size, sha256, state, status,
        None if answer is None else os.fsdecode(answer), *others,
    )  # fmt: skip
