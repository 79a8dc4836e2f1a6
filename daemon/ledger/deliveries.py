"""The notifications to hooks: the ledger's second table, with a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.ledger.connection import LedgerConnection
from daemon.ledger.notification import Notification

# the longest wait between two attempts; a notification due later than this is due now, since the
# clock was set back
MAX_WAIT_SECONDS = 6 * 3600.0
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_NOTIFICATIONS = (
    "SELECT claim, hook, event, name, answer, letter, attempts, why, state = 'dead' "
    "FROM deliveries WHERE "
)


@dataclass(frozen=True, slots=True)
class NotificationCounts:
    """Numbers of notifications to a hook by state; `oldest` is when the oldest waiting was made."""

    waiting: int = 0
    dead: int = 0
    delivered: int = 0
    oldest: str | None = None


class Deliveries(LedgerConnection):
    """Notifications, from the moment that an answer is durable until they are delivered or dead.

    Writes beside the ledger's owner, with synchronous=NORMAL: a power cut may lose a state change,
    and the notification is then sent again. A reader of an older file finds no notifications.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "reader" if read_only else "guest")

    def due(self, hook: str, now: float) -> Notification | None:
        """Return the notification that has been due longest at `now` (seconds since 1970)."""
        where = (
            "hook = ? AND state = 'waiting' AND (due_at <= ? OR due_at > ?) "
            "ORDER BY due_at, rowid LIMIT 1"
        )
        return next(self._notifications(where, hook, now, now + MAX_WAIT_SECONDS), None)

    def next_due(self, hook: str) -> float | None:
        """Return when the next notification is due (seconds since 1970), None if none waits."""
        rows = self._run(
            "SELECT min(due_at) FROM deliveries WHERE hook = ? AND state = 'waiting'", (hook,)
        )
        return None if rows[0][0] is None else float(rows[0][0])

    def mark_delivered(self, notification: Notification) -> None:
        """Record that a notification has reached its hook, and delete its text."""
        self._run(
            f"UPDATE deliveries SET state = 'delivered', letter = '', ended_at = {_NOW} "  # noqa: S608 -- constant text
            "WHERE claim = ? AND hook = ?",
            (notification.claim, notification.hook),
        )

    def postpone(self, notification: Notification, reason: str, due_at: float) -> None:
        """Record that an attempt failed, and when the next one is due (seconds since 1970).

        A notification that another thread has delivered meanwhile stays delivered: after a reload,
        the former thread may still be in a POST whose failure it reports later.
        """
        self._run(
            "UPDATE deliveries SET attempts = attempts + 1, why = ?, due_at = ? "
            "WHERE claim = ? AND hook = ? AND state = 'waiting'",
            (reason, due_at, notification.claim, notification.hook),
        )

    def shift(self, hook: str, seconds: float) -> None:
        """Move the times of a hook's retries, since the clock was set by so many seconds."""
        self._run(
            "UPDATE deliveries SET due_at = max(0, due_at + ?) "
            "WHERE hook = ? AND state = 'waiting' AND due_at > 0",
            (seconds, hook),
        )

    def mark_dead(self, notification: Notification, reason: str) -> None:
        """Record that the last attempt failed; only an operator can ask for another one.

        A notification that was delivered meanwhile stays delivered.
        """
        self._run(
            "UPDATE deliveries SET state = 'dead', attempts = attempts + 1, why = ?, "  # noqa: S608 -- constant text
            f"ended_at = {_NOW} WHERE claim = ? AND hook = ? AND state = 'waiting'",
            (reason, notification.claim, notification.hook),
        )

    def retry(self) -> int:
        """Make dead and postponed notifications due now; return how many."""
        rows = self._run(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = 0, ended_at = NULL "
            "WHERE state = 'dead' OR (state = 'waiting' AND due_at > 0) RETURNING claim"
        )
        return len(rows)

    def discard(self, known: Iterable[str]) -> int:
        """Delete dead notifications and those to hooks not among `known`; return how many."""
        removed = [hook for hook in self.counts_by_hook() if hook not in set(known)]
        marks = ", ".join("?" * len(removed))
        rows = self._run(
            "DELETE FROM deliveries WHERE state = 'dead' "  # noqa: S608 -- only question marks
            f"OR (state = 'waiting' AND hook IN ({marks})) RETURNING claim",
            removed,
        )
        return len(rows)

    def counts_by_hook(self) -> dict[str, NotificationCounts]:
        """Return hook name -> counts for every hook that occurs in the ledger."""
        if self.version < 2:
            return {}
        rows = self._run(
            "SELECT hook, count(*) FILTER (WHERE state = 'waiting'), "
            "count(*) FILTER (WHERE state = 'dead'), count(*) FILTER (WHERE state = 'delivered'), "
            "min(made_at) FILTER (WHERE state = 'waiting') FROM deliveries GROUP BY hook"
        )
        return {hook: NotificationCounts(*numbers) for hook, *numbers in rows}

    def undelivered_counts(self, hook: str) -> NotificationCounts:
        """Return the counts of waiting and dead notifications to a hook, 0 for delivered ones."""
        ((waiting, oldest, dead),) = self._run(
            "SELECT (SELECT count(*) FROM deliveries WHERE hook = ?1 AND state = 'waiting'), "
            "(SELECT min(made_at) FROM deliveries WHERE hook = ?1 AND state = 'waiting'), "
            "(SELECT count(*) FROM deliveries WHERE hook = ?1 AND state = 'dead')",
            (hook,),
        )
        return NotificationCounts(waiting, dead, 0, oldest)

    def undelivered(self) -> list[Notification]:
        """Return every waiting or dead notification, oldest first."""
        if self.version < 2:
            return []
        return list(self._notifications("state != 'delivered' ORDER BY rowid"))

    def _notifications(self, where: str, *values: str | float) -> Iterator[Notification]:
        for row in self._run(_NOTIFICATIONS + where, values):
            claim, hook, event, name, answer, text, attempts, reason, is_dead = row
            paths = os.fsdecode(name), os.fsdecode(answer)
            yield Notification(claim, hook, event, *paths, text, attempts, reason, bool(is_dead))
