"""Folders that fill, go and come back: nothing is lost, all is answered when they are mended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.system.test_crash import balance


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_outbox_that_refuses_is_waited_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.outbox.chmod(0o500)
        workspace.drop("held.png", png(text_page(["Held up"])))
        until(lambda: "document.retrying" in [event["event"] for event in workspace.events()])
        workspace.outbox.chmod(0o700)

        assert workspace.answer("held.png.json")["processing"]["attempt"] == 1


def test_an_outbox_that_is_no_folder_any_more_is_waited_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.outbox.rename(tmp_path / "moved")
        workspace.outbox.write_text("in the way")
        workspace.drop("held.png", png(text_page(["Held up"])))
        until(lambda: "intake.paused" in [event["event"] for event in workspace.events()])
        health = workspace.command("health")
        workspace.outbox.unlink()
        (tmp_path / "moved").rename(workspace.outbox)

        answer = workspace.answer("held.png.json")

    assert answer["processing"]["attempt"] == 1
    assert health.stdout.startswith("degraded: ")


def test_an_inbox_that_goes_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.inbox.rename(tmp_path / "moved")
        until(lambda: "intake.paused" in [event["event"] for event in workspace.events()])
        (tmp_path / "moved").rename(workspace.inbox)
        workspace.drop("back.png", png(text_page(["Back again"])))

        assert workspace.answer("back.png.json")["status"] == "done"


def test_an_inbox_that_goes_while_files_wait_is_never_made_anew(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        for number in range(8):
            workspace.drop(f"{number}.png", png(text_page([f"Waiting {number}"])))
        until(lambda: workspace.answers(), what="the first answer")
        workspace.inbox.rename(tmp_path / "moved")
        until(lambda: "intake.paused" in [event["event"] for event in workspace.events()])
        was_made_anew = workspace.inbox.exists()
        (tmp_path / "moved").rename(workspace.inbox)

        until(lambda: len(workspace.files_in(workspace.archive)) == 8, what="all archived")

    assert not was_made_anew
    assert "landed 8 = answered 8 + waiting 0" in balance(workspace)


def test_a_folder_named_like_an_earlier_file_holds_up_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("good", png(text_page(["A file"])))
        workspace.drop("bad", b"no image at all")
        until(lambda: (workspace.archive / "good").exists() and (workspace.failed / "bad").exists())
        for folder in ("good", "bad"):
            for number in range(2):
                workspace.drop(f"{folder}/{number}.png", png(text_page([f"{folder} {number}"])))

        until(lambda: len(workspace.files_in(workspace.archive)) == 5, what="all archived")

    assert {"good~/0.png", "good~/1.png", "bad/0.png", "bad/1.png"} < workspace.files_in(
        workspace.archive
    )


def test_errors_of_the_disk_at_any_step_cost_no_attempt_and_heal(tmp_path: Path) -> None:
    """Quotas, broken disks and servers: errors that no test can make for real."""
    steps = {
        "claim.moved@a.png": "ENOSPC", "claim.hashed@b.png": "EIO",
        "publish.drafted@c.png.json": "EDQUOT", "publish.named@d.png.json": "ESTALE",
        "rename.linked@e.png.json": "EIO", "rename.linked@f.png": "EDQUOT",
        "move.named@g.png": "EROFS", "original.released@h.png": "ENOTCONN",
        "fail.reason_written@broken.png": "EIO",
    }  # fmt: skip
    workspace = Workspace(tmp_path)
    rules = ";".join(f"{step}=2*{error}" for step, error in steps.items())
    names = [f"{notification}.png" for notification in "abcdefgh"]
    with workspace.running(FAILPOINTS=rules) as daemon:
        for name in names:
            workspace.drop(name, png(text_page([f"The {name}"])))
        workspace.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
        until(lambda: len(workspace.files_in(workspace.archive)) == len(names), what="all archived")
        until(lambda: (workspace.failed / "broken.png").exists(), what="the broken one kept")
        assert daemon.process.poll() is None

    answers = workspace.answers()
    assert {name: answer["processing"]["attempt"] for name, answer in answers.items()} == {
        f"{name}.json": 1 for name in [*names, "broken.png"]
    }
    assert "landed 9 = answered 9 + waiting 0" in balance(workspace)
