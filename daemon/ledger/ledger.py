"""The ledger: what became of each file, and how often it was tried before.

SQLite in WAL mode with synchronous=FULL: what a method has returned from survives a power cut. One
row a claim. A row goes claimed -> answering -> answered -> closed; what is not closed is unfinished
business for the next start. Names are stored as bytes, since file names need not be Unicode.

file: how it is opened and brought up to date; schema: what it holds; deliveries: whom an answer is
still to be told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from daemon.core.records import Claim, DocumentState, LedgerEntry, Status
from daemon.ledger.connection import LedgerConnection
from daemon.ledger.notification import Notification


class Ledger(LedgerConnection):
    """What became of each claim; one owner, any number of readers."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "reader" if read_only else "owner")

    # --- one claim, in the order of its life ----------------------------------------------------

    def claimed(self, claim: Claim, profile: str) -> LedgerEntry:
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

    def answered(self, claim: str, notifications: Sequence[Notification] = ()) -> None:
        """Note that the answer is durable, and in the same breath whom it is to be told.

        Repeated after a crash, it tells nobody twice.
        """
        if not notifications:
            self._mark_answered(claim)
            return
        with self.at_once():
            self._mark_answered(claim)
            self.keep(notifications)

    def keep(self, notifications: Iterable[Notification]) -> None:
        """Write down letters that are to be delivered, but for those written down before."""
        for notification in notifications:
            self._run(
                "INSERT OR IGNORE INTO deliveries "
                "(claim, hook, event, name, answer, letter, state) "
                "VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                (
                    notification.claim, notification.hook, notification.event,
                    os.fsencode(notification.name), os.fsencode(notification.answer),
                    notification.text,
                ),
            )  # fmt: skip

    def _mark_answered(self, claim: str) -> None:
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

    # --- questions ------------------------------------------------------------------------------

    def entry(self, claim: str) -> LedgerEntry | None:
        """Return the row of a claim."""
        return next(self._entries("id = ?", claim), None)

    def unfinished(self) -> list[LedgerEntry]:
        """Return the rows that are not closed, oldest first."""
        return list(self._entries("state != 'closed' ORDER BY rowid"))

    def all(self) -> Iterator[LedgerEntry]:
        """Return every row, oldest first."""
        return self._entries("1 ORDER BY rowid")

    def answers_to(self, sha256: str, profile: str) -> list[LedgerEntry]:
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
        """Return name -> stamp of every file as it was last claimed (for claim: ledger)."""
        rows = self._run("SELECT name, stamp FROM claims ORDER BY rowid")
        return {os.fsdecode(name): stamp for name, stamp in rows}

    def tokens_after(self, number: int, most: int) -> list[tuple[int, str]]:
        """Return number and token of up to `most` rows after row `number`, oldest first.

        The number of a row that is forgotten may be given again, to the next one.
        """
        wanted = "SELECT rowid, id FROM claims WHERE rowid > ? ORDER BY rowid LIMIT ?"
        return [(int(row), str(token)) for row, token in self._run(wanted, (number, most))]

    def data_version(self) -> int:
        """Return a number that changes when another process has written."""
        ((number,),) = self._run("PRAGMA data_version")
        return int(number)

    def counts(self) -> Mapping[str, int]:
        """Return how many rows are done, partial, failed, duplicate, and in_progress."""
        rows = self._run(
            "SELECT CASE WHEN state IN ('answered', 'closed') THEN status ELSE 'in_progress' END, "
            "count(*) FROM claims GROUP BY 1"
        )
        return dict(rows)

    def fact(self, key: str, value: str) -> str:
        """Return the fact stored under `key`; the first caller's `value` becomes it."""
        self._run("INSERT OR IGNORE INTO facts VALUES (?, ?)", (key, value))
        ((stored,),) = self._run("SELECT value FROM facts WHERE key = ?", (key,))
        return str(stored)

    def _entries(self, where: str, *values: str) -> Iterator[LedgerEntry]:
        rows = self._run(
            "SELECT id, name, bytes, sha256, profile, stamp, state, starts, attempts, status, "  # noqa: S608 -- our own words
            f"answer, claimed_at FROM claims WHERE {where}",
            values,
        )
        for row in rows:
            entry = LedgerEntry(*row)
            answer = None if entry.answer is None else os.fsdecode(entry.answer)
            state = DocumentState(entry.state)
            yield replace(entry, name=os.fsdecode(entry.name), answer=answer, state=state)
