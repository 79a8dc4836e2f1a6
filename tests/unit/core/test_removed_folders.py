"""Folders that another daemon, or the retention, removes as empty just before they are used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from daemon.core import fs
from daemon.core.records import Claim, Failure, Stamp
from daemon.inbox.archive import Archive
from daemon.outbox.publish import Outbox
from daemon.supervisor import preflight

FAILURE = Failure("corrupt", "The PNG ends early.", attempt=1)


def remove_empty_folders(root: Path) -> None:
    for path, _, _ in os.walk(root, topdown=False):
        if Path(path) != root and not any(Path(path).iterdir()):
            Path(path).rmdir()


def sweeping_before(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, root: Path, times: int = 2
) -> list[Path]:
    """Remove the empty folders below `root` before the first calls of `module.name`."""
    original, sweeps = getattr(module, name), [root] * times

    def patched(*args: Any, **options: Any) -> Any:
        if sweeps:
            remove_empty_folders(sweeps.pop())
        return original(*args, **options)

    monkeypatch.setattr(module, name, patched)
    return sweeps


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    path = tmp_path / "claimed"
    path.write_bytes(b"bytes")
    (tmp_path / "target").mkdir()
    return Claim("token", "a/b/scan.pdf", path, Stamp.of(path), fs.sha256_of(path))


def test_an_original_is_archived_although_its_folder_was_swept(
    tmp_path: Path, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = sweeping_before(monkeypatch, os, "link", tmp_path / "target")

    Archive(tmp_path / "target").add(claim)

    assert (tmp_path / "target/a/b/scan.pdf").read_bytes() == b"bytes"
    assert not sweeps


def test_a_failed_original_is_kept_although_its_folder_was_swept(
    tmp_path: Path, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping_before(monkeypatch, fs, "write_durable", tmp_path / "target")

    Archive(tmp_path / "target").add_failed(claim, FAILURE)

    reason = json.loads((tmp_path / "target/a/b/scan.pdf.error.json").read_text())
    assert reason["class"] == "corrupt"
    assert (tmp_path / "target/a/b/scan.pdf").read_bytes() == b"bytes"


def test_an_answer_is_published_although_the_folder_of_drafts_was_swept(
    tmp_path: Path, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path / "target")
    neighbour = Outbox(tmp_path / "target")
    original, starts = fs.write_durable, [neighbour.clear_drafts] * 2

    def write_durable(*args: Any) -> None:
        if starts:
            starts.pop()()
        original(*args)

    monkeypatch.setattr(fs, "write_durable", write_durable)

    outbox.publish("scan.pdf.json", b"{}", claim, lambda: True)

    assert (tmp_path / "target/scan.pdf.json").read_bytes() == b"{}"


def test_an_output_is_drafted_although_the_folder_of_drafts_was_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: Claim
) -> None:
    outbox = Outbox(tmp_path / "target")
    sweeping_before(monkeypatch, Path, "open", tmp_path / "target")

    draft = outbox.draft(claim.id, "text", ".txt", b"text")

    assert draft.path.read_bytes() == b"text"


def test_folders_are_made_although_their_parents_are_swept_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping_before(monkeypatch, Path, "mkdir", tmp_path, times=5)

    fs.make_folder(tmp_path / "a/b/c", tmp_path)

    assert (tmp_path / "a/b/c").is_dir()


def test_a_folder_that_is_removed_again_and_again_is_an_error_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping_before(monkeypatch, Path, "mkdir", tmp_path, times=1000)

    with pytest.raises(FileNotFoundError):
        fs.make_folder(tmp_path / "a/b", tmp_path)


def test_the_check_of_a_folder_passes_although_a_neighbour_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ocr-daemon").mkdir()
    sweeping_before(monkeypatch, fs, "write_durable", tmp_path, times=1)

    preflight._write_and_rename(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_the_check_of_a_folder_leaves_the_folder_that_a_neighbour_has_just_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fs.write_durable

    def write_durable(path: Path, content: bytes) -> None:
        (tmp_path / ".ocr-daemon").mkdir(exist_ok=True)
        original(path, content)

    monkeypatch.setattr(fs, "write_durable", write_durable)

    preflight._write_and_rename(tmp_path)

    assert list(tmp_path.iterdir()) == [tmp_path / ".ocr-daemon"]
