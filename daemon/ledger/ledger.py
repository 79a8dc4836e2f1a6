"""The ledger: the state, attempts and answer of every claim.

SQLite in WAL mode with synchronous=FULL: once a method has returned, its change survives a power
cut. There is one row per claim. A row goes claimed -> answering -> answered -> closed; the next
start finishes the rows that are not closed. Names are stored as bytes, since file names need not be
Unicode.

connection: opens, checks and migrates the file; schema: its tables; deliveries: the notifications
to hooks; rereads: the requests to read again what was answered.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from daemon.core.records import Claim, DocumentState, LedgerEntry, Status
from daemon.ledger.connection import LedgerConnection
from daemon.ledger.notification import Notification


class Ledger(LedgerConnection):
    """The state of each claim; one process owns the file, any number read it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "reader" if read_only else "owner")

    # --- one claim, in the order of its states --------------------------------------------------

    def add_claim(self, claim: Claim, profile: str) -> LedgerEntry:
        """Add the row of a claim and return it; an existing row is kept."""
        self._run(
            "INSERT OR IGNORE INTO claims (id, name, bytes, sha256, profile, stamp, state) "
            "VALUES (?, ?, ?, ?, ?, ?, 'claimed')",
            (
                claim.id, os.fsencode(claim.name), claim.stamp.size, claim.sha256, profile,
                str(claim.stamp),
            ),
        )  # fmt: skip
        return next(self._entries("id = ?", claim.id))

    def count_start(self, claim: str) -> tuple[int, int]:
        """Count a start before it happens; return the numbers of starts and attempts, from 1."""
        (row,) = self._run(
            "UPDATE claims SET starts = starts + 1, attempts = attempts + 1 WHERE id = ? "
            "RETURNING starts, attempts",
            (claim,),
        )
        return int(row[0]), int(row[1])

    def count_attempt(self, claim: str) -> int:
        """Count a further attempt before it happens; return its number."""
        ((number,),) = self._run(
            "UPDATE claims SET attempts = attempts + 1 WHERE id = ? RETURNING attempts", (claim,)
        )
        return int(number)

    def uncount_start(self, claim: str) -> None:
        """Undo the counting of a start that an operator interrupted."""
        self._run(
            "UPDATE claims SET starts = max(0, starts - 1), attempts = max(0, attempts - 1) "
            "WHERE id = ?",
            (claim,),
        )

    def mark_answering(self, claim: str, status: Status, answer: str) -> None:
        """Record which answer is about to be published, so that a restart recognises it."""
        self._run(
            "UPDATE claims SET state = 'answering', status = ?, answer = ? WHERE id = ?",
            (status, os.fsencode(answer), claim),
        )

    def mark_answered(self, claim: str, notifications: Sequence[Notification] = ()) -> None:
        """Record that the answer is durable, and its notifications in the same transaction.

        A repetition after a crash adds no second notification to a hook.
        """
        if not notifications:
            self._set_answered(claim)
            return
        with self.transaction():
            self._set_answered(claim)
            self.add_notifications(notifications)

    def add_notifications(self, notifications: Iterable[Notification]) -> None:
        """Add notifications that are to be sent; those that exist already are skipped."""
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

    def _set_answered(self, claim: str) -> None:
        self._run(
            "UPDATE claims SET state = 'answered', "
            "answered_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?",
            (claim,),
        )

    def mark_closed(self, claim: str) -> None:
        """Record that the original is in its final place: the claim is finished."""
        self._run("UPDATE claims SET state = 'closed' WHERE id = ?", (claim,))

    def update_stamp(self, claim: Claim, profile: str) -> bool:
        """Store the new stamp if the latest answer under this name is for the same bytes.

        Returns whether it was. A file that is read in place and only has a new time is no new file.
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
        """Delete the row of a claim that was returned unread."""
        self._run("DELETE FROM claims WHERE id = ?", (claim,))

    # --- answers that are read again ------------------------------------------------------------

    def next_reread(self, excluded: Collection[str] = ()) -> tuple[LedgerEntry, str | None] | None:
        """Return the answer that is to be read again next.

        With it comes when the reading was finished that may have replaced it before a crash.
        Claims that are `excluded` are left out: they are being read.
        """
        limit = len(excluded) + 1
        rows = self._run(
            "SELECT r.claim, r.finished_at FROM rereads r JOIN claims c ON c.id = r.claim "
            "WHERE r.state = 'waiting' AND c.state = 'closed' ORDER BY r.rowid LIMIT ?",
            (limit,),
        )
        for token, finished_at in rows:
            if token not in excluded and (entry := self.entry(token)):
                return entry, finished_at
        return None

    def count_reread(self, claim: str) -> int:
        """Count a start of reading an answer again, before it happens; return its number."""
        ((number,),) = self._run(
            "UPDATE rereads SET starts = starts + 1 WHERE claim = ? RETURNING starts", (claim,)
        )
        return int(number)

    def uncount_reread(self, claim: str) -> None:
        """Undo the counting of a start that was interrupted on purpose."""
        self._run("UPDATE rereads SET starts = max(0, starts - 1) WHERE claim = ?", (claim,))

    def mark_replacing(self, claim: str, finished_at: str) -> None:
        """Record which reading is about to replace an answer, so that a restart recognises it."""
        self._run("UPDATE rereads SET finished_at = ? WHERE claim = ?", (finished_at, claim))

    def mark_replaced(
        self, claim: str, profile: str, status: Status, notifications: Sequence[Notification] = ()
    ) -> None:
        """Record that an answer was replaced by another reading of the same original.

        It keeps its row and the time of its first answer, by which its original is kept.
        """
        with self.transaction():
            self._run(
                "UPDATE claims SET profile = ?, status = ? WHERE id = ?", (profile, status, claim)
            )
            self._end_reread(claim, "replaced", None)
            self.add_notifications(notifications)

    def mark_kept(self, claim: str, reason: str) -> None:
        """Record why an answer was not replaced."""
        self._end_reread(claim, "kept", reason)

    def _end_reread(self, claim: str, state: str, reason: str | None) -> None:
        """End a request, also one that was withdrawn meanwhile."""
        self._run(
            "INSERT INTO rereads (claim, state, reason, ended_at) "
            "VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) ON CONFLICT (claim) "
            "DO UPDATE SET state = excluded.state, reason = excluded.reason, "
            "ended_at = excluded.ended_at",
            (claim, state, reason),
        )

    def replaced_since(self, at: str) -> list[tuple[str, str]]:
        """Return claim and time of the answers replaced at or after `at` (RFC 3339)."""
        if self.version < 3:
            return []
        rows = self._run(
            "SELECT claim, ended_at FROM rereads WHERE state = 'replaced' AND ended_at >= ? "
            "ORDER BY ended_at",
            (at,),
        )
        return [(str(claim), str(ended_at)) for claim, ended_at in rows]

    # --- a ledger that was lost -----------------------------------------------------------------

    def restore(self, claim: Claim, profile: str, status: Status, answer: str, at: str) -> None:
        """Add the closed row of an answer found in the outbox; `at` is RFC 3339."""
        self._run(
            "INSERT OR IGNORE INTO claims (id, name, bytes, sha256, profile, stamp, state, starts, "
            "attempts, status, answer, claimed_at, answered_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 'closed', 1, 1, ?, ?, ?, ?)",
            (
                claim.id, os.fsencode(claim.name), claim.stamp.size, claim.sha256, profile,
                str(claim.stamp), status, os.fsencode(answer), at, at,
            ),
        )  # fmt: skip

    # --- queries --------------------------------------------------------------------------------

    def entry(self, claim: str) -> LedgerEntry | None:
        """Return the row of a claim, None if there is none."""
        return next(self._entries("id = ?", claim), None)

    def unfinished(self) -> list[LedgerEntry]:
        """Return the rows that are not closed, oldest first."""
        return list(self._entries("state != 'closed' ORDER BY rowid"))

    def all(self) -> Iterator[LedgerEntry]:
        """Return every row, oldest first."""
        return self._entries("1 ORDER BY rowid")

    def latest(self, limit: int) -> list[tuple[LedgerEntry, str]]:
        """Return the last answers, newest first, each with its time (RFC 3339)."""
        rows = self._run(
            "SELECT id, answered_at FROM claims WHERE state IN ('answered', 'closed') "
            "AND answered_at IS NOT NULL ORDER BY answered_at DESC, rowid DESC LIMIT ?",
            (limit,),
        )
        return [(entry, at) for token, at in rows if (entry := self.entry(token))]

    def failures(self) -> list[LedgerEntry]:
        """Return the closed failed answers whose file has not been claimed again, oldest first."""
        return list(
            self._entries(
                "status = 'failed' AND state = 'closed' AND NOT EXISTS (SELECT 1 FROM claims "
                "AS later WHERE later.sha256 = claims.sha256 AND later.name = claims.name "
                "AND later.rowid > claims.rowid) ORDER BY rowid"
            )
        )

    def failed_in_place(self) -> list[LedgerEntry]:
        """Return the files whose last answer is a failure (for claim: ledger)."""
        return list(
            self._entries(
                "status = 'failed' AND state IN ('answered', 'closed') "
                "AND rowid IN (SELECT max(rowid) FROM claims GROUP BY name) ORDER BY rowid"
            )
        )

    def answers_to(self, sha256: str, profile: str) -> list[LedgerEntry]:
        """Return the done and partial answers to these bytes under this profile, newest first."""
        return list(
            self._entries(
                "sha256 = ? AND profile = ? AND status IN ('done', 'partial') "
                "AND state IN ('answered', 'closed') ORDER BY rowid DESC",
                sha256,
                profile,
            )
        )

    def answer_times(self, sha256: str) -> list[str | None]:
        """Return when each claim on these bytes was answered; None for one that is not closed."""
        done = "CASE state WHEN 'closed' THEN answered_at END"
        return [at for (at,) in self._run(f"SELECT {done} FROM claims WHERE sha256 = ?", (sha256,))]  # noqa: S608 -- constant text

    def stamps(self) -> dict[str, str]:
        """Return name -> stamp at the latest claim of every file (for claim: ledger)."""
        rows = self._run("SELECT name, stamp FROM claims ORDER BY rowid")
        return {os.fsdecode(name): stamp for name, stamp in rows}

    def tokens_after(self, row: int, limit: int) -> list[tuple[int, str]]:
        """Return row number and token of up to `limit` rows after row `row`, oldest first.

        SQLite may reuse the number of a deleted row for the next one.
        """
        query = "SELECT rowid, id FROM claims WHERE rowid > ? ORDER BY rowid LIMIT ?"
        return [(int(number), str(token)) for number, token in self._run(query, (row, limit))]

    def data_version(self) -> int:
        """Return a number that changes whenever another connection has written to the file."""
        ((number,),) = self._run("PRAGMA data_version")
        return int(number)

    def counts(self) -> Mapping[str, int]:
        """Return the numbers of rows that are done, partial, failed, duplicate, in_progress.

        A failed try is not counted once the same file has been claimed again.
        """
        counts = dict(
            self._run(
                "SELECT CASE WHEN state IN ('answered', 'closed') THEN status "
                "ELSE 'in_progress' END, count(*) FROM claims GROUP BY 1"
            )
        )
        ((retried,),) = self._run(
            "SELECT count(*) FROM claims AS failed WHERE status = 'failed' "
            "AND state IN ('answered', 'closed') AND EXISTS (SELECT 1 FROM claims AS later "
            "WHERE later.sha256 = failed.sha256 AND later.name = failed.name "
            "AND later.rowid > failed.rowid)"
        )
        if retried:
            counts["failed"] -= retried
        return counts

    def fact(self, key: str, value: str) -> str:
        """Return the value stored under `key`; the first caller's `value` is stored."""
        self._run("INSERT OR IGNORE INTO facts VALUES (?, ?)", (key, value))
        ((stored,),) = self._run("SELECT value FROM facts WHERE key = ?", (key,))
        return str(stored)

    def _entries(self, where: str, *values: str) -> Iterator[LedgerEntry]:
        rows = self._run(
            "SELECT id, name, bytes, sha256, profile, stamp, state, starts, attempts, status, "  # noqa: S608 -- constant text
            f"answer, claimed_at FROM claims WHERE {where}",
            values,
        )
        for row in rows:
            entry = LedgerEntry(*row)
            answer = None if entry.answer is None else os.fsdecode(entry.answer)
            state = DocumentState(entry.state)
            yield replace(entry, name=os.fsdecode(entry.name), answer=answer, state=state)
