"""A daemon that takes up the ledger of an earlier version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.ledger import schema
from tests.torture import pretended
from tests.torture.life import living, quick_workspace
from tests.unit.ledger.test_migration import version_of

# what docs/hooks.md has an operator do to go back
TO_VERSION = {
    1: "DROP TABLE rereads; DROP TABLE deliveries; PRAGMA user_version = 1;",
    2: "DROP TABLE rereads; PRAGMA user_version = 2;",
}


@pytest.mark.parametrize("version", TO_VERSION)
def test_the_daemon_takes_up_the_work_of_an_older_one(tmp_path: Path, version: int) -> None:
    workspace = quick_workspace(tmp_path / "workspace", "pretended")
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("a.png", pretended.content("Before"))
        workspace.bytes_of(workspace.archive / "a.png")
        life.terminate()
    ledger_file = workspace.state / "ledger.sqlite3"
    with closing(sqlite3.connect(ledger_file)) as db:
        db.executescript(TO_VERSION[version])
    assert "done         1" in workspace.command("status").stdout

    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("b.png", pretended.content("Before"))

        assert workspace.answer("b.png.json")["duplicate_of"] == "a.png.json"
        life.terminate()  # what it does with the answered file is over then

    assert version_of(ledger_file) == schema.VERSION
    assert "landed 2 = answered 2" in workspace.command("verify").stdout
