"""A ledger that is damaged or deleted, at rest and under the running daemon: made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.system.test_crash import balance


def damage(workspace: Workspace) -> None:
    for path in (workspace.state / "ledger.sqlite3", workspace.state / "ledger.sqlite3-wal"):
        path.write_bytes(b"damaged " * 1000)  # not -shm, which the daemon has mapped


def delete(workspace: Workspace) -> None:
    for path in workspace.state.glob("ledger*"):
        path.unlink()


def said(workspace: Workspace, event: str) -> bool:
    return event in [each["event"] for each in workspace.events()]


@pytest.mark.parametrize("lose", [damage, delete])
def test_a_lost_ledger_is_made_anew_at_the_start(tmp_path: Path, lose) -> None:
    workspace = Workspace(tmp_path)
    content = png(text_page(["Remembered"]))
    with workspace.running():
        workspace.drop("a.png", content)
        until(lambda: (workspace.archive / "a.png").exists())
    lose(workspace)

    with workspace.running():
        workspace.drop("b.png", content)

        assert workspace.answer("b.png.json")["duplicate_of"] == "a.png.json"
        until(lambda: (workspace.archive / "b.png").exists())

    assert said(workspace, "ledger.rebuilt")
    assert "landed 2 = answered 2 + waiting 0" in balance(workspace)


@pytest.mark.parametrize("lose", [damage, delete])
def test_a_ledger_lost_under_the_running_daemon_is_made_anew_while_it_works(
    tmp_path: Path, lose
) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        workspace.drop("a.png", png(text_page(["Before"])))
        until(lambda: (workspace.archive / "a.png").exists())
        lose(workspace)
        workspace.drop("b.png", png(text_page(["After"])))

        assert workspace.answer("b.png.json")["status"] == "done"
        until(lambda: (workspace.archive / "b.png").exists())
        until(lambda: said(workspace, "ledger.lost"), what="noticed")
        workspace.drop("c.png", png(text_page(["Later"])))
        assert workspace.answer("c.png.json")["status"] == "done"
        until(lambda: (workspace.archive / "c.png").exists())
        assert daemon.process.poll() is None

    assert "landed 3 = answered 3 + waiting 0" in balance(workspace)


def test_verify_makes_a_ledger_anew_when_asked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("a.png", png(text_page(["Remembered"])))
        until(lambda: (workspace.archive / "a.png").exists())
    damage(workspace)
    refused = workspace.command("verify")

    rebuilt = workspace.command("verify", "--rebuild")

    assert (refused.returncode, "verify --rebuild" in refused.stderr) == (78, True)
    assert (rebuilt.returncode, "rebuilt from 1 sidecars" in rebuilt.stdout) == (0, True), (
        rebuilt.stderr
    )


def test_copied_sidecars_and_links_in_the_inbox_do_not_keep_a_ledger_from_being_made(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("a.png", png(text_page(["Remembered"])))
        until(lambda: (workspace.archive / "a.png").exists())
    (workspace.outbox / "copy.json").write_bytes((workspace.outbox / "a.png.json").read_bytes())
    (workspace.inbox / "a.png").symlink_to("a.png")
    delete(workspace)

    rebuilt = workspace.command("verify", "--rebuild")

    assert (rebuilt.returncode, "rebuilt from" in rebuilt.stdout) == (0, True), rebuilt.stderr
    assert "landed 2 = answered 1 + waiting 0 + ignored 1" in balance(workspace)
