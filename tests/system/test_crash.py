"""Kill it, fill it, start two of it: what landed is answered once all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil

from tests.support.running_daemon import RunningDaemon, Workspace, until
from tests.support.samples import pdf_of_images, png, text_page

PAGES = 6


def long_document(title: str, lines: int = 16) -> bytes:
    """A scan of two or three seconds of reading: six pages of sixteen lines, or of more."""
    height = 140 + 60 * lines
    pages = [
        text_page([f"{title} page {number} line {line}" for line in range(lines)], height=height)
        for number in range(1, PAGES + 1)
    ]
    return pdf_of_images(pages)


def balance(workspace: Workspace) -> str:
    said = workspace.command("verify")
    assert said.returncode == 0, said.stdout
    return said.stdout


def begin_reading(workspace: Workspace, daemon: RunningDaemon, document: bytes) -> psutil.Process:
    """Drop a long document and return its worker, which has begun to read it."""
    (worker,) = daemon.workers()
    loaded = worker.cpu_times().user
    workspace.drop("long.pdf", document)
    until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
    until(lambda: worker.cpu_times().user > loaded + 0.4, what="in mid-document")
    return worker


def pages_of(answer: dict) -> list[int]:
    return [page["number"] for page in answer["pages"]]


def test_a_worker_killed_in_mid_document_costs_an_attempt_and_no_page(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        worker = begin_reading(workspace, daemon, long_document("Killed"))
        worker.kill()

        answer = workspace.answer("long.pdf.json")

        assert (answer["status"], pages_of(answer)) == ("done", list(range(1, PAGES + 1)))
        assert answer["processing"]["attempt"] == 2


def test_an_idle_worker_killed_costs_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        for worker in daemon.workers():
            worker.kill()
            worker.wait()
        workspace.drop("after.png", png(text_page(["After the kill"])))

        answer = workspace.answer("after.png.json")

        assert (answer["status"], answer["processing"]["attempt"]) == ("done", 1)


def test_the_daemon_killed_in_mid_document_answers_after_the_restart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        worker = begin_reading(workspace, daemon, long_document("Restarted"))
        daemon.process.kill()
        daemon.wait()
        until(lambda: not worker.is_running(), 10, what="the worker dies with its daemon")
    assert workspace.answers() == {}
    assert "waiting 1" in balance(workspace)

    with workspace.running():
        answer = workspace.answer("long.pdf.json")
        until(lambda: (workspace.archive / "long.pdf").exists())

    assert (answer["status"], pages_of(answer)) == ("done", list(range(1, PAGES + 1)))
    assert answer["processing"]["attempt"] == 2
    assert "landed 1 = answered 1 + waiting 0" in balance(workspace)


def test_many_kills_at_random_moments_lose_nothing_and_answer_once(tmp_path: Path) -> None:
    """The short form of the torture: eight kills over the traffic of thirty files."""
    workspace = Workspace(tmp_path, tasks_per_worker=7)
    names = [f"{number}/scan.png" for number in range(30)]
    for number, name in enumerate(names):
        workspace.drop(name, png(text_page([f"Scan number {number}"])))
    for kills in range(1, 9):
        with workspace.running() as daemon:
            until(lambda k=kills: len(workspace.answers()) >= 3 * k, what="some answers")
            daemon.process.kill()
            daemon.wait()

    with workspace.running():
        until(lambda: len(workspace.files_in(workspace.archive)) == 30, what="all archived")

    texts = Counter(answer["text"] for answer in workspace.answers().values())
    assert texts == {f"Scan number {number}": 1 for number in range(30)}
    assert workspace.files_in(workspace.archive) == set(names)
    assert {Path(path).name for path in workspace.files_in(workspace.inbox)} == {"lock"}
    assert "landed 30 = answered 30 + waiting 0" in balance(workspace)


def test_sigterm_finishes_what_is_in_work_and_takes_nothing_new(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        workspace.drop("long.pdf", long_document("Drained"))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        daemon.signal(signal.SIGTERM)
        workspace.drop("late.png", png(text_page(["Too late"])))

        assert daemon.wait() == 0

    assert workspace.answer("long.pdf.json")["status"] == "done"
    assert workspace.files_in(workspace.outbox) == {"long.pdf.json"}
    assert (workspace.inbox / "late.png").exists()


def test_a_second_signal_leaves_the_claim_for_the_next_start_at_no_cost(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        workspace.drop("long.pdf", long_document("Interrupted"))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        daemon.signal(signal.SIGINT)
        until(lambda: "daemon.draining" in [event["event"] for event in workspace.events()])
        daemon.signal(signal.SIGINT)

        assert daemon.wait(15) == 0

    assert workspace.files_in(workspace.outbox) == set()
    with workspace.running():
        assert workspace.answer("long.pdf.json")["processing"]["attempt"] == 1


def test_the_grace_time_ends_a_stop_that_takes_too_long(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, grace_seconds=0.5)
    with workspace.running() as daemon:
        workspace.drop("long.pdf", long_document("Cut off"))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        daemon.signal(signal.SIGTERM)

        assert daemon.wait(15) == 0

    assert workspace.files_in(workspace.outbox) == set()
    assert "waiting 1" in balance(workspace)


def test_a_file_taken_away_while_it_is_read_frees_its_place(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, claim="ledger", originals="leave")
    with workspace.running():
        workspace.drop("gone.pdf", long_document("Taken away"))
        until(lambda: "in progress  1" in workspace.command("status").stdout, every=0.5)
        (workspace.inbox / "gone.pdf").unlink()
        until(lambda: "claim.changed" in [event["event"] for event in workspace.events()])
        workspace.drop("after.png", png(text_page(["After it"])))

        assert workspace.answer("after.png.json")["status"] == "done"


def test_a_page_that_takes_too_long_is_marked_and_its_slot_goes_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, limits={"page_seconds": 1.0}, retry={"attempts": 2})
    words = " ".join(["many words that take their time"] * 3)
    slow = text_page([f"{line} {words}" for line in range(70)], height=4400, width=2600)
    with workspace.running():
        workspace.drop("slow.png", png(slow))
        workspace.drop("slow.png.after.png", png(text_page(["Quick"], height=100, width=300)))

        answer = workspace.answer("slow.png.json")
        after = workspace.answer("slow.png.after.png.json")

    assert (answer["status"], answer["error"]["class"]) == ("failed", "timeout")
    assert after["status"] == "done"


def test_good_scans_are_answered_on_a_busy_box(tmp_path: Path) -> None:
    """A worker and eight other programs on one core: by the clock each page takes too long."""
    workspace = Workspace(tmp_path, limits={"page_seconds": 4.0}, retry={"attempts": 2})
    core = min(os.sched_getaffinity(0))
    other = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = []
    with workspace.running() as daemon:
        os.sched_setaffinity(daemon.workers()[0].pid, {core})
        try:
            others = [  # in sessions of their own: the kernel shares a core between sessions
                subprocess.Popen([sys.executable, "-c", other], start_new_session=True)
                for _ in range(8)
            ]
            for name in ("one", "two"):
                lines = [f"{line} of page {name}, with many words" for line in range(24)]
                workspace.drop(f"{name}.png", png(text_page(lines, height=1600)))
            answers = [workspace.answer(f"{name}.png.json", 200) for name in ("one", "two")]
        finally:
            for each in others:
                each.kill()
                each.wait()

    assert [answer["status"] for answer in answers] == ["done", "done"]
    assert [answer["processing"]["attempt"] for answer in answers] == [1, 1]
    assert all(sum(a["processing"]["stage_seconds"].values()) > 4.0 for a in answers)
    assert "worker.waiting" in [event["event"] for event in workspace.events()]


def test_a_small_file_does_not_wait_for_a_long_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, pages_per_task=1)
    with workspace.running():
        workspace.drop("long.pdf", long_document("Long"))
        until(lambda: list(workspace.inbox.rglob("work/*/*/long.pdf")), what="claimed")
        workspace.drop("small.png", png(text_page(["Small"])))

        workspace.answer("small.png.json")

        assert not (workspace.outbox / "long.pdf.json").exists()
        assert workspace.answer("long.pdf.json")["status"] == "done"


def test_two_daemons_on_one_inbox_share_the_work(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "second").mkdir()
    second = Workspace(tmp_path / "second", folders={"inbox": str(workspace.inbox),
                   "outbox": str(workspace.outbox), "archive": str(workspace.archive)})  # fmt: skip
    with workspace.running(), second.running():
        for number in range(20):
            workspace.drop(f"{number}.png", png(text_page([f"Shared scan {number}"])))
        until(lambda: len(workspace.files_in(workspace.archive)) == 20, what="all archived")

    texts = Counter(answer["text"] for answer in workspace.answers().values())
    assert texts == {f"Shared scan {number}": 1 for number in range(20)}


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        second = workspace.command("run")

    assert second.returncode == 78
    assert "another ocr-daemon uses it" in second.stderr


def test_a_read_only_inbox_is_read_once_and_left_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, claim="ledger", originals="leave")
    workspace.drop("scan.png", png(text_page(["Read in place"])))
    workspace.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
    workspace.inbox.chmod(0o500)
    for _ in range(2):
        with workspace.running():
            workspace.answer("scan.png.json")
            workspace.answer("broken.png.json")
            until(lambda: (workspace.failed / "broken.png.error.json").exists())

    assert workspace.files_in(workspace.outbox) == {"scan.png.json", "broken.png.json"}
    assert workspace.files_in(workspace.inbox) == {"scan.png", "broken.png"}
    workspace.inbox.chmod(0o700)
    workspace.drop("scan.png", png(text_page(["Another scan"])))
    with workspace.running():
        assert "Another" in workspace.answer("scan.png.2.json")["text"]
    assert "landed 3 = answered 3" in balance(workspace)
