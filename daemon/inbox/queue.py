"""The queue of ready files: which one is processed next.

Files whose answers clients wait for come first, the oldest of them before the others. Then comes
the folder of the highest priority; folders of the same priority take turns; within a folder, names
are in natural order, `scan2` before `scan10`. But every eighth file is the one that has been
waiting longest, in whatever folder. So if n files have been waiting equally long, each of
them is processed within 8 (n + 1) files, whatever else arrives.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from natsort import natsort_keygen, ns

from daemon.core.folder_rules import FolderRules, folder_of

OLDEST_EVERY = 8  # one in so many files is the oldest one
MAX_FOLDERS = 10_000  # whose last turn is remembered
RESORT_DIVISOR = 20  # a folder that grows by less than one in so many files is not sorted again

Key = tuple[Any, str]
"""The key that natsort makes of a name, and the name itself, so that no two keys are equal."""

_natural = natsort_keygen(alg=ns.IGNORECASE)


def natural(text: str) -> Key:
    """Return the key of the natural order: digits count as numbers, `a` as `A`."""
    return _natural(text), text


def natural_path(name: str) -> list[Key]:
    """Return the key of the natural order of paths, folder by folder."""
    return [natural(part) for part in name.split("/")]


@dataclass(slots=True)
class Turns:
    """Counts the files that left the queue, and notes the last turn of each folder."""

    count: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def note(self, folder: str) -> None:
        """Count a file of this folder; forget the folder whose turn is longest ago."""
        self.count += 1
        self.last.pop(folder, None)
        self.last[folder] = self.count
        if len(self.last) > MAX_FOLDERS:
            del self.last[next(iter(self.last))]


class Queue:
    """The ready files. Each scan makes a new queue; `turns` are passed on to the next one."""

    def __init__(
        self,
        ready: Mapping[str, float],
        priority: FolderRules[int],
        turns: Turns,
        before: Queue | None = None,
        awaited: Set[str] = frozenset(),
    ) -> None:
        """`ready` maps each name to the time since which the file is unchanged (monotonic seconds).

        `awaited` are the files whose answers clients wait for.
        `before`, the queue of the scan before, saves sorting; files may leave it meanwhile.
        """
        self._waiting = dict(ready)
        self._turns = turns
        self._folders = self._ordered(before)
        self._heap = self._ranked(priority)
        heapq.heapify(self._heap)
        everything = (name for entry in sorted(self._heap) for name in self._folders[entry[-1]])
        self._oldest = sorted(everything, key=self._waiting.__getitem__, reverse=True)
        self._awaited = [name for name in reversed(self._oldest) if name in awaited]

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_awaited(self) -> bool:
        """Whether a client waits for the answer to one of the files."""
        return self._next_awaited() is not None

    def pop(self) -> str | None:
        """Remove the next file from the queue and return it, None if the queue is empty."""
        name, oldest = self._next_awaited() or self._next_by_rule(), self._oldest_waiting()
        if name is None or oldest is None:
            return None
        if (
            self._turns.count % OLDEST_EVERY == OLDEST_EVERY - 1
            and self._waiting[oldest] < self._waiting[name]
        ):
            name = oldest
        del self._waiting[name]
        self._turns.note(folder_of(name))
        return name

    def upcoming(self, count: int) -> tuple[str, ...]:
        """Return the next `count` files in the order in which `pop` would return them now."""
        simulated = copy(self)
        simulated._waiting = dict(self._waiting)
        simulated._turns = Turns(self._turns.count, dict(self._turns.last))
        simulated._folders = {folder: list(names) for folder, names in self._folders.items()}
        simulated._heap = list(self._heap)
        simulated._oldest = list(self._oldest)
        return tuple(filter(None, (simulated.pop() for _ in range(min(count, len(self))))))

    def _ordered(self, before: Queue | None) -> dict[str, list[str]]:
        """Return the names by folder, in the order of its turns."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._waiting:
            names[folder_of(name)].append(name)
        known: Mapping[str, list[str]] = before._folders if before else {}
        return {
            folder: _in_order(found, list(known.get(folder, ()))) for folder, found in names.items()
        }

    def _ranked(self, priority: FolderRules[int]) -> list[tuple[int, int, int, str]]:
        """Return negative priority, last turn and rank of each folder."""
        since: dict[str, float] = {}
        for name, unchanged_since in self._waiting.items():
            folder = folder_of(name)
            since[folder] = min(unchanged_since, since.get(folder, unchanged_since))
        ranked = sorted(self._folders, key=lambda folder: (since[folder], natural_path(folder)))
        return [
            (-priority.of(f"{folder}/"), self._last_turn(folder), rank, folder)
            for rank, folder in enumerate(ranked)
        ]

    def _last_turn(self, folder: str) -> int:
        return self._turns.last.get(folder, 0)

    def _next_by_rule(self) -> str | None:
        """Return the first name of the folder whose turn it is."""
        while self._heap:
            rank, last, place, folder = self._heap[0]
            names = self._folders[folder]
            while names and names[0] not in self._waiting:
                del names[0]  # it has left the queue as the oldest file
            if not names:
                heapq.heappop(self._heap)
            elif last != self._last_turn(folder):  # it has had a turn since
                heapq.heapreplace(self._heap, (rank, self._last_turn(folder), place, folder))
            else:
                return names[0]
        return None

    def _next_awaited(self) -> str | None:
        return next((name for name in self._awaited if name in self._waiting), None)

    def _oldest_waiting(self) -> str | None:
        while self._oldest and self._oldest[-1] not in self._waiting:
            self._oldest.pop()
        return self._oldest[-1] if self._oldest else None


def _in_order(names: Iterable[str], before: list[str]) -> list[str]:
    """Return names in natural order; keys are slow to make, so as few as possible are made."""
    new = {name: name for name in names}
    ordered = [new.pop(name) for name in before if name in new]
    if len(new) * RESORT_DIVISOR > len(ordered):
        return sorted([*ordered, *new], key=_base_key)
    for name in new:
        insort(ordered, name, key=_base_key)
    return ordered


def _base_key(name: str) -> Key:
    return natural(name.rpartition("/")[2])
