"""Answers that vanish, come back or are deleted, and an outbox that is away."""

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
from tests.web.folder import Folder, names


def test_a_collected_answer_leaves_the_list_and_the_search(folder: Folder) -> None:
    catalogue = folder.catalogue()
    claim = folder.claim("a.png")
    path = folder.answer(claim, "Collected soon")
    assert names(catalogue, "collected") == ["a.png"]

    path.unlink()

    assert names(catalogue, "collected") == names(catalogue) == []
    found = catalogue.document(claim.id)
    assert found is not None
    assert found.summary.is_gone


def test_an_outbox_that_is_away_is_told_and_nothing_is_taken_for_collected(folder: Folder) -> None:
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


def test_an_index_made_while_the_outbox_was_away_has_all_answers_when_it_returns(
    folder: Folder,
) -> None:
    folder.answer(folder.claim("a.png"), "Still there")
    aside = folder.paths.outbox.rename(folder.paths.outbox.with_name("aside"))
    catalogue = folder.catalogue()
    with pytest.raises(HttpError, match="outbox_unavailable"):
        catalogue.documents()

    aside.rename(folder.paths.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_what_was_missed_in_the_empty_mount_point_of_the_outbox_is_found_in_the_outbox(
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


def test_an_answer_that_was_put_back_is_there_again_for_who_asks_for_it(folder: Folder) -> None:
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


def test_an_answer_that_cannot_be_read_now_is_not_taken_for_collected(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = folder.claim("bad.png"), folder.claim("good.png", "b" * 64)
    folder.answer(good, "Fine")
    folder.answer(bad, "Back soon")
    catalogue = folder.catalogue()
    with monkeypatch.context() as patched:
        patched.setattr(fs, "open_below", failing(fs.open_below, "bad.png.json"))
        assert names(catalogue) == ["good.png"]
        with pytest.raises(HttpError, match="Input/output error"):
            catalogue.document(bad.id)

    catalogue.refresh()

    assert names(catalogue, "soon") == ["bad.png"]


def failing(opened: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a way to open files that a disk does not give one of."""

    def open_below(root: Path, place: str) -> Any:
        if place == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), place)
        return opened(root, place)

    return open_below


def test_an_answer_to_another_claim_under_the_same_name_is_not_taken_for_it(folder: Folder) -> None:
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


def test_delete_removes_the_listed_outputs_beside_the_sidecar_and_nothing_else(
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
