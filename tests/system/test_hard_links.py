"""Every name of a hard-linked file is answered, also by a daemon that was restarted in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page
from tests.torture import pretended
from tests.torture.life import Life, living, quick_workspace

MODES: dict[str, dict[str, Any]] = {
    "rename and archive": {"claim": "rename", "originals": "archive"},
    "rename and delete": {"claim": "rename", "originals": "delete"},
    "ledger and leave": {"claim": "ledger", "originals": "leave"},
}
CONTENTS = {"done": pretended.content("Linked"), "failed": pretended.BROKEN}


@pytest.fixture(params=MODES.values(), ids=list(MODES))
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return quick_workspace(tmp_path, "pretended", **request.param)


@contextmanager
def daemon(workspace: Workspace) -> Iterator[Life]:
    with living(workspace, "pretended") as life:
        yield life
        assert life.terminate() == 0


def settle(workspace: Workspace, landed: int) -> None:
    """Wait until so many files are answered and put away, and none is left out."""

    def is_done() -> bool:
        at_work = {name for name in workspace.files_in(workspace.inbox) if "/work/" in name}
        return len(workspace.answers()) == landed and all(
            name.endswith("/lock") for name in at_work
        )

    until(is_done, 30, what=f"{landed} answers")
    balanced = f"landed {landed} = answered {landed} + waiting 0"
    until(lambda: workspace.command("verify").stdout.splitlines()[0] == balanced, what=balanced)


@pytest.mark.parametrize("status", CONTENTS)
def test_a_second_name_of_what_was_put_away_is_answered_by_the_next_daemon(
    workspace: Workspace, status: str
) -> None:
    workspace.drop("first.png", CONTENTS[status])
    with daemon(workspace):
        settle(workspace, 1)
    places = (workspace.archive, workspace.failed, workspace.inbox)
    kept = next((p for each in places if (p := each / "first.png").exists()), None)
    if kept is None:  # originals are deleted
        kept = workspace.drop("third.png", CONTENTS[status])
    os.link(kept, workspace.inbox / "second.png")

    with daemon(workspace):
        workspace.answer("second.png.json", 30)


@pytest.mark.parametrize("status", CONTENTS)
def test_all_names_are_answered_after_a_kill_between_the_first_and_the_others(
    workspace: Workspace, status: str
) -> None:
    first = workspace.drop("first.png", CONTENTS[status])
    for name in ("second.png", "third.png"):
        os.link(first, workspace.inbox / name)
    failpoint = "rename.linked@first.png.json=stop"
    with living(workspace, "pretended", FAILPOINTS=failpoint) as life:
        until(life.stopped, 30, what="the failpoint")
        life.kill()

    with daemon(workspace):
        settle(workspace, 3)

    answers = {answer["status"] for answer in workspace.answers().values()}
    assert (len(workspace.answers()), answers <= {status, "duplicate"}) == (3, True)


def test_a_name_elsewhere_is_refused_before_and_after_a_restart_and_verify_says_so(
    workspace: Workspace,
) -> None:
    secret = workspace.root / "secret.png"
    secret.write_bytes(CONTENTS["done"])
    os.link(secret, workspace.inbox / "mine.png")

    for _ in range(2):
        with daemon(workspace) as life:
            until(lambda: b"file.blocked" in life.printed(), 30)

    said = workspace.command("verify").stdout
    assert said.startswith("landed 1 = answered 0 + waiting 0 + refused 1\n")
    assert "refused: mine.png: a file outside the inbox is the same file" in said
    assert workspace.answers() == {}


def test_the_daemon_itself_answers_a_link_to_its_archive_after_a_restart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("first.png", png(text_page(["Linked"])))
        until((workspace.archive / "first.png").exists)
    os.link(workspace.archive / "first.png", workspace.inbox / "second.png")

    with workspace.running():
        assert workspace.answer("second.png.json")["duplicate_of"] == "first.png.json"
        until((workspace.archive / "second.png").exists)

    assert workspace.command("verify").stdout.startswith("landed 2 = answered 2 + waiting 0\n")
