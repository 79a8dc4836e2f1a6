"""`python -m tests.fuzz TARGET --minutes N`: fuzzes one target, restarting after each finding.

The corpus is in .fuzz/TARGET/corpus, findings are in .fuzz/TARGET/found: move these to
tests/fuzz/corpus/TARGET when they are fixed. What only its worker's end can stop, in a decoder of
others, goes to tests/fuzz/findings/TARGET, and from there into a daemon
(tests/system/test_fuzz_findings.py).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz import CORPUS, TARGETS, jbig2
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
    parser.add_argument("--seeds", type=Path, default=None, help="a folder with more seeds")
    parser.add_argument("options", nargs="*", help="further options of libFuzzer, after --")
    args = parser.parse_args()
    home = HOME / args.target
    corpus, seeds, found = (home / name for name in ("corpus", "seeds", "found"))
    for folder in (corpus, seeds, found):
        folder.mkdir(parents=True, exist_ok=True)
    write_seeds(args.target, seeds)
    more = [args.seeds] if args.seeds else []
    deadline, executed = time.monotonic() + 60 * args.minutes, 0
    while (left := deadline - time.monotonic()) > 1:
        executed += run(
            args.target, home, [corpus, seeds, CORPUS / args.target, *more], left, args.options
        )
    print(f"{args.target}: {executed} inputs, {len(list(corpus.iterdir()))} in the corpus")
    for path in sorted(found.iterdir()):
        print(f"guarantee violated, or decoder crashed: {path}")


def write_seeds(target: str, seeds: Path) -> None:
    """Write the small sample files of the tests that concern the target, good and broken."""
    page = samples.text_page(["fuzz"], width=160, height=60)
    for sample in (*samples.readable(page), *samples.broken()):
        if target == "replies":  # all of its seeds are saved inputs
            continue
        if target == "heif" and not sample.name.endswith(".heic"):
            continue
        if target == "jbig2":
            for number, stream in enumerate(_jbig2_streams(sample)):
                (seeds / f"{sample.name}.{number}").write_bytes(stream)
        elif len(sample.data) <= MAX_BYTES:
            (seeds / sample.name).write_bytes(sample.data)
    if target == "jbig2":
        (seeds / "page").write_bytes(samples.jbig2(page))


def _jbig2_streams(sample: samples.Sample) -> list[bytes]:
    """Return the JBIG2 streams of a sample, none if it is no PDF that can be opened."""
    if b"JBIG2Decode" not in sample.data:
        return []
    try:
        return jbig2.streams_in(sample.data)
    except RuntimeError:
        return []


def run(target: str, home: Path, corpora: list[Path], seconds: float, options: list[str]) -> int:
    """Run one process for at most `seconds`; return the number of inputs that it tried."""
    log = home / f"{time.time_ns()}.log"
    command = [
        sys.executable, "-m", "tests.fuzz.child", target, *map(str, corpora),
        f"-artifact_prefix={home / 'found'}/", f"-max_total_time={int(seconds)}",
        f"-max_len={MAX_BYTES}", f"-timeout={TIMEOUT_SECONDS}", f"-rss_limit_mb={MEGABYTES}",
        # a decoder in C shows no coverage by which a seed could be told to be worth keeping
        "-print_final_stats=1", "-keep_seed=1", *options,
    ]  # fmt: skip
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    counts = re.findall(rb"stat::number_of_executed_units:\s+(\d+)", log.read_bytes())
    return int(counts[-1]) if counts else 0


if __name__ == "__main__":
    main()
