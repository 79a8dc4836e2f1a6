"""A state folder that the daemon does not own, as a container's volume may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.config.load import load
from daemon.config.settings import Config
from daemon.supervisor import preflight, state_folder
from tests.support.running_daemon import Workspace


@pytest.fixture
def config(tmp_path: Path) -> Config:
    workspace = Workspace(tmp_path)
    workspace.state.mkdir(mode=0o755)
    (workspace.state / "lock").touch(mode=0o644)
    return load(workspace.config)


def test_a_folder_that_refuses_is_logged_and_its_files_are_tightened_all_the_same(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod = os.chmod

    def refuse_folder(path: Path, mode: int, **rest: object) -> None:
        if Path(path).is_dir():
            raise PermissionError(1, "Operation not permitted")
        chmod(path, mode)

    monkeypatch.setattr(os, "chmod", refuse_folder)
    with capture_logs() as events:
        state_folder.tighten(config)

    assert [(event["event"], event["log_level"]) for event in events] == [
        ("state.tightened", "info"), ("state.open", "warning"),
    ]  # fmt: skip
    assert [path for path, _ in state_folder.open_to_others(config)] == [config.folders.state]


def test_check_warns_of_a_folder_of_somebody_else_s_and_not_of_one_that_a_start_tightens(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warnings() -> list[str]:
        found = preflight.findings(config)
        return [each.remedy for each in found if each.key == "folders.state"]

    assert warnings() == []
    monkeypatch.setattr(os, "geteuid", lambda: 54321)

    (warning,) = warnings()

    assert warning.startswith("others have rights on it, and uid 54321 does not own it")


def test_links_in_the_state_folder_lead_to_no_change_elsewhere(config: Config) -> None:
    elsewhere = config.folders.state.parent / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "file").touch(mode=0o644)
    (config.folders.state / "pages").symlink_to(elsewhere)
    (config.folders.state / "search.sqlite3").symlink_to(elsewhere / "file")

    state_folder.tighten(config)

    modes = [path.stat().st_mode & 0o777 for path in (elsewhere, elsewhere / "file")]
    assert modes == [0o755, 0o644]
