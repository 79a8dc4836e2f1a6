"""Files that no event told of: they were there when a scan came by that nobody had asked for.

The listing is the truth, so nothing is lost by a lost event but time; how often that happens says
whether the inbox should be watched otherwise (`watch.mode: scan`).
"""

from __future__ import annotations

from collections.abc import Iterable


class MissedEvents:
    """Tells, a look later, how many files were found without a ring.

    A ring names no file, so any that comes after a file was first seen clears it of suspicion:
    its event may only have been late. What is counted was missed for certain; a busy inbox, where
    something always rings, may hide some.
    """

    def __init__(self) -> None:
        self.rings = 0
        self._known: frozenset[str] = frozenset()
        self._suspects: frozenset[str] = frozenset()
        self._rings_then = 0

    def notify(self) -> None:
        """Note an event; from the thread of the watch."""
        self.rings += 1

    def observe(self, names: Iterable[str], rings_before: int | None) -> int:
        """Return how many files that the look before found first were missed for certain.

        `rings_before` is how often it had rung when this look began, None where the look was rung
        for, or no events come.
        """
        listed = frozenset(names)
        is_silent = self.rings == self._rings_then
        missed = len(self._suspects & listed) if is_silent else 0
        self._suspects = frozenset() if rings_before is None else listed - self._known
        self._rings_then = rings_before or 0
        self._known = listed
        return missed
