"""The Dask engine beside the local pool, with a scheduler and workers on this machine.

    python -m bench.engines [--pages 16] [--rounds 3] [--tasks 200]

    pages     pages a second of two Dask workers against two of the local pool: clean A4 pages of 45
              lines at 300 dpi, rounds of both in turn; the ratio is the median of the rounds
    overhead  milliseconds of a task that takes no time, above those of the local pool, one after
              another: with the path of its file, and with 1 MB of bytes; medians

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.path import clean_page
from daemon.core.counters import Counters
from daemon.core.errors import DaemonError
from daemon.core.memory import MemoryLimits
from daemon.core.records import Stamp
from daemon.core.tasks import CountPages, ReadPages, Task
from daemon.engine import worker_process
from daemon.engine.create import create_engine
from daemon.engine.protocol import ClusterSetup, Engine, EngineSetup, WorkerSetup
from tests.support import dask_cluster
from tests.support.dask_cluster import PRETENDED, REAL, Cluster

WORKERS = 2
MEGABYTE = 1_000_000
WAIT_SECONDS = 60.0


class Bench:
    """An engine, and how long tasks take on it."""

    def __init__(self, engine: Engine, notified: threading.Event) -> None:
        self.engine = engine
        self._notified = notified

    def seconds(self, tasks: Sequence[Task]) -> float:
        """Do all tasks, as many at once as there are slots, and return the seconds of the clock."""
        waiting, done, began = list(tasks), 0, time.perf_counter()
        while done < len(tasks):
            while waiting and self.engine.free:
                self.engine.submit(waiting.pop(0))
            self._notified.wait(1.0)
            self._notified.clear()
            for outcome in self.engine.finished():
                if isinstance(outcome.result, DaemonError):
                    sys.exit(f"{outcome.task.path}: {outcome.result}")
                done += 1
        return time.perf_counter() - began


@contextmanager
def running(workers: int, cluster: ClusterSetup | None = None) -> Iterator[Bench]:
    """Run an engine with this number of slots until the block ends."""
    notified = threading.Event()
    worker = WorkerSetup((dask_cluster.recipe(),), 1)
    setup = EngineSetup(worker, workers, 0, MemoryLimits(2000, 1500), cluster)
    engine = create_engine(setup, notified.set, Counters())
    engine.start()
    engine.warm()
    ends = time.monotonic() + WAIT_SECONDS
    while engine.slots < workers and time.monotonic() < ends:
        time.sleep(0.05)
    try:
        yield Bench(engine, notified)
    finally:
        engine.close()


def pages(root: Path, cluster: Cluster, number: int, rounds: int) -> None:
    """Print pages a second of both engines, and their ratio."""
    recipe = dask_cluster.recipe()
    paths = [root / f"{each}.png" for each in range(number)]
    for each, path in enumerate(paths):
        clean_page(each).save(path)

    def tasks(turn: int) -> list[Task]:
        return [
            ReadPages(f"{turn}-{path.stem}", path, Stamp.of(path), 60.0, recipe, 1, 1)
            for path in paths
        ]

    for each in range(WORKERS):
        cluster.worker(f"reader-{each}", program=REAL)
    rates: dict[str, list[float]] = {"local": [], "dask": []}
    where = ClusterSetup(cluster.address)
    with running(WORKERS) as local, running(WORKERS, where) as dask:
        for bench in (local, dask):
            bench.seconds(tasks(0)[: 2 * WORKERS])
        for turn in range(1, rounds + 1):
            order = [("local", local), ("dask", dask)]
            for name, bench in order if turn % 2 else order[::-1]:
                rates[name].append(number / bench.seconds(tasks(turn)))
    ratios = [theirs / ours for theirs, ours in zip(rates["dask"], rates["local"], strict=True)]
    for name, found in rates.items():
        print(f"{name:<6}{statistics.median(found):>7.2f} pages/s  {_listed(found)}")
    print(f"ratio {statistics.median(ratios):>7.3f}          {_listed(ratios)}", flush=True)
    for each in range(WORKERS):
        cluster.kill(f"reader-{each}")


def overhead(root: Path, cluster: Cluster, number: int) -> None:
    """Print what a task costs above that of the local pool."""
    from tests.torture import pretended_worker

    worker_process.command = pretended_worker.worker_process.command  # from here on
    cluster.worker("pretended", program=PRETENDED)
    small, large = root / "small.txt", root / "large.txt"
    small.write_bytes(b"one line")
    large.write_bytes(b"x" * MEGABYTE)
    print(f"{'task':<12}{'local':>8}{'dask':>8}{'overhead':>10}  ms")
    for name, path, shared in (("path", small, True), ("1 MB", large, False)):
        where = ClusterSetup(cluster.address, shared)
        with running(1) as local, running(1, where) as dask:
            ours, theirs = (_milliseconds(each, path, number) for each in (local, dask))
        print(f"{name:<12}{ours:>8.2f}{theirs:>8.2f}{theirs - ours:>10.2f}", flush=True)


def _milliseconds(bench: Bench, path: Path, number: int) -> float:
    """Return the median of tasks one after another, each of another claim: nothing is there yet."""
    stamp, recipe = Stamp.of(path), dask_cluster.recipe()
    found = [
        bench.seconds([CountPages(f"{path.stem}-{each}", path, stamp, 60.0, recipe)])
        for each in range(number)
    ]
    return statistics.median(found[number // 10 :]) * 1000


def _listed(figures: Sequence[float]) -> str:
    return " ".join(f"{figure:.3f}" for figure in figures)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=16, help="pages of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=200, help="tasks whose overhead is measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cluster = Cluster(root)
        try:
            pages(root, cluster, arguments.pages, arguments.rounds)
            overhead(root, cluster, arguments.tasks)
        finally:
            cluster.end()


if __name__ == "__main__":
    main()
