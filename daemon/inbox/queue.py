"""Which of the files that may be taken is taken next.

The folder of the highest priority comes first; folders of one priority take turns; within a folder
names go in natural order, `scan2` before `scan10`. But every eighth file is the one that has been
waiting longest, wherever it lies: so with n files that have waited as long, each is taken within
8 (n + 1), whatever else arrives.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from natsort import natsort_keygen, ns

from daemon.core.folder_rules import FolderRules, folder_of

EVERY = 8  # of so many files taken one is the oldest
MOST_TURNS = 10_000  # folders of which it is remembered when they had their turn
FEW = 20  # a folder that grows by less than one in so many is not sorted anew

Key = tuple[Any, str]
"""What natsort makes of a name, and the name itself, so that no two are alike."""

_natural = natsort_keygen(alg=ns.IGNORECASE)


def natural(text: str) -> Key:
    """Return what sorts names as a person would: runs of digits by their number, `a` as `A`."""
    return _natural(text), text


def natural_path(name: str) -> list[Key]:
    """Return what sorts paths folder by folder, each as a person would."""
    return [natural(part) for part in name.split("/")]


@dataclass(slots=True)
class Turns:
    """How many files have been taken, and of each folder at which of them it had its turn."""

    taken: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def note(self, folder: str) -> None:
        """Count a file of this folder; the folders whose turn is longest ago are forgotten."""
        self.taken += 1
        self.last.pop(folder, None)
        self.last[folder] = self.taken
        if len(self.last) > MOST_TURNS:
            del self.last[next(iter(self.last))]


class Queue:
    """The files that wait. A look at the inbox makes a new one; `turns` go from one to the next."""

    def __init__(
        self,
        ready: Mapping[str, float],
        priority: FolderRules[int],
        turns: Turns,
        before: Queue | None = None,
    ) -> None:
        """`ready` has by name since when each file has been still, monotonic seconds.

        `before` may be taken from meanwhile: what it has in order need not be sorted anew.
        """
        self._waiting = dict(ready)
        self._turns = turns
        self._folders = self._ordered(before)
        self._heap = self._ranked(priority)
        heapq.heapify(self._heap)
        everything = (name for entry in sorted(self._heap) for name in self._folders[entry[-1]])
        self._oldest = sorted(everything, key=self._waiting.__getitem__, reverse=True)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> str | None:
        """Take the next file off the queue, None when there is none."""
        name, oldest = self._next_by_rule(), self._oldest_waiting()
        if name is None or oldest is None:
            return None
        if self._turns.taken % EVERY == EVERY - 1 and self._waiting[oldest] < self._waiting[name]:
            name = oldest
        del self._waiting[name]
        self._turns.note(folder_of(name))
        return name

    def _ordered(self, before: Queue | None) -> dict[str, list[str]]:
        """Return the names by folder, in the order in which its turns take them."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._waiting:
            names[folder_of(name)].append(name)
        known: Mapping[str, list[str]] = before._folders if before else {}
        return {
            folder: _in_order(found, list(known.get(folder, ()))) for folder, found in names.items()
        }

    def _ranked(self, priority: FolderRules[int]) -> list[tuple[int, int, int, str]]:
        """Return priority (the highest is the least), last turn and rank of each folder."""
        since: dict[str, float] = {}
        for name, still in self._waiting.items():
            folder = folder_of(name)
            since[folder] = min(still, since.get(folder, still))
        ranked = sorted(self._folders, key=lambda folder: (since[folder], natural_path(folder)))
        return [
            (-priority.of(f"{folder}/"), self._last(folder), rank, folder)
            for rank, folder in enumerate(ranked)
        ]

    def _last(self, folder: str) -> int:
        return self._turns.last.get(folder, 0)

    def _next_by_rule(self) -> str | None:
        """Return the first name of the folder whose turn it is."""
        while self._heap:
            rank, last, place, folder = self._heap[0]
            names = self._folders[folder]
            while names and names[0] not in self._waiting:
                del names[0]  # it was the oldest once
            if not names:
                heapq.heappop(self._heap)
            elif last != self._last(folder):  # it has had its turn since
                heapq.heapreplace(self._heap, (rank, self._last(folder), place, folder))
            else:
                return names[0]
        return None

    def _oldest_waiting(self) -> str | None:
        while self._oldest and self._oldest[-1] not in self._waiting:
            self._oldest.pop()
        return self._oldest[-1] if self._oldest else None


def _in_order(names: Iterable[str], before: list[str]) -> list[str]:
    """Return names in natural order; making the keys is what costs, so few are made."""
    now = {name: name for name in names}
    kept = [now.pop(name) for name in before if name in now]
    if len(now) * FEW > len(kept):
        return sorted([*kept, *now], key=_base)
    for name in now:
        insort(kept, name, key=_base)
    return kept


def _base(name: str) -> Key:
    return natural(name.rpartition("/")[2])
