"""`python -m tests.fuzz TARGET --minutes N`: fuzzes one target, restarting after each finding.

The corpus is in .fuzz/TARGET/corpus, findings are in .fuzz/TARGET/found: move these to
tests/fuzz/corpus/TARGET when they are fixed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz import CORPUS, TARGETS
from tests.support import samples

HOME = Path(".fuzz")
MAX_BYTES = 40_000  # of an input
TIMEOUT_SECONDS = 25  # for one input
MEGABYTES = 2000  # memory limit


def main() -> None:
    """Fuzz for the requested minutes and print the findings."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS, help="the module to fuzz")
    parser.add_argument("--minutes", type=float, default=15.0, help="total time")
    args = parser.parse_args()
    home = HOME / args.target
    corpus, seeds, found = (home / name for name in ("corpus", "seeds", "found"))
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    write_seeds(seeds)
    deadline, executed = time.monotonic() + 60 * args.minutes, 0
    while (left := deadline - time.monotonic()) > 1:
        executed += run(args.target, home, [corpus, seeds, CORPUS / args.target], left)
    print(f"{args.target}: {executed} inputs, {len(list(corpus.iterdir()))} in the corpus")
    for path in sorted(found.iterdir()):
        print(f"guarantee violated: {path}")


def write_seeds(seeds: Path) -> None:
    """Write the small sample files of the tests, good and broken, as seeds."""
    page = samples.text_page(["fuzz"], width=160, height=60)
    for sample in (*samples.readable(page), *samples.broken()):
        if len(sample.data) <= MAX_BYTES:
            (seeds / sample.name).write_bytes(sample.data)


def run(target: str, home: Path, corpora: list[Path], seconds: float) -> int:
    """Run one process for at most `seconds`; return the number of inputs that it tried."""
    log = home / f"{time.time_ns()}.log"
    command = [
        sys.executable, "-m", "tests.fuzz.child", target, *map(str, corpora),
        f"-artifact_prefix={home / 'found'}/", f"-max_total_time={int(seconds)}",
        f"-max_len={MAX_BYTES}", f"-timeout={TIMEOUT_SECONDS}", f"-rss_limit_mb={MEGABYTES}",
        "-print_final_stats=1",
    ]  # fmt: skip
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    counts = re.findall(rb"stat::number_of_executed_units:\s+(\d+)", log.read_bytes())
    return int(counts[-1]) if counts else 0


if __name__ == "__main__":
    main()
