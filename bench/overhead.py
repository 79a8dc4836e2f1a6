"""What metrics and web page cost the reading: `python -m bench.overhead [PAIRS] [--pages N]`.

    wall  seconds from the drop of a pile of pages until the last answer, one worker
    cpu   processor seconds that the daemon and all its processes spend meanwhile
    aside those of them that are not spent on reading, as a share of all with metrics and page off

With and without take turns, a pair at a time, each a daemon of its own. With them on, the metrics
are scraped every five seconds, as by an impatient Prometheus, and the list is asked for every two,
as by one open browser. Trust the ratios, which are medians over the pairs; what the machine does
besides moves wall and cpu by some per cent from one run to the next, and `aside` hardly at all.
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

from bench.path import Running, clean_page, cpu_seconds
from bench.sandbox import told

SCRAPE_SECONDS, LIST_SECONDS = 5.0, 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a pile: wall seconds, processor seconds, and those not spent by the workers."""

    wall: float
    cpu: float
    aside: float


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def visited(metrics: int, web: int) -> Iterator[None]:
    """Ask both ports, once somebody listens there, as their users would until the block ends."""
    for port in (metrics, web):
        reachable(port)
    stop = threading.Event()

    def ask(url: str, every: float) -> None:
        while not stop.wait(every):
            requests.get(url, timeout=10).raise_for_status()

    asked = ((f"http://127.0.0.1:{metrics}/metrics", SCRAPE_SECONDS),
             (f"http://127.0.0.1:{web}/documents", LIST_SECONDS))  # fmt: skip
    threads = [threading.Thread(target=ask, args=each) for each in asked]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def reachable(port: int) -> None:
    """Return when somebody listens."""
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port}")


def cost(pile: list[Path], is_on: bool) -> Cost:
    """Let a fresh daemon read the pile."""
    with tempfile.TemporaryDirectory() as home:
        metrics, web = free_port(), free_port()
        around = {"metrics": {"enabled": True, "port": metrics},
                  "web": {"enabled": True, "port": web}} if is_on else {}  # fmt: skip
        daemon = Running(Path(home), workers=1, watch={"quiet_seconds": 0.5}, **around)
        with visited(metrics, web) if is_on else nullcontext():
            spent = _read(daemon, Path(home), pile)
        daemon.end()
        return spent


def _read(daemon: Running, home: Path, pile: list[Path]) -> Cost:
    before, aside, began = cpu_seconds(daemon.family), _aside(daemon.family), time.monotonic()
    for page in pile:
        shutil.copyfile(page, home / "inbox" / page.name)
    for page in pile:
        daemon.answer(page.name)
    return Cost(
        time.monotonic() - began,
        cpu_seconds(daemon.family) - before,
        _aside(daemon.family) - aside,
    )


def _aside(family: psutil.Process) -> float:
    """Return the processor seconds of all but the workers, which a fork server has begun."""
    servers = [child for child in family.children() if "forkserver" in " ".join(child.cmdline())]
    return cpu_seconds(family) - sum(cpu_seconds(server) for server in servers)


def main() -> None:
    """Print both ratios."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("pairs", type=int, nargs="?", default=7)
    asked.add_argument("--pages", type=int, default=20)
    arguments = asked.parse_args()
    with tempfile.TemporaryDirectory() as root:
        pile = [Path(root, f"{number}.png") for number in range(arguments.pages)]
        for number, page in enumerate(pile):
            clean_page(number).save(str(page))
        found = []
        for number in range(arguments.pairs):
            turns = ((True, False), (False, True))[number % 2]
            spent = {is_on: cost(pile, is_on) for is_on in turns}
            found.append((spent[True], spent[False]))
        told("wall", [(on.wall, off.wall) for on, off in found])
        told("cpu", [(on.cpu, off.cpu) for on, off in found])
        shares = sorted((on.aside - off.aside) / off.cpu for on, off in found)
        middle = statistics.median(shares)
        print(f"aside    {middle:.2%} more (from {shares[0]:.2%} to {shares[-1]:.2%})")


if __name__ == "__main__":
    main()
