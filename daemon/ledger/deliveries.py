"""What is still to be told, and to whom: the ledger's other table, with a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.ledger.connection import LedgerConnection
from daemon.ledger.notification import Notification

# a clock that was set back must not make a letter wait for ever: none rests longer than this
LONGEST_REST = 6 * 3600.0
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_LETTER = (
    "SELECT claim, hook, event, name, answer, letter, attempts, why, state = 'dead' "
    "FROM deliveries WHERE "
)


@dataclass(frozen=True, slots=True)
class NotificationCounts:
    """How many letters to a hook wait, are dead, are delivered; since when the oldest waits."""

    waiting: int = 0
    dead: int = 0
    delivered: int = 0
    oldest: str | None = None


class Deliveries(LedgerConnection):
    """Letters from the moment that an answer is durable until they are delivered, or dead.

    A guest of the ledger: what it writes may be lost in a power cut, and a letter is then delivered
    again. An older file has no letters, to a reader.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "reader" if read_only else "guest")

    def due(self, hook: str, now: float) -> Notification | None:
        """Return the letter that has been due longest at `now` (seconds since 1970)."""
        where = (
            "hook = ? AND state = 'waiting' AND (due_at <= ? OR due_at > ?) "
            "ORDER BY due_at, rowid LIMIT 1"
        )
        return next(self._letters(where, hook, now, now + LONGEST_REST), None)

    def next_due(self, hook: str) -> float | None:
        """Return when the next letter is due (seconds since 1970), None where none waits."""
        rows = self._run(
            "SELECT min(due_at) FROM deliveries WHERE hook = ? AND state = 'waiting'", (hook,)
        )
        return None if rows[0][0] is None else float(rows[0][0])

    def delivered(self, notification: Notification) -> None:
        """Note that a letter has reached its hook; what it said need not be kept."""
        self._run(
            f"UPDATE deliveries SET state = 'delivered', letter = '', ended_at = {_NOW} "  # noqa: S608 -- our own words
            "WHERE claim = ? AND hook = ?",
            (notification.claim, notification.hook),
        )

    def put_off(self, notification: Notification, why: str, due_at: float) -> None:
        """Note that an attempt failed, and when the next one is due (seconds since 1970).

        A letter that another thread has delivered meanwhile stays so: one that a reload left in a
        POST may hear of its failure later.
        """
        self._run(
            "UPDATE deliveries SET attempts = attempts + 1, why = ?, due_at = ? "
            "WHERE claim = ? AND hook = ? AND state = 'waiting'",
            (why, due_at, notification.claim, notification.hook),
        )

    def died(self, notification: Notification, why: str) -> None:
        """Note that the last attempt failed, and that nobody tries again unless told to.

        What is delivered meanwhile stays so.
        """
        self._run(
            "UPDATE deliveries SET state = 'dead', attempts = attempts + 1, why = ?, "  # noqa: S608 -- our own words
            f"ended_at = {_NOW} WHERE claim = ? AND hook = ? AND state = 'waiting'",
            (why, notification.claim, notification.hook),
        )

    def retry(self) -> int:
        """Let dead letters be tried again, and those that rest at once; return how many."""
        rows = self._run(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = 0, ended_at = NULL "
            "WHERE state = 'dead' OR (state = 'waiting' AND due_at > 0) RETURNING claim"
        )
        return len(rows)

    def drop(self, known: Iterable[str]) -> int:
        """Forget dead letters, and those to hooks that are not among `known`; return how many."""
        gone = [hook for hook in self.posts() if hook not in set(known)]
        marks = ", ".join("?" * len(gone))
        rows = self._run(
            "DELETE FROM deliveries WHERE state = 'dead' "  # noqa: S608 -- only question marks
            f"OR (state = 'waiting' AND hook IN ({marks})) RETURNING claim",
            gone,
        )
        return len(rows)

    def posts(self) -> dict[str, NotificationCounts]:
        """Return for each hook that the ledger knows how many letters it has had."""
        if self.version < 2:
            return {}
        rows = self._run(
            "SELECT hook, count(*) FILTER (WHERE state = 'waiting'), "
            "count(*) FILTER (WHERE state = 'dead'), count(*) FILTER (WHERE state = 'delivered'), "
            "min(made_at) FILTER (WHERE state = 'waiting') FROM deliveries GROUP BY hook"
        )
        return {hook: NotificationCounts(*figures) for hook, *figures in rows}

    def undelivered(self, hook: str) -> NotificationCounts:
        """Return what waits for a hook and what is dead, without counting what is delivered."""
        ((waiting, oldest, dead),) = self._run(
            "SELECT (SELECT count(*) FROM deliveries WHERE hook = ?1 AND state = 'waiting'), "
            "(SELECT min(made_at) FROM deliveries WHERE hook = ?1 AND state = 'waiting'), "
            "(SELECT count(*) FROM deliveries WHERE hook = ?1 AND state = 'dead')",
            (hook,),
        )
        return NotificationCounts(waiting, dead, 0, oldest)

    def open(self) -> list[Notification]:
        """Return every letter that is not delivered, oldest first."""
        if self.version < 2:
            return []
        return list(self._letters("state != 'delivered' ORDER BY rowid"))

    def _letters(self, where: str, *values: str | float) -> Iterator[Notification]:
        for row in self._run(_LETTER + where, values):
            claim, hook, event, name, answer, text, attempts, why, is_dead = row
            places = os.fsdecode(name), os.fsdecode(answer)
            yield Notification(claim, hook, event, *places, text, attempts, why, bool(is_dead))
