"""The catalogue while the ledger changes."""

from __future__ import annotations

import pytest

from daemon.ledger.ledger import Ledger
from daemon.ledger.rereads import Rereads
from daemon.web import sidecar_reader
from daemon.web.http.errors import HttpError
from daemon.web.index import tokenizer
from daemon.web.uploads.uploads import Uploads
from tests.support.web.folder import Folder, names, sidecar


def test_a_document_is_followed_from_the_inbox_to_its_answer(folder: Folder) -> None:
    catalogue = folder.catalogue()
    (folder.paths.inbox / "waits.png").write_bytes(b"png")
    claim = folder.claim("read.png")
    assert [item.status for item in catalogue.documents().documents] == ["waiting", "reading"]

    folder.answer(claim, "Now answered")

    found = catalogue.document(claim.id)
    assert found is not None
    assert (found.summary.status, found.summary.confidence) == ("done", 0.9)
    assert names(catalogue, "answered") == ["read.png"]


def test_a_row_returned_to_the_inbox_is_removed_even_if_its_number_is_reused(
    folder: Folder,
) -> None:
    catalogue = folder.catalogue()
    given_back = folder.claim("first.png")
    catalogue.refresh()
    folder.ledger.forget(given_back.id)

    folder.answer(folder.claim("second.png"), "The second")

    assert names(catalogue) == ["second.png"]
    assert catalogue.document(given_back.id) is None


def test_a_failed_file_on_its_way_to_its_folder_is_neither_retried_nor_called_gone(
    folder: Folder,
) -> None:
    catalogue = folder.catalogue()
    uploads = Uploads(folder.paths.inbox, folder.paths.failed, (), 10, 0)
    claim = folder.claim("torn.png")
    folder.publish(claim, "", "failed", error={"message": "torn", "class": "corrupt"})

    moving = catalogue.document(claim.id)
    with pytest.raises(HttpError) as refused:
        uploads.retry(moving)
    folder.ledger.mark_closed(claim.id)
    gone = catalogue.document(claim.id)

    assert (moving.summary.status, moving.summary.retry) == ("failed", None)
    assert (refused.value.status, refused.value.error_class) == (409, "busy")
    assert gone.summary.retry == "original_gone"
    with pytest.raises(HttpError, match="not available"):
        uploads.retry(gone)


def test_the_index_is_rebuilt_after_damage_or_a_new_ledger(folder: Folder) -> None:
    folder.answer(folder.claim("a.png"), "Found before")
    catalogue = folder.catalogue()
    assert names(catalogue, "before") == ["a.png"]
    catalogue.close()
    folder.ledger.close()
    folder.paths.ledger_file.rename(folder.paths.ledger_file.with_suffix(".old"))
    folder.ledger = Ledger(folder.paths.ledger_file)
    folder.answer(folder.claim("b.png"), "Found after")
    folder.paths.index_file.write_bytes(b"damaged" * 1000)

    again = folder.catalogue()

    assert names(again) == ["b.png"]
    assert names(again, "found") == ["b.png"]


def test_a_rebuilt_ledger_with_the_inode_of_the_old_one_is_recognised(
    folder: Folder,
) -> None:
    for number in range(3):
        folder.answer(folder.claim(f"old-{number}.png", f"{number}" * 64), "Before")
    catalogue = folder.catalogue()
    assert len(names(catalogue)) == 3
    catalogue.close()
    folder.ledger.close()
    anew = folder.paths.ledger_file.with_name("anew")
    folder.ledger = Ledger(anew)
    for number in (1, 2):
        folder.answer(folder.claim(f"new-{number}.png", f"{number}" * 64), "After")
    folder.ledger.close()
    folder.paths.ledger_file.write_bytes(anew.read_bytes())

    again = folder.catalogue()

    assert names(again) == ["new-2.png", "new-1.png"]
    assert names(again, "before") == []


def test_the_index_is_kept_when_its_newest_row_was_returned_to_the_inbox(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.answer(folder.claim("a.png"), "Answered")
    given_back = folder.claim("b.png", "b" * 64)
    catalogue = folder.catalogue()
    catalogue.refresh()
    catalogue.close()
    folder.ledger.forget(given_back.id)
    folder.claim("c.png", "c" * 64)
    again = folder.catalogue()
    monkeypatch.setattr(sidecar_reader, "read", lambda *_: pytest.fail("it is read once more"))

    assert names(again) == ["c.png", "a.png"]


def test_an_answer_that_is_read_again_is_found_by_its_new_text(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = folder.claim("a.png")
    folder.answer(claim, "Teh old text")
    folder.answer(folder.claim("b.png", "b" * 64), "Other")
    catalogue = folder.catalogue()
    assert names(catalogue, "teh") == ["a.png"]
    rereads = Rereads(folder.paths.ledger_file)
    rereads.request([claim.id])
    rereads.close()

    (folder.paths.outbox / "a.png.json").write_text(sidecar(claim, ["The new text"], "partial"))
    folder.ledger.mark_replaced(claim.id, "default@2", "partial")

    assert names(catalogue, "teh") == []
    assert names(catalogue, "new") == ["a.png"]
    assert names(catalogue, status="partial") == ["a.png"]
    found = catalogue.document(claim.id)
    assert found is not None
    catalogue.close()
    again = folder.catalogue()
    assert names(again) == ["b.png", "a.png"]
    monkeypatch.setattr(sidecar_reader, "read", lambda *_: pytest.fail("it is read once more"))
    folder.claim("c.png", "c" * 64)
    assert names(again, "new") == ["a.png"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("发票", '"\u200b发\u200b\u200b票\u200b"*'),
        ('a"b* OR c', '"a b*"* AND "OR"* AND "c"*'),
        ("-- ** \x00", None),
    ],
)
def test_a_query_is_never_fts_syntax(query: str, wanted: str | None) -> None:
    assert tokenizer.match_expression(query) == wanted
