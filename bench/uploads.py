"""Benchmark of uploads on loopback: rate, losses, and the memory of the web process.

    python -m bench.uploads 1000

A daemon and its web process run in a temporary folder; the files are PDFs with a line of text each,
so that OCR costs little and the upload and the answer are what is measured. Prints uploads per
second, answers, losses, and the resident memory of the web process before, at its peak and after.
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

AT_ONCE = 100  # unanswered uploads; the loop is bounded, as that of a careful client
ANSWER_SECONDS = 120.0


@contextmanager
def sampled_memory(process: psutil.Process) -> Iterator[list[int]]:
    """Sample the resident bytes of a process every tenth of a second."""
    samples: list[int] = []
    stop = Event()

    def sample() -> None:
        while not stop.wait(0.1):
            samples.append(process.memory_info().rss)

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def upload_all(site: Site, count: int) -> dict[str, str]:
    """Upload `count` files, at most AT_ONCE of them unanswered; return their texts by location."""
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
    """Wait for all answers; return how many have the text of their upload."""
    right, deadline = 0, time.monotonic() + ANSWER_SECONDS
    with requests.Session() as caller:
        for location, text in sent.items():
            while _status(caller, site, location) is None and time.monotonic() < deadline:
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
        with sampled_memory(process) as samples:
            sent = upload_all(site, count)
            uploaded = time.monotonic() - began
            right = answered(site, sent)
            took = time.monotonic() - began
            found = requests.get(f"{site.base}/documents?query=number", timeout=30).json()["total"]
        verified = site.workspace.command("verify", "--deep")
        cpu = sum(process.cpu_times()[:2])
        print(f"uploaded    {count} in {uploaded:.1f} s, {count / uploaded:.1f} per second")
        print(f"answered    {right} correctly after {took:.1f} s, lost {count - right}")
        print(f"searchable  {found}")
        megabytes = [size / 1e6 for size in (before, max(samples), process.memory_info().rss)]
        before_mb, peak_mb, after_mb = (f"{size:.1f} MB" for size in megabytes)
        print(f"web process {before_mb} before, {peak_mb} at the peak, {after_mb} after")
        print(f"CPU seconds {cpu:.1f}, web process")
        print(verified.stdout.strip())
    sys.exit(0 if right == count == found and verified.returncode == 0 else 1)


if __name__ == "__main__":
    main()
