"""Whom answers and reasons belong to, and what of that is refused at the start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page

STRANGER = 12345  # a user and group that no password file needs to know
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


def test_answers_reasons_and_their_folders_get_the_modes_asked_for(tmp_path: Path) -> None:
    modes = {"umask": "077", "file_mode": "640", "folder_mode": "2750"}
    workspace = Workspace(tmp_path, permissions=modes)
    with workspace.running():
        workspace.drop("a/scan.png", png(text_page(["Shared"])))
        workspace.drop("b/bad.png", b"\x89PNG\r\n\x1a\n broken")
        until(lambda: (workspace.archive / "a/scan.png").exists(), what="archived")
        until(lambda: (workspace.failed / "b/bad.png").exists(), what="failed")

    made = [workspace.outbox / "a/scan.png.json", workspace.failed / "b/bad.png.error.json"]
    folders = [workspace.outbox / "a", workspace.failed / "b", workspace.archive / "a"]
    assert [mode(path) for path in made] == ["640", "640"]
    assert [mode(folder) for folder in folders] == ["2750"] * 3
    assert mode(workspace.logs / "ocr-daemon.jsonl") == "600"  # by the umask


@only_root
def test_answers_are_given_to_the_user_and_group_asked_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, permissions={"user": STRANGER, "group": str(STRANGER)})
    with workspace.running():
        workspace.drop("a/scan.png", png(text_page(["Given away"])))
        workspace.answer("a/scan.png.json")

    owned = [(workspace.outbox / name).stat() for name in ("a", "a/scan.png.json")]
    assert [(of.st_uid, of.st_gid) for of in owned] == [(STRANGER, STRANGER)] * 2
