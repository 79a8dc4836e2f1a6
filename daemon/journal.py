"""The ledger: what became of each file, and how often it was tried before.

SQLite in WAL mode with synchronous=FULL: what a method has returned from survives a power cut. One
row a claim. A row goes claimed -> answering -> answered -> closed; what is not closed is unfinished
business for the next start. Names are stored as bytes, since file names need not be Unicode.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.errors import Deferred, LedgerLost, Misconfigured
from daemon.ground import Ground
from daemon.records import Claim, Entry, Status

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE claims (
    id          TEXT PRIMARY KEY,             -- the token of the claim
    name        BLOB NOT NULL,                -- path relative to the inbox, in bytes
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    profile     TEXT NOT NULL,
    stamp       TEXT NOT NULL,                -- bytes:mtime:inode as it was read
    state       TEXT NOT NULL CHECK (state IN ('claimed', 'answering', 'answered', 'closed')),
    starts      INTEGER NOT NULL DEFAULT 0,   -- how often a daemon began to read it
    attempts    INTEGER NOT NULL DEFAULT 0,   -- starts and, within them, tries after a death
    status      TEXT CHECK (status IN ('done', 'partial', 'failed', 'duplicate')),
    answer      BLOB,                         -- path relative to the outbox
    claimed_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    answered_at TEXT
) STRICT;
CREATE INDEX claims_by_content ON claims (sha256, profile, status);
CREATE INDEX claims_open ON claims (state) WHERE state != 'closed';
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class _Damaged(sqlite3.DatabaseError):
    """The file opens, and holds nonsense."""


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Journal:
    """The ledger in one SQLite file; one writer, any number of readers."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        try:
            self._db = self._connect(read_only)
            self._prepare(read_only)
        except sqlite3.Error as error:
            kind = LedgerLost if _is_damage(error) else Misconfigured
            raise kind(
                "folders.state",
                path,
                f"the ledger cannot be used ({error}); check that the folder is writable; if the "
                "file is damaged, `ocr-daemon run` makes it anew from the sidecars, and so does "
                "`ocr-daemon verify --rebuild`",
            ) from error
        self._inode = path.stat().st_ino
        self._ground = Ground(path.parent)

    @property
    def is_sound(self) -> bool:
        """Whether the file that we write still has its name, and opens as a ledger does.

        A deleted one takes what is written with it; one that was overwritten is not noticed while
        all that is asked of it is in SQLite's cache.
        """
        try:
            self._ground.check()
        except OSError:
            return True  # the folder is away, and the intake says so
        try:
            if self._path.stat().st_ino != self._inode:
                return False
            # by SQLite: closing the file ourselves would drop the locks that it holds on it
            with contextlib.closing(self._connect(read_only=True)) as fresh:
                fresh.execute("SELECT value FROM facts LIMIT 1").fetchall()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        except sqlite3.Error as error:
            return not _is_damage(error)
        return True

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None,
            check_same_thread=False,  # the loop's steps run aside, one at a time
        )  # fmt: skip
        db.execute("PRAGMA busy_timeout = 10000")
        return db

    def _prepare(self, read_only: bool) -> None:
        if not read_only:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        ((health,), *_) = self._db.execute("PRAGMA quick_check(1)").fetchall()
        if health != "ok":
            raise _Damaged(health)
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0 and not read_only:
            self._db.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(
                f"schema version {version}, this daemon knows {SCHEMA_VERSION}"
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- one claim, in the order of its life ----------------------------------------------------

    def claimed(self, claim: Claim, profile: str) -> Entry:
        """Write the row of a claim; a claim that already has one keeps it."""
        self._run(
            "INSERT OR IGNORE INTO claims (id, name, bytes, sha256, profile, stamp, state) "
            "VALUES (?, ?, ?, ?, ?, ?, 'claimed')",
            (
                claim.id, os.fsencode(claim.name), claim.stamp.size, claim.sha256, profile,
                str(claim.stamp),
            ),
        )  # fmt: skip
        return next(self._entries("id = ?", claim.id))

    def start(self, claim: str) -> tuple[int, int]:
        """Count a start before it happens; return the numbers of starts and attempts, from 1."""
        (row,) = self._run(
            "UPDATE claims SET starts = starts + 1, attempts = attempts + 1 WHERE id = ? "
            "RETURNING starts, attempts",
            (claim,),
        )
        return int(row[0]), int(row[1])

    def attempt(self, claim: str) -> int:
        """Count another attempt before it happens and return its number."""
        ((number,),) = self._run(
            "UPDATE claims SET attempts = attempts + 1 WHERE id = ? RETURNING attempts", (claim,)
        )
        return int(number)

    def uncount(self, claim: str) -> None:
        """Take a start back that was broken off by hand."""
        self._run(
            "UPDATE claims SET starts = max(0, starts - 1), attempts = max(0, attempts - 1) "
            "WHERE id = ?",
            (claim,),
        )

    def answering(self, claim: str, status: Status, answer: str) -> None:
        """Note which answer is about to be published, so that a restart knows it for its own."""
        self._run(
            "UPDATE claims SET state = 'answering', status = ?, answer = ? WHERE id = ?",
            (status, os.fsencode(answer), claim),
        )

    def answered(self, claim: str) -> None:
        """Note that the answer is durable."""
        self._run(
            "UPDATE claims SET state = 'answered', "
            "answered_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?",
            (claim,),
        )

    def closed(self, claim: str) -> None:
        """Note that the original is where it belongs; nothing more will be done."""
        self._run("UPDATE claims SET state = 'closed' WHERE id = ?", (claim,))

    def touched(self, claim: Claim, profile: str) -> bool:
        """Tell whether the name was last answered for these very bytes, and note its new stamp.

        A new time on a file that is read in place is no new file.
        """
        return bool(
            self._run(
                "UPDATE claims SET stamp = ? WHERE sha256 = ? AND profile = ? "
                "AND status != 'failed' AND state IN ('answered', 'closed') "
                "AND rowid = (SELECT max(rowid) FROM claims WHERE name = ?) RETURNING id",
                (str(claim.stamp), claim.sha256, profile, os.fsencode(claim.name)),
            )
        )

    def forget(self, claim: str) -> None:
        """Drop the row of a claim that was given back unread."""
        self._run("DELETE FROM claims WHERE id = ?", (claim,))

    def restore(self, claim: Claim, profile: str, status: Status, answer: str, at: str) -> None:
        """Write the closed row of an answer that was found in the outbox; `at` is RFC 3339."""
        self._run(
            "INSERT OR IGNORE INTO claims (id, name, bytes, sha256, profile, stamp, state, starts, "
            "attempts, status, answer, claimed_at, answered_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 'closed', 1, 1, ?, ?, ?, ?)",
            (
                claim.id, os.fsencode(claim.name), claim.stamp.size, claim.sha256, profile,
                str(claim.stamp), status, os.fsencode(answer), at, at,
            ),
        )  # fmt: skip

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Make everything within durable together, or nothing of it."""
        self._run("BEGIN")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")

    # --- questions ------------------------------------------------------------------------------

    def entry(self, claim: str) -> Entry | None:
        """Return the row of a claim."""
        return next(self._entries("id = ?", claim), None)

    def unfinished(self) -> list[Entry]:
        """Return the rows that are not closed, oldest first."""
        return list(self._entries("state != 'closed' ORDER BY rowid"))

    def all(self) -> Iterator[Entry]:
        """Return every row, oldest first."""
        return self._entries("1 ORDER BY rowid")

    def answers_to(self, sha256: str, profile: str) -> list[Entry]:
        """Return the full answers that these bytes have had under this profile, newest first."""
        return list(
            self._entries(
                "sha256 = ? AND profile = ? AND status IN ('done', 'partial') "
                "AND state IN ('answered', 'closed') ORDER BY rowid DESC",
                sha256,
                profile,
            )
        )

    def let_go(self, sha256: str) -> list[str | None]:
        """Return when each claim on these bytes was answered, None for one that is not closed."""
        done = "CASE state WHEN 'closed' THEN answered_at END"
        return [at for (at,) in self._run(f"SELECT {done} FROM claims WHERE sha256 = ?", (sha256,))]  # noqa: S608 -- our own words

    def stamps(self) -> dict[str, str]:
        """Return name -> stamp of every file as it was last claimed (for claim: journal)."""
        rows = self._run("SELECT name, stamp FROM claims ORDER BY rowid")
        return {os.fsdecode(name): stamp for name, stamp in rows}

    def counts(self) -> Mapping[str, int]:
        """Return how many rows are done, partial, failed, duplicate, and (unanswered) in work."""
        rows = self._run(
            "SELECT CASE WHEN state IN ('answered', 'closed') THEN status ELSE 'in work' END, "
            "count(*) FROM claims GROUP BY 1"
        )
        return dict(rows)

    def fact(self, key: str, value: str) -> str:
        """Return the fact stored under `key`; the first caller's `value` becomes it."""
        self._run("INSERT OR IGNORE INTO facts VALUES (?, ?)", (key, value))
        ((stored,),) = self._run("SELECT value FROM facts WHERE key = ?", (key,))
        return str(stored)

    def _run(
        self, statement: str, values: Sequence[str | bytes | int | None] = ()
    ) -> list[tuple[Any, ...]]:
        """Return all rows: a statement with RETURNING commits only when they are fetched."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise LedgerLost("folders.state", self._path, f"is damaged ({error})") from error
            raise Deferred(f"the ledger {self._path} cannot be written: {error}") from error

    def _entries(self, where: str, *values: str) -> Iterator[Entry]:
        rows = self._run(
            "SELECT id, name, bytes, sha256, profile, stamp, state, starts, attempts, status, "  # noqa: S608 -- our own words
            f"answer, claimed_at FROM claims WHERE {where}",
            values,
        )
        for row in rows:
            entry = Entry(*row)
            answer = None if entry.answer is None else os.fsdecode(entry.answer)
            yield replace(entry, name=os.fsdecode(entry.name), answer=answer)
