"""Odd, broken and hostile files from the field, each with a good one behind it."""

from __future__ import annotations

import contextlib
import csv
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.support.repository import SHARED
from tests.support.running_daemon import MODEL, RunningDaemon, Workspace, until
from tests.support.samples import png, text_page

COLLECTION = SHARED / "data/nasty"
if not COLLECTION.is_dir():
    pytest.skip(
        f"the collection {COLLECTION.name} is not here; tests/support/samples makes its own kinds",
        allow_module_level=True,
    )

pytestmark = pytest.mark.timeout(600)  # the first test waits for all of the reading

CLASSES = {
    "ok": {("done", None)},
    "ok_empty": {("done", None)},
    "corrupt": {("failed", "corrupt")},
    "encrypted": {("failed", "encrypted")},
    "unsupported": {("failed", "unsupported")},
    "too_large": {("failed", "too_large"), ("failed", "timeout"), ("partial", "timeout")},
}
# readers disagree, and these answers are sane as well
ALSO_SANE = {
    "pdfjs__bomb_giant.pdf": CLASSES["too_large"],
    # PDFium finds the only page, whose text is read, with a warning that others may be missing
    "pdfjs__poppler-67295-0.pdf": CLASSES["ok"],
    "pdfjs__poppler-91414-0-54.pdf": CLASSES["ok"],
    # a pattern of four pixels below the letters looks like a line of text
    "pillow__mmap_error.bmp": {("partial", "unread")},
}
# good scans, a minute of reading: with `make kills`, as all that is long
LONG = {"ocrmypdf__cardinal.pdf", "ocrmypdf__multipage.pdf"}
CALL_TIMEOUT_SECONDS = 60.0  # within which a good file is read while a nasty one is
MOST_OWN_MEGABYTES = 150
MOST_MEGABYTES = 1600  # resident, the shared pages of torch and the model among them


def manifest() -> list[dict[str, str]]:
    with (COLLECTION / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["file"] not in LONG or "EVERY_STEP" in os.environ]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of dropping each file with a good one behind it.

    `waits` are the seconds that each good file waited for its answer, by the nasty one before it;
    `starts` counts how often a daemon began; `megabytes` is the most that the daemon itself, and
    that a worker, held resident.
    """

    answers: dict[str, dict]
    waits: dict[str, float]
    starts: int
    lives: bool
    megabytes: tuple[float, float]


def good(number: int) -> bytes:
    return png(text_page([f"Good {number}"], height=90, width=500))


def peak(daemon: RunningDaemon, since: tuple[float, float]) -> tuple[float, float]:
    """Return what the daemon and its largest worker hold resident, in MB, or more since."""
    sizes = [0.0]
    for worker in daemon.workers():
        with contextlib.suppress(psutil.Error):  # it was renewed meanwhile
            sizes.append(worker.memory_info().rss / 1e6)
    own = psutil.Process(daemon.process.pid).memory_info().rss / 1e6
    return max(since[0], own), max(since[1], *sizes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One daemon of two workers reads all, each followed by a good file while it is read."""
    workspace = Workspace(tmp_path_factory.mktemp("nasty"), model=MODEL, workers=2)
    waits: dict[str, float] = {}
    with workspace.running() as daemon:
        megabytes = (0.0, 0.0)
        for number, row in enumerate(manifest()):
            workspace.drop(row["file"], (COLLECTION / row["file"]).read_bytes())
            workspace.drop(f"good-{number}.png", good(number))
            began = time.monotonic()
            place = workspace.outbox / f"good-{number}.png.json"
            while not place.exists() and time.monotonic() - began < CALL_TIMEOUT_SECONDS:
                megabytes = peak(daemon, megabytes)
                time.sleep(0.02)
            waits[row["file"]] = time.monotonic() - began
        expected = 2 * len(manifest())
        until(lambda: len(workspace.answers()) == expected, 200, what="every file answered")
        starts = [event["event"] for event in workspace.events()].count("daemon.ready")
        lives = daemon.process.poll() is None
        yield Run(workspace.answers(), waits, starts, lives, megabytes)


@pytest.fixture
def answers(run: Run) -> dict[str, dict]:
    return run.answers


def sane(expected: str) -> set[tuple[str, str | None]]:
    kinds = expected.replace("err_", "").split("_or_")
    if {"ok", "corrupt"} <= set(kinds):  # some pages one way, some the other
        return CLASSES["ok"] | CLASSES["corrupt"] | {("partial", "corrupt"), ("partial", "damaged")}
    return {answer for kind in kinds for answer in CLASSES[kind]}


@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["file"])
def test_each_gets_the_answer_that_the_manifest_asks_for(
    answers: dict[str, dict], row: dict[str, str]
) -> None:
    answer = answers[row["file"] + ".json"]

    said = (answer["status"], answer.get("error", {}).get("class"))
    fine = sane(row["expected_class"]) | ALSO_SANE.get(row["file"], set())
    assert said in fine, answer.get("error")
    if answer["status"] in ("done", "partial") and "-" not in row["pages"]:
        assert len(answer["pages"]) == int(row["pages"])


@pytest.mark.parametrize("number", range(len(manifest())), ids=[row["file"] for row in manifest()])
def test_the_good_file_behind_each_is_read_in_time(run: Run, number: int) -> None:
    answer = run.answers[f"good-{number}.png.json"]

    assert (answer["status"], answer["text"]) == ("done", f"Good {number}")
    assert run.waits[manifest()[number]["file"]] < CALL_TIMEOUT_SECONDS


def test_no_file_stops_the_daemon_or_swells_a_worker(run: Run) -> None:
    own, worker = run.megabytes
    print(f"the daemon held {own:.0f} MB, a worker {worker:.0f} MB")
    print(f"the longest wait of a good file: {max((w, n) for n, w in run.waits.items())}")

    assert (run.starts, run.lives) == (1, True)
    assert own < MOST_OWN_MEGABYTES
    assert worker < MOST_MEGABYTES
