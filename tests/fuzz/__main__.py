"""`python -m tests.fuzz TARGET --minutes N`: fuzz one target, again and again after each finding.

What was learned stays in .fuzz/TARGET/corpus, what broke a promise in .fuzz/TARGET/found: move the
latter to tests/fuzz/corpus/TARGET when it is mended.
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
LARGEST = 40_000  # bytes of an input
SLOWEST = 25  # seconds for one input
MEGABYTES = 2000


def main() -> None:
    """Fuzz for the minutes that are asked for and say what it came to."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=15.0)
    asked = parser.parse_args()
    home = HOME / asked.target
    corpus, seeds, found = (home / name for name in ("corpus", "seeds", "found"))
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    plant(seeds)
    ends, executed = time.monotonic() + 60 * asked.minutes, 0
    while (left := ends - time.monotonic()) > 1:
        executed += run(asked.target, home, [corpus, seeds, CORPUS / asked.target], left)
    print(f"{asked.target}: {executed} inputs, {len(list(corpus.iterdir()))} in the corpus")
    for path in sorted(found.iterdir()):
        print(f"broke a promise: {path}")


def plant(seeds: Path) -> None:
    """Write the small ones of the tests' own files, good and broken."""
    page = samples.text_page(["fuzz"], width=160, height=60)
    for sample in (*samples.readable(page), *samples.broken()):
        if len(sample.data) <= LARGEST:
            (seeds / sample.name).write_bytes(sample.data)


def run(target: str, home: Path, corpora: list[Path], seconds: float) -> int:
    """Run one process, at most `seconds` long; return how many inputs it tried."""
    log = home / f"{time.time_ns()}.log"
    command = [
        sys.executable, "-m", "tests.fuzz.child", target, *map(str, corpora),
        f"-artifact_prefix={home / 'found'}/", f"-max_total_time={int(seconds)}",
        f"-max_len={LARGEST}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEGABYTES}",
        "-print_final_stats=1",
    ]  # fmt: skip
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    told = re.findall(rb"stat::number_of_executed_units:\s+(\d+)", log.read_bytes())
    return int(told[-1]) if told else 0


if __name__ == "__main__":
    main()
