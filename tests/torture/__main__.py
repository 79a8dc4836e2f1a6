"""`python -m tests.torture`: everything that can be done to the daemon, and the figures.

    python -m tests.torture --kills 1000 --fast-kills 1000 --seed 1

In this order: a kill at every named step (real daemon, real reading); every cut of the power of two
recorded lives; random kills with pretended and with real reading. Exit code 1 unless all holds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.torture import disk, powercut, series
from tests.torture.matrix import ACTS, SCENARIOS, Chain
from tests.torture.trace import STRACE


def main() -> None:
    """Run what is asked for and print its figures."""
    asked = _arguments()
    root = Path(tempfile.mkdtemp(prefix="torture-", dir=asked.root))
    print(f"seed {asked.seed}, folders below {root}", flush=True)
    parts = [
        asked.matrix == "none" or _matrix(root / "matrix", asked.matrix),
        not asked.cuts or _cuts(root / "cuts", asked.cuts),
        not asked.fast_kills or _series(root, "pretended", asked.fast_kills, asked.fast_gap, asked),
        not asked.kills or _series(root, "real", asked.kills, asked.gap, asked),
    ]
    sys.exit(not all(parts))


def _matrix(root: Path, program: str) -> bool:
    """Run every cell; another filesystem for the archive is /dev/shm."""
    wrong = cells = 0
    for scenario in SCENARIOS:
        for act in ACTS:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
                for ending in Chain(
                    root / f"{scenario}-{act}", program, scenario, act, Path(far)
                ).run():
                    cells += 1
                    wrong += bool(ending.complaints)
                    print(scenario, *ending.lines(), sep=" | ", flush=True)
    print(f"matrix, {program} reading: {cells} cells, {wrong} wrong", flush=True)
    return not wrong


def _cuts(root: Path, every: int) -> bool:
    if STRACE is None:
        print("power cuts: not run, strace is not installed")
        return False
    root.mkdir()
    found = []
    for name, record, landed in powercut.lives(root):
        for model in disk.MODELS:
            found.append(powercut.cut(record, landed, model, root / "restart", every))
            print(f"power cuts, {name} life of {len(record.ops)} operations, {found[-1]}")
            sys.stdout.flush()
    return not any(cuts.violations for cuts in found)


def _series(root: Path, program: str, kills: int, gap: float, asked: argparse.Namespace) -> bool:
    workspace = root / program
    struck = series.run(workspace / "struck", program, kills, asked.seed, gap, asked.minutes * 60)
    print("\n".join(struck.lines()), flush=True)
    files = min(struck.counted.landed, asked.undisturbed)
    calm = series.run(workspace / "calm", program, 0, asked.seed, gap, 0, files)
    print("\n".join(["undisturbed:", *calm.lines()]), flush=True)
    print(f"throughput under kills: {struck.rate / calm.rate:.2f} of undisturbed", flush=True)
    return struck.holds and calm.holds


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    asked.add_argument("--matrix", choices=("real", "pretended", "none"), default="real")
    asked.add_argument("--cuts", type=int, default=1, help="at each n-th operation, 0 for none")
    asked.add_argument("--kills", type=int, default=1000, help="with real reading")
    asked.add_argument("--fast-kills", type=int, default=1000, help="with pretended reading")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--gap", type=float, default=0.5, help="mean seconds between kills")
    asked.add_argument("--fast-gap", type=float, default=0.4)
    asked.add_argument("--minutes", type=float, default=90.0, help="of kills, for each series")
    asked.add_argument("--undisturbed", type=int, default=500, help="files of the calm run")
    asked.add_argument("--root", type=Path, default=None, help="where the folders are made")
    return asked.parse_args()


if __name__ == "__main__":
    main()
