"""Very many files at once: `python -m bench.flood [--files N] [--quiet SECONDS]`.

    first answer     seconds from the moment in which all files are there (a folder of them is
                     renamed into the inbox) until the first answer, less the quiet period
    cpu              CPU seconds of the supervising process until then
    calls            file system calls of the supervising process for each file, by strace: until
                     the first answer, and in the seconds of answering after it
    memory           MB of the supervising process: at most, and with all files waiting
    rate             answers per second while the files wait, divided by the rate of an inbox of
                     100 files; and the same of CPU seconds of the supervising process per answer

OCR is simulated (tests/torture/program.py), so that a page costs nothing and only the daemon is
measured. Calls are counted in a run of their own, since strace slows the daemon down. Other load on
the machine changes the seconds, and the calls and ratios hardly at all.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.running_daemon import Workspace, until
from tests.torture.life import Life, living
from tests.torture.pretended import content

CALLS = (
    "stat", "lstat", "fstat", "statx", "newfstatat", "access", "faccessat", "faccessat2", "openat",
    "getdents64",
)  # fmt: skip
SMALL = 100  # files of the inbox whose rate is the measure
WAIT_SECONDS = 1200.0
_MEGABYTE = 1024**2


@dataclass(frozen=True, slots=True)
class Answered:
    """What answering costs: answers per second, and CPU seconds per answer."""

    rate: float
    cpu: float


def flooded(workspace: Workspace, files: int) -> float:
    """Put `files` files into the inbox at once; return when (monotonic seconds)."""
    batch = workspace.root / "batch"
    batch.mkdir()
    for number in range(files):
        (batch / f"scan{number}.png").write_bytes(content(f"page of {number}"))
    batch.rename(workspace.inbox / "batch")
    return time.monotonic()


def answers(workspace: Workspace) -> int:
    """Return how many answers there are."""
    folder = workspace.outbox / "batch"
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def cpu_of(life: Life) -> float:
    """Return the CPU seconds of the supervising process alone."""
    times = life.process.cpu_times()
    return float(times.user + times.system)


def answered(life: Life, workspace: Workspace, seconds: float, most: int) -> Answered:
    """Measure for some seconds, or until `most` answers are there."""
    began, before, cpu = time.monotonic(), answers(workspace), cpu_of(life)
    while time.monotonic() - began < seconds and answers(workspace) < most:
        time.sleep(0.2)
    more = max(answers(workspace) - before, 1)
    return Answered(more / (time.monotonic() - began), (cpu_of(life) - cpu) / more)


@contextmanager
def traced(life: Life, found: dict[str, int]) -> Iterator[None]:
    """Count the calls of the supervising process during the block."""
    command = [
        "strace", "-c", "-f", "-e", f"trace={','.join(CALLS)}", "-p", str(life.process.pid)
    ]  # fmt: skip
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)  # until it is attached
    yield
    strace.send_signal(signal.SIGINT)
    _, report = strace.communicate()
    for line in report.splitlines():
        if match := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line):
            found[match[2]] = int(match[1])


def measure(root: Path, files: int, quiet: float, seconds: float) -> None:
    """Print seconds, memory and rates."""
    small = answering_of(root / "small", SMALL, quiet, seconds)
    workspace = workspace_of(root / "large", quiet)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        idle = psutil.Process(life.process.pid).memory_info().rss / _MEGABYTE
        at = flooded(workspace, files)
        cpu = cpu_of(life)
        until(lambda: answers(workspace), WAIT_SECONDS, what="the first answer")
        first = time.monotonic() - at
        print(f"first answer     {first - quiet:.1f} s after the quiet period of {quiet:g} s")
        print(f"cpu              {cpu_of(life) - cpu:.1f} s until then")
        large = answered(life, workspace, seconds, files)
        status = Path(f"/proc/{life.process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        rss = psutil.Process(life.process.pid).memory_info().rss / _MEGABYTE
        print(f"memory           {peak:.0f} MB at most, {rss:.0f} MB now, {idle:.0f} MB before")
    print(f"rate             {large.rate:.1f} answers/s, {large.rate / small.rate:.2f} of small")
    print(f"cpu per answer   {large.cpu * 1000:.1f} ms, {large.cpu / small.cpu:.2f} of small")


def answering_of(root: Path, files: int, quiet: float, seconds: float) -> Answered:
    """Return what answering costs with a small inbox."""
    workspace = workspace_of(root, quiet)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        flooded(workspace, files)
        until(lambda: answers(workspace), WAIT_SECONDS, what="the first answer")
        return answered(life, workspace, seconds, files)


def count_calls(root: Path, files: int, quiet: float, seconds: float) -> None:
    """Print the calls for each file."""
    workspace = workspace_of(root, quiet)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        calls: dict[str, int] = {}
        with traced(life, calls):
            flooded(workspace, files)
            until(lambda: answers(workspace), WAIT_SECONDS, what="the first answer")
        print(f"calls            until the first answer {_per(calls, files)}")
        before, calls = answers(workspace), {}
        with traced(life, calls):
            time.sleep(seconds)
        more = answers(workspace) - before
        print(f"                 in {seconds:g} s, with {more} answers: {_per(calls, files)}")


def _per(calls: dict[str, int], files: int) -> str:
    return ", ".join(f"{name} {count / files:.2f}" for name, count in sorted(calls.items()))


def workspace_of(root: Path, quiet: float) -> Workspace:
    """Return a workspace with the shipped times, two workers."""
    root.mkdir(parents=True)
    watch = {"quiet_seconds": quiet, "incomplete_seconds": 60.0, "rescan_seconds": 30.0}
    return Workspace(root, workers=2, watch=watch | {"poll_seconds": 2.0})


def main() -> None:
    """Measure, then count calls."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--quiet", type=float, default=5.0, help="watch.quiet_seconds")
    parser.add_argument("--seconds", type=float, default=30.0, help="of answering")
    parser.add_argument("--part", choices=("all", "time", "calls"), default="all")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flood-") as folder:
        if args.part != "calls":
            measure(Path(folder) / "time", args.files, args.quiet, args.seconds)
        if args.part != "time":
            count_calls(Path(folder) / "calls", args.files, args.quiet, args.seconds)


if __name__ == "__main__":
    main()
