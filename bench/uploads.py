"""Uploads in a bounded loop on loopback: nothing lost, and what the web process takes meanwhile.

    python -m bench.uploads 1000

A real daemon with its real web process in a temporary folder; PDFs with a line of text each, so
that the reading costs little and the way in and out is what is measured. Prints uploads a second,
answers, what is lost, and the resident memory of the web process, before and at its most.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import requests

from tests.support.samples import pdf_of_text
from tests.support.web.site import Site, running

AT_ONCE = 100  # uploads that wait for their answers: the loop is bounded, as a careful caller's is
PATIENCE_SECONDS = 120.0


@contextmanager
def watched(process: psutil.Process) -> Iterator[list[int]]:
    """Take the resident bytes of a process every tenth of a second."""
    seen: list[int] = []
    over = Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(process.memory_info().rss)

    thread = Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def upload_all(site: Site, count: int) -> dict[str, str]:
    """Upload `count` files, no more than AT_ONCE unanswered; return their texts by location."""
    sent: dict[str, str] = {}
    unanswered: list[str] = []
    with requests.Session() as caller:
        for number in range(count):
            text = f"Upload number {number}"
            files = {"file": (f"{number}.pdf", pdf_of_text([[text]]), "application/pdf")}
            answer = caller.post(f"{site.base}/upload", files=files, timeout=30)
            answer.raise_for_status()
            location = answer.json()["documents"][0]["location"]
            sent[location] = text
            unanswered.append(location)
            while len(unanswered) >= AT_ONCE:
                unanswered = [each for each in unanswered if not _status(caller, site, each)]
    return sent


def _status(caller: requests.Session, site: Site, location: str) -> str | None:
    status = caller.get(site.base + location, timeout=30).json()["status"]
    return None if status in ("waiting", "reading") else str(status)


def answered(site: Site, sent: dict[str, str]) -> int:
    """Return how many uploads have their own text as the answer, after waiting for all."""
    right, ends = 0, time.monotonic() + PATIENCE_SECONDS
    with requests.Session() as caller:
        for location, text in sent.items():
            while _status(caller, site, location) is None and time.monotonic() < ends:
                time.sleep(0.05)
            found = caller.get(site.base + location, timeout=30).json()
            right += (found["status"], found["text"]) == ("done", text)
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=1000)
    count = parser.parse_args().count
    with (
        tempfile.TemporaryDirectory() as root,
        running(Path(root), requests_per_minute=0, config={"workers": 2}) as site,
    ):
        process = site.process()
        before = process.memory_info().rss
        began = time.monotonic()
        with watched(process) as seen:
            sent = upload_all(site, count)
            uploaded = time.monotonic() - began
            right = answered(site, sent)
            took = time.monotonic() - began
            found = requests.get(f"{site.base}/documents?query=number", timeout=30).json()["total"]
        proof = site.workspace.command("verify", "--deep")
        cpu = sum(process.cpu_times()[:2])
        print(f"uploaded    {count} in {uploaded:.1f} s, {count / uploaded:.1f} a second")
        print(f"answered    {right} rightly after {took:.1f} s, lost {count - right}")
        print(f"searchable  {found}")
        megabytes = [size / 1e6 for size in (before, max(seen), process.memory_info().rss)]
        first, most, last = (f"{size:.1f} MB" for size in megabytes)
        print(f"web process {first} at first, {most} at most, {last} at the end; {cpu:.1f} CPU s")
        print(proof.stdout.strip())
    sys.exit(0 if right == count == found and proof.returncode == 0 else 1)


if __name__ == "__main__":
    main()
