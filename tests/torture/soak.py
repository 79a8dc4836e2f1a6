"""`python -m tests.torture.soak --hours 8`: hours of mixed traffic with occasional faults.

Two workers are never idle. From time to time a worker or the daemon is killed or stopped, or a
folder is moved away for some seconds. Memory, descriptors, threads, ledger and log are sampled; at
the end the dropped files are counted against the answers. Exit code 1 if something was lost,
answered twice or torn, or if something grew.

With `--state DIR` the folders are kept there, and a later run continues on them: its ledger, outbox
and archive are those of all runs before. DIR/memory.csv then has the memory of every process in all
runs, DIR/landed.jsonl what was dropped.
"""

from __future__ import annotations

import argparse
import json
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
from tests.torture import memory, oracle
from tests.torture.kills import Killer, KillLog
from tests.torture.life import PROGRAMS, Life, quick_workspace
from tests.torture.memory import MemoryLog
from tests.torture.oracle import Count, Landed, LandedEarlier
from tests.torture.series import REST_SECONDS, WORKERS, Feeder, is_done
from tests.torture.watcher import Watcher

SAMPLE_SECONDS = 5.0
AWAY_SECONDS = 4.0
MOVED = ("inbox", "outbox", "archive", "failed")
LOG_MEGABYTES = 1  # so that it is rotated within the run
LOG_FILES = 3
MAX_GROWTH = 1.15  # from the second quarter of the run to its last
MEGABYTE = 1e6
MEMORY, LANDED = "memory.csv", "landed.jsonl"


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """A sample; memory is in megabytes, that of the workers is of the larger one."""

    daemon: float
    worker: float
    descriptors: float
    threads: float
    log: float
    ledger_per_document: float


@dataclass(slots=True)
class UsageSeries:
    """The samples of a run."""

    samples: list[ResourceUsage] = field(default_factory=list)
    next_at: float = 0.0

    def sample(self, workspace: Workspace, life: Life) -> bool:
        """Take a sample if it is due and the daemon is ready; return whether it was."""
        if time.monotonic() < self.next_at or life.ready is None:
            return False
        self.next_at = time.monotonic() + SAMPLE_SECONDS
        with suppress(psutil.Error, OSError, ValueError):
            self.samples.append(_usage(workspace, life))
        return True

    def quarter(self, which: int, name: str) -> float:
        """Return the median of a figure over one quarter of the run, 0 to 3."""
        size = max(1, len(self.samples) // 4)
        part = self.samples[which * size : (which + 1) * size] or self.samples
        return statistics.median(getattr(sample, name) for sample in part)

    @property
    def is_flat(self) -> bool:
        """Whether nothing grew by more than `MAX_GROWTH` from the second quarter to the last."""
        return all(
            self.quarter(3, name) <= MAX_GROWTH * self.quarter(1, name)
            for name in ResourceUsage.__dataclass_fields__
            if name != "log"
        ) and self.quarter(3, "log") <= LOG_MEGABYTES * 1.05 * (LOG_FILES + 1)

    def lines(self) -> Iterator[str]:
        """Yield a table: the median of each quarter, and the peak."""
        yield f"{'':20} {'1st':>8} {'2nd':>8} {'3rd':>8} {'4th':>8} {'peak':>8}"
        for name in ResourceUsage.__dataclass_fields__:
            medians = [self.quarter(which, name) for which in range(4)]
            peak = max(getattr(sample, name) for sample in self.samples)
            yield f"{name:20} " + " ".join(f"{value:8.1f}" for value in (*medians, peak))


def _usage(workspace: Workspace, life: Life) -> ResourceUsage:
    workers = [worker.memory_info().rss for worker in life.workers()]
    ledger_file = sum(path.stat().st_size for path in workspace.state.glob("ledger.sqlite3"))
    documents = sum(1 for _ in workspace.outbox.rglob("*.json"))
    return ResourceUsage(
        daemon=life.process.memory_info().rss / MEGABYTE,
        worker=max(workers) / MEGABYTE,
        descriptors=life.process.num_fds(),
        threads=life.process.num_threads(),
        log=sum(path.stat().st_size for path in workspace.logs.iterdir()) / MEGABYTE,
        ledger_per_document=ledger_file / max(1, documents),
    )


class FolderMover:
    """Moves a folder away for some seconds from time to time."""

    def __init__(self, workspace: Workspace, seed: int, gap: float) -> None:
        self._workspace, self._gap = workspace, gap
        self._rng = random.Random(seed)
        self._next = time.monotonic() + gap
        self.moves = 0

    def move_if_due(self, life: Life) -> None:
        """Move a folder if it is due and the daemon is ready: a starting one would create it."""
        if time.monotonic() < self._next or life.ready is None:
            return
        folder = getattr(self._workspace, self._rng.choice(MOVED))
        away = folder.with_name(f"{folder.name}-away")
        folder.rename(away)
        time.sleep(AWAY_SECONDS)
        away.rename(folder)
        self.moves += 1
        self._next = time.monotonic() + self._rng.uniform(0, 2 * self._gap)


def main() -> None:
    """Run for the requested hours and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="of traffic")
    parser.add_argument("--seed", type=int, default=1, help="of traffic and faults")
    parser.add_argument("--gap", type=float, default=40.0, help="mean seconds between kills")
    parser.add_argument("--root", type=Path, default=None, help="create the folders here")
    parser.add_argument("--state", type=Path, default=None, help="continue in this folder")
    parser.add_argument("--program", choices=PROGRAMS, default="real", help="real or simulated OCR")
    args = parser.parse_args()
    root = args.state or Path(tempfile.mkdtemp(prefix="soak-", dir=args.root))
    figures = soak(root, args.hours * 3600, args.seed, args.gap, args.program)
    print("\n".join(figures.lines()))
    print("\n".join(memory.table(memory.read(root / MEMORY))))
    sys.exit(not (figures.holds and figures.usage.is_flat))


@dataclass(slots=True)
class Figures:
    """The figures of a soak test."""

    seconds: float
    counted: Count
    kill_log: KillLog
    moves: int
    is_finished: bool
    usage: UsageSeries

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, answered twice or torn, and the daemon did not exit itself."""
        return self.is_finished and self.counted.holds and not self.kill_log.unexpected_exits

    def lines(self) -> Iterator[str]:
        """Return the figures as lines of text."""
        kills, exits = self.kill_log.kills, self.kill_log.unexpected_exits
        yield f"{self.seconds / 3600:.2f} h, {kills.total()} kills {dict(kills)}"
        yield f"a folder was moved away {self.moves} times"
        yield str(self.counted)
        yield f"all answered: {self.is_finished}; unexpected exits of the daemon: {len(exits)}"
        yield from exits[:5]
        yield from self.usage.lines()
        yield f"flat: {self.usage.is_flat}"


def soak(root: Path, seconds: float, seed: int, gap: float, program: str = "real") -> Figures:
    """Run below `root` for `seconds`, then until everything is answered.

    A run on the folders of earlier ones drops other files, and counts those of all runs.
    """
    logging = {"file_megabytes": LOG_MEGABYTES, "files": LOG_FILES}
    root = root.resolve()
    workspace = quick_workspace(root, program, workers=WORKERS, logging=logging)
    memory_log = MemoryLog(root / MEMORY)
    earlier = _landed_earlier(root / LANDED)
    seed += 1000 * (memory_log.run - 1)
    feeder = Feeder(workspace, program, seed, first=len(earlier))
    watcher = Watcher(workspace.outbox)
    usage, mover = UsageSeries(), FolderMover(workspace, seed, gap)
    began = time.monotonic()

    def on_tick() -> None:
        mover.move_if_due(killer.life)
        feeder.top_up()
        if usage.sample(workspace, killer.life):
            starts, documents = len(killer.kill_log.starts), len(earlier) + len(feeder.landed)
            with suppress(psutil.Error):
                memory_log.append(
                    memory.rows(
                        killer.life, memory_log.run, began, starts, time.monotonic(), documents
                    )
                )

    killer = Killer(workspace, program, seed, gap, lambda: None)
    killer.on_tick = on_tick
    killer.run(10**9, time.monotonic() + seconds)
    feeder.limit = len(feeder.landed)
    finished = killer.run_undisturbed(lambda: is_done(workspace), REST_SECONDS)
    killer.end()
    watcher.stop()
    _note_landed(root / LANDED, feeder.landed)
    counted = oracle.count(workspace, [*earlier, *feeder.landed])
    counted.torn += watcher.torn
    counted.duplicated += watcher.replaced()
    return Figures(seconds, counted, killer.kill_log, mover.moves, finished, usage)


def _landed_earlier(path: Path) -> list[LandedEarlier]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [LandedEarlier(**json.loads(line)) for line in lines]


def _note_landed(path: Path, landed: list[Landed]) -> None:
    with path.open("a") as file:
        for each in landed:
            facts = {"name": each.name, "sha256": each.sha256, "text": each.text}
            file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
