"""A clock that is set while the daemon runs, by a library that every process preloads (clock.c).

The wall clock (CLOCK_REALTIME) is set, by hours and years, forward and back; the monotonic clock
goes on, as on a real machine. The times of files stay those of the real clock: to the daemon, files
lie in the future or in the past.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.running_daemon import Workspace, until
from tests.torture import oracle
from tests.torture.life import Life, living, quick_workspace
from tests.torture.matrix import (
    NOTIFICATIONS,
    notification_errors,
    open_rows,
    postponed_count,
    undelivered_count,
)
from tests.torture.oracle import Count, Landed
from tests.torture.series import waits
from tests.torture.traffic import drop, endless

COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_name("clock.c")
HOUR, DAY = 3600, 86_400
YEARS = 10 * 365 * DAY
JUMPS = (HOUR, YEARS, -HOUR, -YEARS)  # seconds from the true time; and 1970
QUIET_SECONDS = 2.0
MAX_LOAD = 0.35  # of a processor, by the supervising process while nothing is to be done
ANSWER_SECONDS = 180.0  # the wait before a retry may be a minute
# events that say that a task or a worker ended otherwise than by its answer
BAD_EVENTS = frozenset(
    {
        "worker.died", "document.retrying", "claim.changed", "claim.vanished", "claim.crashed",
        "io.stalled", "document.interrupted", "retention.removed", "hook.dead", "ledger.lost",
        "memory_guard.failed", "worker.waiting",
    }
)  # fmt: skip


class FakeClock:
    """The wall clock of the processes that run with `environment`; `folder` holds its files."""

    def __init__(self, folder: Path) -> None:
        assert COMPILER is not None, "a C compiler is needed"
        library = folder / "clock.so"
        subprocess.run(
            [COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True
        )
        self._file = folder / "clock-offset"
        self._file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}

    def set(self, offset: float) -> None:
        """Set the clock to the true time and `offset` seconds, at once for all processes."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", int(offset * 1e9)))


def to_1970() -> float:
    """Return the offset of a machine that starts without a clock."""
    return -time.time() + 60


@dataclass(slots=True)
class Figures:
    """What became of the files, and what else is wrong."""

    counted: Count
    jumps: int = 0
    seconds: float = 0.0
    load: float = 0.0  # the largest share of a processor in a quiet time
    errors: list[str] = field(default_factory=list)
    attempts: Counter[int] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        """Whether all files have their answer, and setting the clock changed nothing else."""
        return self.counted.holds and not self.errors

    def lines(self) -> Iterator[str]:
        """Yield the figures as lines of text."""
        yield f"clock: {self.jumps} jumps in {self.seconds:.0f} s, load at most {self.load:.2f}"
        yield f"  {self.counted}; answers by attempt {dict(self.attempts)}"
        yield from (f"  {error}" for error in self.errors[:20])


def workspace_for(root: Path) -> Workspace:
    """Return a workspace with everything that keeps times: a hook, retention, rotated logs.

    The receiver of the hook is away while there is no file `receiving`.
    """
    received = f"test -e {root}/receiving && exec tee -a {root / NOTIFICATIONS}"
    return quick_workspace(
        root, "pretended", workers=2, lease_seconds=4.0,
        hooks=[
            {
                "name": "tell", "command": ["sh", "-c", received], "attempts": 1000,
                "wait_seconds": 0.2, "on": ["done", "partial", "failed", "duplicate"],
            }
        ],
        retention={"archive_days": 30, "failed_days": 30},
        logging={"file_megabytes": 1, "files": 3},
    )  # fmt: skip


def run(root: Path, seed: int, jumps: list[float] | int, files: int = 6) -> Figures:
    """Set the clock again and again under traffic: to the given offsets, or `jumps` random ones."""
    workspace = workspace_for(root)
    clock, rng = FakeClock(root), random.Random(seed)
    offsets = jumps if isinstance(jumps, list) else [_offset(rng) for _ in range(jumps)]
    traffic = endless("pretended", seed)
    landed: list[Landed] = []
    figures = Figures(Count())
    began = time.monotonic()
    with living(workspace, "pretended", **clock.environment) as life:
        life.wait_ready()
        figures.errors += _without_library(life)
        for offset in offsets:
            (root / "receiving").unlink(missing_ok=True)
            landed += [drop(workspace, next(traffic)) for _ in range(files)]
            time.sleep(rng.uniform(0, 0.5))  # into the reading, or the waiting for stability
            if figures.jumps % 2:  # or into the wait before a retry
                until(lambda: postponed_count(workspace), ANSWER_SECONDS, what="an attempt failed")
            clock.set(offset)
            figures.jumps += 1
            landed += [drop(workspace, next(traffic)) for _ in range(files)]
            time.sleep(rng.uniform(0, 1.0))  # attempts fail before and after
            (root / "receiving").touch()
            if not _settles(workspace):
                figures.errors.append(f"clock set by {offset:+.0f} s: not all is answered")
            figures.errors += [f"clock set by {offset:+.0f} s: {e}" for e in _unwell(workspace)]
            if figures.jumps % 5 == 1:
                figures.load = max(figures.load, _load(life))
        figures.errors += [f"exit code {code}" for code in [life.terminate()] if code]
    figures.seconds = time.monotonic() - began
    figures.counted = oracle.count(workspace, landed)
    figures.errors += _other_errors(workspace, figures.load)
    answers = workspace.answers().values()
    figures.attempts = Counter(answer["processing"]["attempt"] for answer in answers)
    if set(figures.attempts) - {0, 1}:
        figures.errors.append(f"attempts were counted: {dict(figures.attempts)}")
    return figures


def run_two(root: Path, seed: int, rounds: int, files: int = 8) -> Figures:
    """Run two daemons on one inbox: the clock of one is set, the other is killed and restarted.

    The second one starts with another clock each time. Both publish outputs, whose journals and
    drafts a start removes when they are old.
    """
    rng, traffic, began = random.Random(seed), endless("pretended", seed), time.monotonic()
    config = {"outputs": ["text", "picture"], "lease_seconds": 4.0}
    first = quick_workspace(root / "first", "pretended", **config)
    folders = {name: str(getattr(first, name)) for name in ("inbox", "outbox", "archive", "failed")}
    second = quick_workspace(root / "second", "pretended", folders=folders, **config)
    clocks = FakeClock(first.root), FakeClock(second.root)
    figures, landed = Figures(Count()), []
    with living(first, "pretended", **clocks[0].environment) as life:
        life.wait_ready()
        for _ in range(rounds):
            clocks[1].set(_offset(rng))
            with living(second, "pretended", **clocks[1].environment) as other:
                for _ in range(2):
                    landed += [_with_outputs(first, next(traffic)) for _ in range(files)]
                    time.sleep(rng.uniform(0, 0.3))
                    clocks[0].set(_offset(rng))
                    figures.jumps += 1
                if rng.random() < 0.8:
                    other.wait_ready()
                    time.sleep(rng.uniform(0, 0.5))
        with living(second, "pretended", **clocks[1].environment) as other:
            other.wait_ready()
            until(lambda: not waits(first), ANSWER_SECONDS, what="all is answered")
            figures.errors += [f"exit code {code}" for code in [other.terminate()] if code]
        figures.errors += _unwell(first)
        figures.errors += [f"exit code {code}" for code in [life.terminate()] if code]
    figures.seconds = time.monotonic() - began
    figures.counted = oracle.count(first, landed)
    answers = first.answers().values()
    figures.attempts = Counter(answer["processing"]["attempt"] for answer in answers)
    return figures


def _with_outputs(workspace: Workspace, file: Landed) -> Landed:
    """Drop a file of which an answer with a text and a picture of each page is expected."""
    file = drop(workspace, file)
    pages = 0 if file.text is None else file.text.count("\n\n") + 1
    return replace(file, outputs=pages + 1)


def main() -> None:
    """Set the clock as often as requested and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.clock", description=__doc__)
    parser.add_argument("--jumps", type=int, default=100, help="of one daemon's clock")
    parser.add_argument("--rounds", type=int, default=30, help="starts of a second daemon")
    parser.add_argument("--seed", type=int, default=1, help="of traffic and jumps")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clock-") as folder:
        one = run(Path(folder) / "one", args.seed, args.jumps)
        print("\n".join(one.lines()), flush=True)
        two = run_two(Path(folder) / "two", args.seed, args.rounds)
        print("\n".join(two.lines()), flush=True)
    sys.exit(not (one.holds and two.holds))


def _offset(rng: random.Random) -> float:
    """Return an offset: one of the usual ones, a small one, or none."""
    return rng.choice([*JUMPS, to_1970(), 0.0, 0.0, rng.uniform(-300, 300)])


def _without_library(life: Life) -> list[str]:
    processes = [life.process, *life.process.children(recursive=True)]
    maps = {process: Path(f"/proc/{process.pid}/maps") for process in processes}
    return [
        f"process {process.pid} runs without the library"
        for process, path in maps.items()
        if "clock.so" not in path.read_text()
    ]


def _settles(workspace: Workspace) -> bool:
    def is_done() -> bool:
        return not (waits(workspace) or open_rows(workspace) or undelivered_count(workspace))

    try:
        until(is_done, ANSWER_SECONDS)
    except AssertionError:
        return False
    return True


def _unwell(workspace: Workspace) -> list[str]:
    """Return the faults that the heartbeat tells, also one that is old."""
    beat = json.loads((workspace.state / "heartbeat.json").read_text())
    age = time.monotonic() - beat["beat_at"]
    late = [f"the heartbeat is {age:.0f} s old"] if age > 15 else []
    return late + ([] if beat["status"] == "ok" else [f"{beat['status']}: {beat['faults']}"])


def _load(life: Life) -> float:
    """Return the share of a processor that the supervising process uses while nothing happens."""
    times = life.process.cpu_times()
    time.sleep(QUIET_SECONDS)
    now = life.process.cpu_times()
    return float(now.user + now.system - times.user - times.system) / QUIET_SECONDS


def _other_errors(workspace: Workspace, load: float) -> Iterator[str]:
    """Yield what the log, the notifications and the processor time say."""
    for path in workspace.logs.glob("ocr-daemon.jsonl*"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["event"] in BAD_EVENTS:
                yield f"{path.name}: {line[:300]}"
    yield from notification_errors(workspace)
    if load > MAX_LOAD:
        yield f"it uses {load:.2f} of a processor while nothing is to be done"


if __name__ == "__main__":
    main()
