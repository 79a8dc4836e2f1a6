"""The real daemon over an inbox that floods, goes, comes anew, and has its names used again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page

FLOOD = 20_000
BEGINNING = b"\x89PNG\r\n\x1a\n"


def page(text: str) -> bytes:
    return png(text_page([text], height=90, width=800))


def said(workspace: Workspace, event: str) -> int:
    """Count an event in the log without parsing thousands of lines."""
    return (
        (workspace.logs / "ocr-daemon.jsonl").read_bytes().count(b'"event": "%s"' % event.encode())
    )


def test_more_files_than_events_are_all_found_within_one_rescan(tmp_path: Path) -> None:
    """The kernel keeps 16 384 events for a reader that is stopped, and drops the rest.

    A beginning without an end is told at the second look: the first one starts its quiet time.
    """
    rescan = 120.0
    workspace = Workspace(tmp_path, watch={"rescan_seconds": rescan, "incomplete_seconds": 3600.0})
    with workspace.running() as daemon:
        daemon.signal(signal.SIGSTOP)
        for number in range(FLOOD):
            (workspace.inbox / f"{number}.png").write_bytes(BEGINNING)  # is told, costs no reading
        daemon.signal(signal.SIGCONT)
        began = time.monotonic()

        until(
            lambda: said(workspace, "file.incomplete") >= FLOOD, 2 * rescan, what="every file found"
        )
        took = time.monotonic() - began
        workspace.drop("good.png", page("Above the flood"))
        answer = workspace.answer("good.png.json")

    assert took < rescan
    assert answer["text"] == "Above the flood"


def test_an_inbox_deleted_and_made_anew_is_watched_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("before.png", page("Before"))
        until(lambda: (workspace.archive / "before.png").exists(), what="archived")
        shutil.rmtree(workspace.inbox)
        until(lambda: said(workspace, "intake.paused"), what="it is told")
        workspace.inbox.mkdir()
        workspace.drop("after.png", page("After"))

        assert workspace.answer("after.png.json")["text"] == "After"


def test_another_folder_renamed_over_the_inbox_is_watched_with_what_it_holds(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "other/sub").mkdir(parents=True)
    (tmp_path / "other/sub/held.png").write_bytes(page("Held before"))
    with workspace.running():
        workspace.inbox.rename(tmp_path / "moved")
        (tmp_path / "other").rename(workspace.inbox)

        first = workspace.answer("sub/held.png.json")
        workspace.drop("later.png", page("Dropped later"))
        second = workspace.answer("later.png.json")

    assert (first["text"], second["text"]) == ("Held before", "Dropped later")


def test_names_used_again_are_answered_apart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        for number in range(1, 4):
            workspace.drop("scan0001.png", page(f"Sheet {number}"))
            until(lambda n=number: len(workspace.answers()) == n, what=f"answer {number}")

    texts = {place: answer["text"] for place, answer in workspace.answers().items()}
    assert texts == {
        "scan0001.png.json": "Sheet 1",
        "scan0001.png.2.json": "Sheet 2",
        "scan0001.png.3.json": "Sheet 3",
    }


def test_a_writer_that_touches_its_file_afterwards_gets_one_answer(tmp_path: Path) -> None:
    """Ten seconds after: the file is open still, and touched through its descriptor."""
    workspace = Workspace(tmp_path)
    with workspace.running():
        path = workspace.drop("scan.png", page("Touched"))
        with path.open("rb") as file:
            workspace.answer("scan.png.json")
            os.utime(file.fileno(), (1, 1))
            os.fchmod(file.fileno(), 0o640)
        workspace.drop("next.png", page("The next"))
        workspace.answer("next.png.json")

    assert set(workspace.answers()) == {"scan.png.json", "next.png.json"}


def test_a_name_and_its_hard_link_are_each_answered(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch/a.png").write_bytes(page("Twice"))
    os.link(tmp_path / "batch/a.png", tmp_path / "batch/b.png")
    with workspace.running():
        (tmp_path / "batch").rename(workspace.inbox / "batch")

        texts = [workspace.answer(f"batch/{name}.png.json")["text"] for name in "ab"]
        until(lambda: len(workspace.files_in(workspace.archive)) == 2, what="both archived")

    assert texts == ["Twice", "Twice"]


def test_a_time_touched_after_reading_in_place_gives_no_second_answer(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, claim="ledger", originals="leave")
    with workspace.running():
        path = workspace.drop("scan.png", page("Read in place"))
        workspace.answer("scan.png.json")
        os.utime(path)
        (workspace.inbox / "empty.png").touch()
        workspace.drop("next.png", page("The next"))
        workspace.answer("next.png.json")
        until(lambda: said(workspace, "file.incomplete"), what="a later look has ended")

    assert set(workspace.answers()) == {"scan.png.json", "next.png.json"}
