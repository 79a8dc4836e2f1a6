"""`python -m tests.torture`: random kills with real and with pretended reading, and their figures.

    python -m tests.torture --kills 1000 --fast-kills 1000 --seed 1

Exit code 1 unless duplicated, torn and lost are 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.torture import series


def main() -> None:
    """Run the series that are asked for and print their figures."""
    asked = _arguments()
    root = Path(tempfile.mkdtemp(prefix="torture-", dir=asked.root))
    print(f"seed {asked.seed}, folders below {root}", flush=True)
    held = True
    for program, kills, gap in (
        ("pretended", asked.fast_kills, asked.fast_gap),
        ("real", asked.kills, asked.gap),
    ):
        if kills:
            held &= _series(root / program, program, kills, gap, asked)
    sys.exit(not held)


def _series(root: Path, program: str, kills: int, gap: float, asked: argparse.Namespace) -> bool:
    struck = series.run(root / "struck", program, kills, asked.seed, gap, asked.minutes * 60)
    print("\n".join(struck.lines()), flush=True)
    files = min(struck.counted.landed, asked.undisturbed)
    calm = series.run(root / "calm", program, 0, asked.seed, gap, 0, files)
    print("\n".join(["undisturbed:", *calm.lines()]), flush=True)
    rates = [run.counted.answered / run.seconds for run in (struck, calm)]
    print(f"throughput under kills: {rates[0] / rates[1]:.2f} of undisturbed", flush=True)
    return struck.holds and calm.holds


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    asked.add_argument("--kills", type=int, default=1000, help="with real reading")
    asked.add_argument("--fast-kills", type=int, default=1000, help="with pretended reading")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--gap", type=float, default=0.5, help="mean seconds between kills")
    asked.add_argument("--fast-gap", type=float, default=0.4)
    asked.add_argument("--minutes", type=float, default=60.0, help="of kills, for each series")
    asked.add_argument("--undisturbed", type=int, default=500, help="files of the calm run")
    asked.add_argument("--root", type=Path, default=None, help="where the folders are made")
    return asked.parse_args()


if __name__ == "__main__":
    main()
