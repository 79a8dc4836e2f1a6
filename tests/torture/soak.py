"""`python -m tests.torture.soak --hours 8`: mixed traffic and now and then a fault, for hours.

Real reading by two workers, never idle. Now and then a worker or the daemon is killed or stopped,
or a folder is moved away for some seconds. Meanwhile memory, descriptors, threads, ledger and log
are looked at; afterwards everything landed is counted against the answers. Exit code 1 unless
nothing was lost, answered twice or torn, and nothing grew.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.running_daemon import Workspace
from tests.torture import oracle
from tests.torture.kills import Killer, Toll
from tests.torture.life import Life, quick_workspace
from tests.torture.oracle import Count
from tests.torture.series import REST_SECONDS, WORKERS, Tap, is_done
from tests.torture.watcher import Watcher

LOOK_SECONDS = 5.0
AWAY_SECONDS = 4.0
MOVED = ("inbox", "outbox", "archive", "failed")
LOG_MEGABYTES = 1  # so that it is rotated within the run
LOG_FILES = 3
MOST_GROWTH = 1.15  # from the second quarter of the run to its last
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at a moment; memory in megabytes, a worker's is that of the larger one."""

    daemon: float
    worker: float
    descriptors: float
    threads: float
    log: float
    ledger_per_document: float


@dataclass(slots=True)
class Sights:
    """What was seen over the run."""

    seen: list[Sight] = field(default_factory=list)
    next_at: float = 0.0

    def look(self, workspace: Workspace, life: Life) -> None:
        """Look when it is time, at a daemon that is ready."""
        if time.monotonic() < self.next_at or life.ready is None:
            return
        self.next_at = time.monotonic() + LOOK_SECONDS
        with suppress(psutil.Error, OSError, ValueError):
            self.seen.append(_sight(workspace, life))

    def quarter(self, which: int, name: str) -> float:
        """Return the median of a figure over one quarter of the run, 0 to 3."""
        size = max(1, len(self.seen) // 4)
        part = self.seen[which * size : (which + 1) * size] or self.seen
        return statistics.median(getattr(sight, name) for sight in part)

    @property
    def is_flat(self) -> bool:
        """Whether nothing grew by more than a seventh from the second quarter to the last."""
        return all(
            self.quarter(3, name) <= MOST_GROWTH * self.quarter(1, name)
            for name in Sight.__dataclass_fields__
            if name != "log"
        ) and self.quarter(3, "log") <= LOG_MEGABYTES * 1.05 * (LOG_FILES + 1)

    def lines(self) -> Iterator[str]:
        """Return a table: the median of each quarter, and the most."""
        yield f"{'':20} {'1st':>8} {'2nd':>8} {'3rd':>8} {'4th':>8} {'most':>8}"
        for name in Sight.__dataclass_fields__:
            medians = [self.quarter(which, name) for which in range(4)]
            most = max(getattr(sight, name) for sight in self.seen)
            yield f"{name:20} " + " ".join(f"{value:8.1f}" for value in (*medians, most))


def _sight(workspace: Workspace, life: Life) -> Sight:
    workers = [worker.memory_info().rss for worker in life.workers()]
    ledger_file = sum(path.stat().st_size for path in workspace.state.glob("ledger.sqlite3"))
    documents = sum(1 for _ in workspace.outbox.rglob("*.json"))
    return Sight(
        daemon=life.process.memory_info().rss / MEGABYTE,
        worker=max(workers) / MEGABYTE,
        descriptors=life.process.num_fds(),
        threads=life.process.num_threads(),
        log=sum(path.stat().st_size for path in workspace.logs.iterdir()) / MEGABYTE,
        ledger_per_document=ledger_file / max(1, documents),
    )


class Mover:
    """Moves a folder away now and then for some seconds, and back."""

    def __init__(self, workspace: Workspace, seed: int, gap: float) -> None:
        self._home, self._gap = workspace, gap
        self._chance = random.Random(seed)
        self._next = time.monotonic() + gap
        self.moves = 0

    def pass_by(self, life: Life) -> None:
        """Move when it is time; a daemon that starts without its folders would make them."""
        if time.monotonic() < self._next or life.ready is None:
            return
        folder = getattr(self._home, self._chance.choice(MOVED))
        away = folder.with_name(f"{folder.name}-away")
        folder.rename(away)
        time.sleep(AWAY_SECONDS)
        away.rename(folder)
        self.moves += 1
        self._next = time.monotonic() + self._chance.uniform(0, 2 * self._gap)


def main() -> None:
    """Run for the hours asked for and print the figures."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.soak", description=__doc__)
    asked.add_argument("--hours", type=float, default=1.0)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--gap", type=float, default=40.0, help="mean seconds between kills")
    asked.add_argument("--root", type=Path, default=None, help="where the folders are made")
    said = asked.parse_args()
    root = Path(tempfile.mkdtemp(prefix="soak-", dir=said.root))
    figures = soak(root, said.hours * 3600, said.seed, said.gap)
    print("\n".join(figures.lines()))
    sys.exit(not (figures.holds and figures.sights.is_flat))


@dataclass(slots=True)
class Figures:
    """What a soak came to."""

    seconds: float
    counted: Count
    toll: Toll
    moves: int
    is_finished: bool
    sights: Sights

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, answered twice or torn, and the daemon never fell by itself."""
        return self.is_finished and self.counted.holds and not self.toll.fell

    def lines(self) -> Iterator[str]:
        """Return the figures as lines of text."""
        kills = self.toll.kills
        yield f"{self.seconds / 3600:.2f} h, {kills.total()} kills {dict(kills)}"
        yield f"{self.moves} times a folder was away"
        yield str(self.counted)
        yield f"all answered: {self.is_finished}; daemon fell by itself: {len(self.toll.fell)}"
        yield from self.toll.fell[:5]
        yield from self.sights.lines()
        yield f"flat: {self.sights.is_flat}"


def soak(root: Path, seconds: float, seed: int, gap: float) -> Figures:
    """Run below `root` for `seconds`, then until all is answered."""
    logging = {"file_megabytes": LOG_MEGABYTES, "files": LOG_FILES}
    workspace = quick_workspace(root, "real", workers=WORKERS, logging=logging)
    tap, watcher = Tap(workspace, "real", seed), Watcher(workspace.outbox)
    sights, mover = Sights(), Mover(workspace, seed, gap)

    def tend() -> None:
        mover.pass_by(killer.life)
        tap.top_up()
        sights.look(workspace, killer.life)

    killer = Killer(workspace, "real", seed, gap, lambda: None)
    killer.tend = tend
    killer.strike(10**9, time.monotonic() + seconds)
    tap.limit = len(tap.landed)
    finished = killer.rest(lambda: is_done(workspace), REST_SECONDS)
    killer.end()
    watcher.stop()
    counted = oracle.count(workspace, tap.landed)
    counted.torn += watcher.torn
    counted.duplicated += watcher.replaced()
    return Figures(seconds, counted, killer.toll, mover.moves, finished, sights)


if __name__ == "__main__":
    main()
