"""Owners and modes of published files, and refused values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config.load import load
from daemon.core import fs
from daemon.core.errors import Misconfigured
from daemon.core.ownership import INHERITED, Ownership
from tests.support.running_daemon import Workspace

STRANGER = 12345  # a user and group that no password file needs to know


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


def test_nothing_is_changed_by_default(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()

    fs.make_folder(tmp_path / "folder" / "below", tmp_path, INHERITED)
    fs.write_durable(tmp_path / "answer", b"{}", INHERITED)

    assert mode(tmp_path / "answer") == mode(plain)


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("user", "nobody-knows-him", "has no such user"),
        ("group", "nobody-knows-them", "has no such group"),
        ("file_mode", "400", "lock the daemon out"),
        ("folder_mode", "550", "lock the daemon out"),
        ("file_mode", "rw-r-----", "not allowed"),
        ("umask", 18, "must be text"),
    ],
)
def test_an_invalid_value_is_refused(tmp_path: Path, key: str, value: object, remedy: str) -> None:
    workspace = Workspace(tmp_path, permissions={key: value})

    with pytest.raises(Misconfigured, match=remedy) as refused:
        load(workspace.config)

    assert refused.value.key.startswith(f"permissions.{key}")


def test_an_owner_that_this_user_may_not_set_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    from daemon.supervisor import preflight

    monkeypatch.setattr(os, "chown", refuse)
    config = load(Workspace(tmp_path, permissions={"user": STRANGER}).config)

    with pytest.raises(Misconfigured, match="cannot give files to this owner") as refused:
        preflight.prepare(config)

    assert refused.value.key == "permissions"
    assert list(config.folders.outbox.iterdir()) == []


def test_the_owner_is_set_before_the_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """chown takes set-id bits away."""
    calls: list[str] = []
    monkeypatch.setattr(os, "chown", lambda *_: calls.append("chown"))
    monkeypatch.setattr(os, "chmod", lambda *_: calls.append("chmod"))

    Ownership(user=1, folder_mode=0o2750).apply_to_folder(tmp_path)

    assert calls == ["chown", "chmod"]
