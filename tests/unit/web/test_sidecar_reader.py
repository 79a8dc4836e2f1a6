"""Reading sidecars of any size, and hiding paths in them."""

from __future__ import annotations

import json

import pytest

from daemon.web import sidecar_reader
from tests.support.web.folder import Folder, sidecar


def test_a_large_sidecar_is_scanned_to_the_same_values_as_when_it_is_parsed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = folder.claim("a.png")
    error = {"class": "killed", "message": "page 2 was killed", "page": 2}
    output = {"kind": "text", "name": "a.png.txt", "bytes": 3, "media_type": "text/plain"}
    path = folder.paths.outbox / "a.png.json"
    texts = ['One "quoted"\n  {', "二", ""]
    path.write_text(sidecar(claim, texts, "partial", error=error, outputs=[output]))
    whole = sidecar_reader.read(folder.paths.outbox, "a.png.json")
    assert whole is not None
    assert whole.content is not None
    monkeypatch.setattr(sidecar_reader, "MAX_PARSED_BYTES", 10)

    skimmed = sidecar_reader.read(folder.paths.outbox, "a.png.json")

    assert skimmed is not None
    assert skimmed.content is None
    for name in ("claim", "status", "pages", "confidence", "text", "error", "outputs"):
        assert getattr(skimmed, name) == getattr(whole, name), name
    pages = [sidecar_reader.page(folder.paths.outbox, "a.png.json", n) for n in (1, 2, 3, 4)]
    assert pages == [*whole.content["pages"], None]


def test_paths_in_an_error_are_replaced(folder: Folder) -> None:
    claim = folder.claim("a.png")
    why = f"[Errno 5] Input/output error: '{folder.paths.inbox}/x'"
    folder.answer(claim, "", "failed", error={"class": "crashed", "message": why})

    found = folder.catalogue().document(claim.id)

    assert found is not None
    assert str(folder.paths.inbox) not in repr((found.summary, found.sidecar))


def test_paths_in_the_text_of_a_document_are_kept(folder: Folder) -> None:
    claim = folder.claim("a.png")
    text = f"cp {folder.paths.outbox}/a.png.json {folder.paths.inbox}"
    folder.answer(claim, text)
    catalogue = folder.catalogue()

    found = catalogue.document(claim.id)

    assert found is not None
    assert found.sidecar is not None
    page = catalogue.page(claim.id, 1)
    assert page == found.sidecar["pages"][0]
    assert (found.sidecar["text"], page["text"]) == (text, text)
    assert page["blocks"][0]["lines"][0]["text"] == text


def test_json_without_a_source_is_not_a_sidecar(folder: Folder) -> None:
    content = json.loads(sidecar(folder.claim("a.png"), ["One"], "done"))
    del content["source"]
    (folder.paths.outbox / "a.png.json").write_text(json.dumps(content))

    assert sidecar_reader.read(folder.paths.outbox, "a.png.json") is None
