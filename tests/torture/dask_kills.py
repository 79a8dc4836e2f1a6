"""Seeded kills of a daemon on a Dask cluster: of workers, of their processes, of the scheduler.

    python -m tests.torture.dask_kills --kills 300 --seed 1

The scheduler and the workers are real, what a worker reads is pretended (pretended.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.support.dask_cluster import Cluster
from tests.support.running_daemon import Workspace
from tests.torture import oracle
from tests.torture.kills import Killer, Kind
from tests.torture.life import quick_workspace
from tests.torture.matrix import open_rows
from tests.torture.series import REST_SECONDS, Feeder, Figures, VerifyLoop, attempts_of
from tests.torture.watcher import Watcher

WORKERS: Final = ("a", "b")
PROGRAM: Final = "pretended"
KINDS: Final[dict[Kind, int]] = {
    "kill worker": 30, "kill scheduler": 15, "kill daemon": 20, "kill process": 20,
    "terminate worker": 8, "terminate": 7,
}  # fmt: skip


class ClusterKiller(Killer):
    """Keeps a daemon and its cluster running, and kills their parts."""

    def __init__(
        self,
        workspace: Workspace,
        cluster: Cluster,
        seed: int,
        gap: float,
        on_tick: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        super().__init__(workspace, PROGRAM, seed, gap, on_tick)

    def _kinds(self, kills: int) -> Iterator[Kind]:
        """Return each kind once in the beginning, so that a short run has them all."""
        yield from list(KINDS)[:kills]
        for _ in range(kills - len(KINDS)):
            yield self._rng.choices(list(KINDS), list(KINDS.values()))[0]

    def _apply(self, kind: Kind) -> None:
        cluster = self._cluster
        name = self._rng.choice(sorted(cluster.workers))
        if kind == "kill process" and not cluster.pool(name):
            kind = "kill worker"
        match kind:
            case "kill worker" | "terminate worker":
                self.kill_log.kills[kind] += 1
                if kind == "kill worker":
                    cluster.kill(name)
                else:
                    process = cluster.workers.pop(name)
                    process.terminate()
                    if (code := process.wait(60)) not in (0, -15):  # -15: it was still starting
                        self.kill_log.unexpected_exits.append(f"worker {name}: {code}")
                cluster.start_worker(name, slots=1)
            case "kill process":
                self.kill_log.kills[kind] += 1
                self._signal(self._rng.choice(cluster.pool(name)), "kill worker")
            case "kill scheduler":
                self.kill_log.kills[kind] += 1
                cluster.kill_scheduler()
                cluster.start_scheduler()
            case _:
                super()._apply(kind)


def run(root: Path, kills: int, seed: int, gap: float, shared: str | bool = "auto") -> Figures:
    """Kill `kills` times under traffic, then let everything be answered."""
    root.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(root)
    try:
        for name in WORKERS:
            cluster.start_worker(name, slots=1)
        engine = {"kind": "dask", "scheduler": cluster.address, "shared_files": shared}
        workspace = quick_workspace(root / "daemon", PROGRAM, engine=engine)
        return _series(workspace, cluster, kills, seed, gap)
    finally:
        cluster.end()


def _series(workspace: Workspace, cluster: Cluster, kills: int, seed: int, gap: float) -> Figures:
    watcher, verify_loop = Watcher(workspace.outbox), VerifyLoop(workspace)
    feeder = Feeder(workspace, PROGRAM, seed)
    began = time.monotonic()
    killer = ClusterKiller(workspace, cluster, seed, gap, feeder.top_up)
    killer.run(kills, float("inf"))
    feeder.limit = len(feeder.landed)
    finished = killer.run_undisturbed(
        lambda: feeder.is_answered and not open_rows(workspace), REST_SECONDS
    )
    seconds = time.monotonic() - began
    killer.end()
    watcher.stop()
    verify_loop.stop()
    counted = oracle.count(workspace, feeder.landed)
    counted.torn += watcher.torn
    counted.duplicated += watcher.replaced()
    return Figures(
        PROGRAM, "rename", counted, killer.kill_log, seconds, finished,
        attempts=attempts_of(workspace), verify_errors=verify_loop.errors,
        verifications=verify_loop.count,
    )  # fmt: skip


def main() -> None:
    """Run the kills and print the figures; exit code 1 if anything was lost, doubled or torn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gap", type=float, default=1.0, help="mean seconds between two kills")
    parser.add_argument("--shared", choices=["auto", "true", "false"], default="auto")
    args = parser.parse_args()
    shared = args.shared if args.shared == "auto" else args.shared == "true"
    root = Path(tempfile.mkdtemp(prefix="dask-kills-"))
    print(f"seed {args.seed}, folders below {root}", flush=True)
    figures = run(root, args.kills, args.seed, args.gap, shared)
    print("\n".join(figures.lines()), flush=True)
    sys.exit(not figures.holds)


if __name__ == "__main__":
    main()
