"""Results that are collected, restored or deleted, and an unavailable outbox."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.core import fs
from daemon.web.http.errors import HttpError
from daemon.web.index.deletion import delete_result
from tests.support.web.folder import Folder, names


def test_a_collected_result_leaves_the_list_and_the_search(folder: Folder) -> None:
    catalogue = folder.catalogue()
    claim = folder.claim("a.png")
    path = folder.answer(claim, "Collected soon")
    assert names(catalogue, "collected") == ["a.png"]

    path.unlink()

    assert names(catalogue, "collected") == names(catalogue) == []
    found = catalogue.document(claim.id)
    assert found is not None
    assert found.summary.is_gone


def test_an_unavailable_outbox_is_an_error_and_nothing_counts_as_collected(folder: Folder) -> None:
    claim = folder.claim("a.png")
    folder.answer(claim, "Still there")
    catalogue = folder.catalogue()
    assert names(catalogue) == ["a.png"]
    aside = folder.paths.outbox.rename(folder.paths.outbox.with_name("aside"))
    for ask in (catalogue.documents, lambda: catalogue.document(claim.id)):
        with pytest.raises(HttpError) as refused:
            ask()
        assert (refused.value.status, refused.value.error_class) == (503, "outbox_unavailable")

    aside.rename(folder.paths.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_an_index_built_without_the_outbox_is_complete_once_it_returns(
    folder: Folder,
) -> None:
    folder.answer(folder.claim("a.png"), "Still there")
    aside = folder.paths.outbox.rename(folder.paths.outbox.with_name("aside"))
    catalogue = folder.catalogue()
    with pytest.raises(HttpError, match="outbox_unavailable"):
        catalogue.documents()

    aside.rename(folder.paths.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_results_missing_in_an_empty_mount_point_are_found_after_mounting(
    folder: Folder,
) -> None:
    folder.answer(folder.claim("a.png"), "Still there")
    aside = folder.paths.outbox.rename(folder.paths.outbox.with_name("aside"))
    folder.paths.outbox.mkdir()
    catalogue = folder.catalogue()
    assert names(catalogue) == []

    folder.paths.outbox.rmdir()
    aside.rename(folder.paths.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_a_restored_result_is_found_again(folder: Folder) -> None:
    claim = folder.claim("a.png")
    path = folder.answer(claim, "Put back")
    content = path.read_bytes()
    catalogue = folder.catalogue()
    path.unlink()
    assert names(catalogue) == []
    path.write_bytes(content)

    found = catalogue.document(claim.id)

    assert found is not None
    assert not found.summary.is_gone
    assert names(catalogue, "back") == ["a.png"]


def test_an_unreadable_result_does_not_count_as_collected(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = folder.claim("bad.png"), folder.claim("good.png", "b" * 64)
    folder.answer(good, "Fine")
    folder.answer(bad, "Back soon")
    catalogue = folder.catalogue()
    with monkeypatch.context() as patched:
        patched.setattr(fs, "open_beneath", failing(fs.open_beneath, "bad.png.json"))
        assert names(catalogue) == ["good.png"]
        with pytest.raises(HttpError, match="Input/output error"):
            catalogue.document(bad.id)

    catalogue.refresh()

    assert names(catalogue, "soon") == ["bad.png"]


def failing(opened: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an `open_beneath` that fails for one file with an I/O error."""

    def open_beneath(root: Path, place: str) -> Any:
        if place == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), place)
        return opened(root, place)

    return open_beneath


def test_a_result_of_another_claim_under_the_same_name_is_ignored(folder: Folder) -> None:
    catalogue = folder.catalogue()
    old = folder.claim("scan.png")
    folder.answer(old, "The old one").unlink()
    new = folder.claim("scan.png", "b" * 64)
    folder.answer(new, "The new one")

    assert names(catalogue, "one") == ["scan.png"]
    found = catalogue.document(old.id)
    assert found is not None
    assert found.summary.is_gone
    with pytest.raises(HttpError):
        delete_result(catalogue, found)


def test_delete_removes_only_the_sidecar_and_its_outputs(
    folder: Folder,
) -> None:
    claim = folder.claim("deep/a.png")
    outputs = [
        {"kind": "text", "name": name, "bytes": 1, "sha256": "", "media_type": "text/plain"}
        for name in ("a.png.txt", "../b.png.json", "/etc/passwd")
    ]
    folder.answer(claim, "Gone", outputs=outputs)
    for name in ("deep/a.png.txt", "b.png.json", "deep/other.txt"):
        (folder.paths.outbox / name).write_text("x")
    catalogue = folder.catalogue()
    found = catalogue.document(claim.id)
    assert found is not None

    delete_result(catalogue, found)

    left = {path.name for path in folder.paths.outbox.rglob("*") if path.is_file()}
    assert left == {"b.png.json", "other.txt"}
