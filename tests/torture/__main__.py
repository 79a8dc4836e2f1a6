"""`python -m tests.torture`: runs all crash tests and prints their figures.

    python -m tests.torture --kills 1000 --fast-kills 1000 --seed 1

In this order: a kill at every failpoint (with real OCR); a power cut after every file operation of
three recorded runs; random kills with simulated and with real OCR. Exit code 1 if a check fails.
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
    """Run the requested tests and print their figures."""
    args = _arguments()
    root = Path(tempfile.mkdtemp(prefix="torture-", dir=args.root))
    print(f"seed {args.seed}, folders below {root}", flush=True)
    parts = [
        args.matrix == "none" or _matrix(root / "matrix", args.matrix),
        not args.cuts or _cuts(root / "cuts", args.cuts),
        *(
            not args.fast_kills
            or _series(root, "pretended", claim, args.fast_kills, args.fast_gap, args)
            for claim in args.claim
        ),
        *(
            not args.kills or _series(root, "real", claim, args.kills, args.gap, args)
            for claim in args.claim
        ),
    ]
    sys.exit(not all(parts))


def _matrix(root: Path, program: str) -> bool:
    """Run every cell; /dev/shm is the other filesystem for the archive."""
    failed = cells = 0
    for scenario in SCENARIOS:
        for act in ACTS:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as other_filesystem:
                for ending in Chain(
                    root / f"{scenario}-{act}", program, scenario, act, Path(other_filesystem)
                ).run():
                    cells += 1
                    failed += bool(ending.complaints)
                    print(scenario, *ending.lines(), sep=" | ", flush=True)
    print(f"matrix, {program} OCR: {cells} cells, {failed} failed", flush=True)
    return not failed


def _cuts(root: Path, every: int) -> bool:
    if STRACE is None:
        print("power cuts: skipped, strace is not installed")
        return False
    root.mkdir()
    found = []
    for name, record, landed in powercut.lives(root):
        for model in disk.MODELS:
            found.append(powercut.cut(record, landed, model, root / "restart", every))
            print(f"power cuts, {name} run of {len(record.ops)} operations, {found[-1]}")
            sys.stdout.flush()
    return not any(cuts.violations for cuts in found)


def _series(
    root: Path,
    program: str,
    claim: series.ClaimMode,
    kills: int,
    gap: float,
    args: argparse.Namespace,
) -> bool:
    workspace = root / f"{program}-{claim}"
    disturbed = series.run(
        workspace / "disturbed", program, kills, args.seed, gap, args.minutes * 60, claim=claim
    )
    print("\n".join(disturbed.lines()), flush=True)
    files = min(disturbed.counted.landed, args.undisturbed)
    undisturbed = series.run(workspace / "undisturbed", program, 0, args.seed, gap, 0, files, claim)
    print("\n".join(["undisturbed:", *undisturbed.lines()]), flush=True)
    print(
        f"throughput under kills: {disturbed.rate / undisturbed.rate:.2f} of undisturbed",
        flush=True,
    )
    return disturbed.holds and undisturbed.holds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument(
        "--matrix",
        choices=("real", "pretended", "none"),
        default="real",
        help="OCR of the crash matrix",
    )
    parser.add_argument(
        "--cuts", type=int, default=1, help="power cut after each n-th operation, 0 for none"
    )
    parser.add_argument("--kills", type=int, default=1000, help="random kills with real OCR")
    parser.add_argument(
        "--claim",
        nargs="+",
        choices=("rename", "ledger"),
        default=["rename", "ledger"],
        help="claim modes, each with its own series of kills",
    )
    parser.add_argument(
        "--fast-kills", type=int, default=1000, help="random kills with simulated OCR"
    )
    parser.add_argument("--seed", type=int, default=1, help="of kills and traffic")
    parser.add_argument("--gap", type=float, default=0.5, help="mean seconds between kills")
    parser.add_argument("--fast-gap", type=float, default=0.4, help="the same with simulated OCR")
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="longest duration of each series of kills"
    )
    parser.add_argument(
        "--undisturbed", type=int, default=500, help="files of the run without kills"
    )
    parser.add_argument("--root", type=Path, default=None, help="create the folders here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
