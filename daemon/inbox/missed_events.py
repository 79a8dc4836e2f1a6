"""Counts the files that a periodic scan found although no filesystem event announced them.

The scan is authoritative, so a lost event costs nothing but time. The count shows whether the inbox
should be watched in another way (`watch.mode: scan`).
"""

from __future__ import annotations

from collections.abc import Iterable


class MissedEvents:
    """Counts files without an event, one scan later.

    A notification names no file, so any that comes after a file was first seen may be its event,
    late: the file does not count. What is counted was missed for certain; a busy inbox, in which
    events arrive all the time, may hide some.
    """

    def __init__(self) -> None:
        self.notifications = 0
        self._known: frozenset[str] = frozenset()
        self._suspects: frozenset[str] = frozenset()
        self._notifications_before = 0

    def notify(self) -> None:
        """Count an event; called from the thread of the observer."""
        self.notifications += 1

    def observe(self, names: Iterable[str], notifications: int | None) -> int:
        """Return how many of the files that the scan before found first had no event for certain.

        `notifications` is their number when this scan began, None if an event requested the scan
        or if no events are used.
        """
        listed = frozenset(names)
        had_no_event = self.notifications == self._notifications_before
        missed = len(self._suspects & listed) if had_no_event else 0
        self._suspects = frozenset() if notifications is None else listed - self._known
        self._notifications_before = notifications or 0
        self._known = listed
        return missed
