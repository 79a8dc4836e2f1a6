"""The overhead of metrics and web page: `python -m bench.overhead [PAIRS] [--pages N]`.

    wall      seconds from the drop of a batch of pages until the last answer, one worker
    cpu       CPU seconds of the daemon and all its processes meanwhile
    overhead  CPU seconds outside the workers, as a share of all without metrics and page

Runs with and without them alternate in pairs, each with a new daemon. With them, the metrics are
scraped every five seconds and the list is requested every two, as by one open browser. Trust the
ratios, which are medians over the pairs: other load on the machine changes wall and cpu by some per
cent from run to run, and the overhead hardly at all.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from bench.path import DaemonProcess, clean_page, cpu_seconds
from bench.sandbox import print_ratio

SCRAPE_SECONDS, LIST_SECONDS = 5.0, 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Costs of a batch: wall seconds, CPU seconds, and CPU seconds outside the workers."""

    wall: float
    cpu: float
    outside_workers: float


def free_port() -> int:
    """Return a port that is not in use."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def polled(metrics: int, web: int) -> Iterator[None]:
    """Wait for both ports, then poll them as their users would until the block ends."""
    for port in (metrics, web):
        wait_for_port(port)
    stop = threading.Event()

    def poll(url: str, every: float) -> None:
        while not stop.wait(every):
            requests.get(url, timeout=10).raise_for_status()

    polls = ((f"http://127.0.0.1:{metrics}/metrics", SCRAPE_SECONDS),
             (f"http://127.0.0.1:{web}/documents", LIST_SECONDS))  # fmt: skip
    threads = [threading.Thread(target=poll, args=each) for each in polls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for_port(port: int) -> None:
    """Return when the port accepts connections."""
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"port {port} does not accept connections")


def cost_of(batch: list[Path], is_on: bool) -> Cost:
    """Return the cost of reading the batch with a new daemon."""
    with tempfile.TemporaryDirectory() as home:
        metrics, web = free_port(), free_port()
        options = {"metrics": {"enabled": True, "port": metrics},
                   "web": {"enabled": True, "port": web}} if is_on else {}  # fmt: skip
        daemon = DaemonProcess(Path(home), workers=1, watch={"quiet_seconds": 0.5}, **options)
        with polled(metrics, web) if is_on else nullcontext():
            spent = _read(daemon, Path(home), batch)
        daemon.end()
        return spent


def _read(daemon: DaemonProcess, home: Path, batch: list[Path]) -> Cost:
    cpu = cpu_seconds(daemon.process_tree)
    outside = _outside_workers(daemon.process_tree)
    began = time.monotonic()
    for page in batch:
        shutil.copyfile(page, home / "inbox" / page.name)
    for page in batch:
        daemon.answer(page.name)
    return Cost(
        time.monotonic() - began,
        cpu_seconds(daemon.process_tree) - cpu,
        _outside_workers(daemon.process_tree) - outside,
    )


def _outside_workers(process_tree: psutil.Process) -> float:
    """Return the CPU seconds of all processes but the workers."""
    children = process_tree.children()
    workers = [child for child in children if "worker_main" in " ".join(child.cmdline())]
    return cpu_seconds(process_tree) - sum(cpu_seconds(worker) for worker in workers)


def main() -> None:
    """Print the ratios and the overhead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=int, nargs="?", default=7)
    parser.add_argument("--pages", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        batch = [Path(root, f"{number}.png") for number in range(arguments.pages)]
        for number, page in enumerate(batch):
            clean_page(number).save(str(page))
        found = []
        for number in range(arguments.pairs):
            turns = ((True, False), (False, True))[number % 2]
            spent = {is_on: cost_of(batch, is_on) for is_on in turns}
            found.append((spent[True], spent[False]))
        print_ratio("wall", [(on.wall, off.wall) for on, off in found])
        print_ratio("cpu", [(on.cpu, off.cpu) for on, off in found])
        shares = sorted((on.outside_workers - off.outside_workers) / off.cpu for on, off in found)
        middle = statistics.median(shares)
        print(f"overhead {middle:.2%} more (from {shares[0]:.2%} to {shares[-1]:.2%})")


if __name__ == "__main__":
    main()
