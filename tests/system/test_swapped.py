"""Files that are exchanged behind the daemon's back: what is read is what was claimed."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest

from tests.support.running_daemon import RunningDaemon, Workspace, until
from tests.support.samples import png, text_page

CLAIMED, OTHER = png(text_page(["The claimed"])), png(text_page(["The other one"]))


def is_stopped(daemon: RunningDaemon) -> bool:
    return Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def exchanged(path: Path) -> None:
    """Put another file in the place of one, as `mv` does."""
    draft = path.with_name("draft")
    draft.write_bytes(OTHER)
    draft.rename(path)


def overwritten(path: Path) -> None:
    path.write_bytes(OTHER)


@pytest.mark.parametrize("change", [exchanged, overwritten])
def test_a_claimed_file_that_is_changed_is_given_back_and_read_as_what_it_is(
    tmp_path: Path, change
) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running(FAILPOINTS="ledger.started=1*stop") as daemon:
        workspace.drop("scan.png", CLAIMED)
        until(lambda: is_stopped(daemon), what="stopped before its first task")
        (claimed,) = workspace.inbox.rglob("work/*/*/scan.png")
        change(claimed)
        daemon.signal(signal.SIGCONT)

        answer = workspace.answer("scan.png.json")
        until(lambda: (workspace.archive / "scan.png").exists(), what="archived")

    assert answer["source"]["sha256"] == hashlib.sha256(OTHER).hexdigest()
    assert (answer["text"], answer["processing"]["attempt"]) == ("The other one", 1)
    assert list(workspace.answers()) == ["scan.png.json"]
    assert [event["event"] for event in workspace.events()].count("claim.changed") == 1
    assert "landed 1 = answered 1 + waiting 0" in workspace.command("verify").stdout
