"""`ocr-daemon check` looks at config and folders, writes nothing, and agrees with `run`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from daemon.cli.check import describe
from daemon.config.load import load
from daemon.core.errors import Misconfigured
from daemon.supervisor import preflight
from tests.support.running_daemon import Workspace


def tree(root: Path) -> dict[Path, int]:
    """Return every file and folder below a folder, with its time of change."""
    return {path: path.lstat().st_ctime_ns for path in [root, *root.rglob("*")]}


def fatal(config: object) -> list[str]:
    return [finding.key for finding in preflight.findings(config) if finding.is_fatal]  # type: ignore[arg-type]


@pytest.mark.parametrize("exist", [False, True])
def test_check_creates_and_changes_nothing(tmp_path: Path, exist: bool) -> None:
    workspace = Workspace(tmp_path)
    for folder in (workspace.outbox, workspace.archive, workspace.failed, workspace.logs):
        if exist:
            folder.mkdir(exist_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    before = tree(tmp_path)

    checked = workspace.command("check")

    assert checked.returncode == 0, checked.stdout
    assert tree(tmp_path) == before


def test_a_profile_whose_folder_begins_with_the_inbox_is_a_warning(tmp_path: Path) -> None:
    profiles = [{"name": "a", "folders": ["inbox/contracts"], "outputs": ["text"]}]
    config = load(Workspace(tmp_path, profiles=profiles).config)

    [found] = [each for each in preflight.findings(config) if each.key.startswith("profiles")]

    assert (found.is_fatal, found.key) == (False, "profiles.0.folders.0")
    assert found.remedy.endswith("did you mean contracts?")

    (config.folders.inbox / "inbox").mkdir(parents=True)
    assert not [each for each in preflight.findings(config) if each.key.startswith("profiles")]


def test_what_keeps_the_daemon_from_starting_is_printed_last(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.outbox.write_text("in the way")

    *_, last = workspace.command("check").stdout.splitlines()

    assert last.startswith("error: folders.outbox")


def test_folders_that_run_would_create_are_no_error(tmp_path: Path) -> None:
    config = load(Workspace(tmp_path).config)

    assert fatal(config) == []

    preflight.prepare(config)
    assert config.folders.outbox.is_dir()


def test_an_inbox_whose_parent_is_missing_is_an_error_for_check_and_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, folders={"inbox": str(tmp_path / "share/scans")})
    config = load(workspace.config)

    assert fatal(config) == ["folders.inbox"]

    with pytest.raises(Misconfigured, match=r"folders\.inbox"):
        preflight.prepare(config)


def test_a_file_in_the_place_of_a_folder_is_an_error_for_check_and_run(tmp_path: Path) -> None:
    config = load(Workspace(tmp_path).config)
    shutil.rmtree(config.folders.archive, ignore_errors=True)
    config.folders.archive.write_text("in the way")

    assert fatal(config) == ["folders.archive"]

    with pytest.raises(Misconfigured, match=r"folders\.archive"):
        preflight.prepare(config)


def test_a_folder_without_permission_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(Workspace(tmp_path).config)
    allowed = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: False if path == config.folders.outbox else allowed(path, mode),
    )
    config.folders.outbox.mkdir(exist_ok=True)

    assert fatal(config) == ["folders.outbox"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "writes beside each sidecar: nothing (outputs: [])"),
        ({"outputs": ["text", "hocr"]}, "writes beside each sidecar: text, hocr"),
        ({"retention": {}}, "keeps originals for ever"),
        ({"retention": {"archive_days": 30}}, "keeps originals in archive/ for 30 days"),
        (
            {"retention": {"archive_megabytes": 500, "failed_days": 7}},
            "keeps originals in archive/ up to 500 MB and in failed/ for 7 days",
        ),
        (
            {"retention": {"failed_days": 1, "failed_megabytes": 9}},
            "keeps originals in failed/ for 1 day, up to 9 MB",
        ),
    ],
)
def test_check_describes_outputs_and_retention(
    tmp_path: Path, values: dict[str, object], line: str
) -> None:
    config = load(Workspace(tmp_path, **values).config)

    assert line in describe(config).splitlines()


def test_check_names_the_file_of_the_recogniser_its_library_and_the_reason(tmp_path: Path) -> None:
    described = describe(load(Workspace(tmp_path).config))

    assert "crnn-zh-en-4.onnx by onnxruntime in precision auto: model.backend names it" in described
