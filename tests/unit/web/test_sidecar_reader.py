"""Reading sidecars of any size, and hiding paths in them."""

from __future__ import annotations

import json
from typing import Any

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


def test_a_large_sidecar_with_parts_and_codes_is_scanned_too(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(sidecar(folder.claim("a.png"), ["One", "Two"], "done"))
    content["pages"][0] |= {"codes": [{"text": "S", "format": "ITF", "box": [1, 2, 3, 4]}]}
    content["pages"][1] |= {"blank": True}
    outputs = [{"kind": "part", "name": "a.png.part-0001.json", "part": 1}]
    parts = [{"name": "a.png.part-0001.json", "pages": 1, "first_page": 2, "last_page": 2}]
    text = json.dumps(content | {"outputs": outputs, "parts": parts}, indent=1)
    (folder.paths.outbox / "a.png.json").write_text(text)
    whole = sidecar_reader.read(folder.paths.outbox, "a.png.json")
    monkeypatch.setattr(sidecar_reader, "MAX_PARSED_BYTES", 10)

    skimmed = sidecar_reader.read(folder.paths.outbox, "a.png.json")

    assert whole is not None
    assert skimmed is not None
    assert (skimmed.pages, skimmed.text) == (whole.pages, whole.text)
    assert skimmed.outputs == whole.outputs == tuple(outputs)


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


ATTACHED = {"class": "attachments_not_read", "message": "2 files are attached", "page": None}


def with_unread(content: str) -> dict[str, Any]:
    """A sidecar whose second page has three unread regions, and a warning that the document has."""
    loaded: dict[str, Any] = json.loads(content)
    loaded["schema_version"] = "1.1"
    for page in loaded["pages"]:
        page |= {"unread": [], "warnings": []}
    region = {"box": [1, 2, 3, 4], "reason": "too_small"}
    loaded["pages"][1] |= {"unread": [region] * 3, "warnings": [ATTACHED]}
    return {**loaded, "warnings": [ATTACHED]}


def test_unread_regions_and_warnings_are_counted_in_a_sidecar_of_any_size(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = with_unread(sidecar(folder.claim("a.png"), ["One", "Two", "Three"]))
    path = folder.paths.outbox / "a.png.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    found = [sidecar_reader.read(folder.paths.outbox, "a.png.json")]
    monkeypatch.setattr(sidecar_reader, "MAX_PARSED_BYTES", 10)

    found.append(sidecar_reader.read(folder.paths.outbox, "a.png.json"))

    assert [
        (each.unread_count, each.warning_count, each.warnings) for each in found if each is not None
    ] == [(3, 2, (ATTACHED,))] * 2


def test_a_document_of_the_catalogue_has_the_counts_and_no_path_in_a_warning(
    folder: Folder,
) -> None:
    claim = folder.claim("a.png")
    path = folder.answer(claim, "One")
    content = with_unread(sidecar(claim, ["One", "Two"]))
    message = f"{folder.paths.inbox}/a.png has attachments"
    content["warnings"] = content["pages"][0]["warnings"] = [{**ATTACHED, "message": message}]
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    found = folder.catalogue().document(claim.id)

    assert found is not None
    assert (found.summary.unread_count, found.summary.warning_count) == (3, 3)
    assert len(found.warnings) == 1
    assert str(folder.paths.inbox) not in repr(found.warnings) + repr(found.sidecar)


def test_a_sidecar_of_version_1_0_has_nothing_unread(folder: Folder) -> None:
    claim = folder.claim("old.png")
    folder.answer(claim, "old")
    catalogue = folder.catalogue()

    found = catalogue.document(claim.id)

    assert found is not None
    assert (found.summary.unread_count, found.summary.warning_count) == (0, 0)
    assert found.sidecar is not None
    assert (found.sidecar["warnings"], found.sidecar["pages"][0]["unread"]) == ([], [])
    assert catalogue.page(claim.id, 1) == found.sidecar["pages"][0]
