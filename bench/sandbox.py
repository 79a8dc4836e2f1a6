"""The cost of the sandbox of workers: `python -m bench.sandbox [PAIRS]`.

    entering  milliseconds of `sandbox.enter` alone, in a new process
    start     wall seconds from starting a worker until its networks are loaded
    page      wall seconds of a clean A4 page of 45 lines, in a warm worker

Runs with and without it alternate in pairs; trust the ratios, which are medians over the pairs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.path import REPOSITORY, clean_page
from daemon.config.load import load
from daemon.core.records import Stamp
from daemon.core.tasks import ReadPages
from daemon.engine.protocol import WorkerSetup
from daemon.engine.slot import WARM_SECONDS
from daemon.engine.worker_process import WorkerProcess

ENTERING = """
import time
from daemon.engine import sandbox
began = time.perf_counter()
sandbox.enter([])
print(1e3 * (time.perf_counter() - began))
"""


def entering() -> float:
    """Return the milliseconds of entering the sandbox."""
    output = subprocess.run([sys.executable, "-c", ENTERING], capture_output=True, text=True)
    return float(output.stdout)


def started(setup: WorkerSetup) -> tuple[WorkerProcess, float]:
    """Return a warm worker and the seconds until it was warm."""
    began = time.perf_counter()
    process = WorkerProcess(setup)
    process.warm().result(WARM_SECONDS)
    return process, time.perf_counter() - began


def ended(process: WorkerProcess) -> None:
    """Kill a worker and wait for its end."""
    process.close()
    process.join(WARM_SECONDS)


def seconds_of(process: WorkerProcess, task: ReadPages) -> float:
    """Return the seconds of a task."""
    began = time.perf_counter()
    process.submit(task).result()
    return time.perf_counter() - began


def print_ratio(name: str, pairs: list[tuple[float, float]]) -> None:
    """Print the medians of the pairs and their ratio, with : without."""
    inside, outside = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = sorted(one / other for one, other in pairs)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    print(
        f"{name:8s} with {inside:7.3f} s  without {outside:7.3f} s  "
        f"ratio {statistics.median(ratios):.3f} (middle half {low:.3f} to {high:.3f})"
    )


def in_turns(count: int, measure: Callable[[bool], float]) -> list[tuple[float, float]]:
    """Return pairs of (with, without); every other pair begins without."""
    pairs = []
    for number in range(count):
        found = {each: measure(each) for each in ((True, False), (False, True))[number % 2]}
        pairs.append((found[True], found[False]))
    return pairs


def main(count: int) -> None:
    """Print the table."""
    recipe = load(REPOSITORY / "config.yaml").recipe
    with tempfile.TemporaryDirectory() as root:
        path = Path(root, "page.png")
        clean_page().save(str(path))
        task = ReadPages("bench", path, Stamp.of(path), 120.0, recipe, 1, 1)
        starts = {
            True: WorkerSetup((recipe,), 1, (Path(root),)),
            False: WorkerSetup((recipe,), 1, None),
        }

        def start(is_inside: bool) -> float:
            process, seconds = started(starts[is_inside])
            ended(process)
            return seconds

        print(f"entering {statistics.median(entering() for _ in range(count)):7.2f} ms")
        print_ratio("start", in_turns(count, start))
        warm = {each: started(starts[each])[0] for each in starts}
        for process in warm.values():
            seconds_of(process, task)
        print_ratio("page", in_turns(count, lambda is_inside: seconds_of(warm[is_inside], task)))
        for process in warm.values():
            ended(process)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
