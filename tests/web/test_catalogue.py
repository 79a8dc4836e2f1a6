"""The catalogue beside a ledger that changes, answers that vanish, and sidecars of any size."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon import files
from daemon.inbox.scan import Scanner
from daemon.journal import Journal
from daemon.records import Claim, Stamp
from daemon.web import answers, terms
from daemon.web.catalogue import Catalogue
from daemon.web.places import Places
from daemon.web.refusals import Refused


class Folder:
    """The folders of a daemon that a test plays."""

    def __init__(self, root: Path) -> None:
        self.places = Places(
            root / "inbox", root / "outbox", root / "archive", root / "failed",
            root / "state/ledger.sqlite3", root / "state/search.sqlite3",
        )  # fmt: skip
        for path in (root / name for name in ("inbox", "outbox", "archive", "failed", "state")):
            path.mkdir()
        self.journal = Journal(self.places.ledger)
        self.numbers = iter(range(1, 1000))

    def catalogue(self) -> Catalogue:
        return Catalogue(self.places, Scanner(self.places.inbox, (".*",), ()))

    def claim(self, name: str, sha256: str = "a" * 64) -> Claim:
        claim = Claim(f"{next(self.numbers):032x}", name, Path(name), Stamp(3, 0, 0), sha256)
        self.journal.claimed(claim, "default@1")
        return claim

    def answer(self, claim: Claim, text: str, status: str = "done", **more: Any) -> Path:
        """Publish an answer as the daemon does, and close its row."""
        place = f"{claim.name}.json"
        path = self.places.outbox / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sidecar(claim, [text], status, **more))
        self.journal.answering(claim.id, status, place)  # type: ignore[arg-type]
        self.journal.answered(claim.id)
        self.journal.closed(claim.id)
        return path


def sidecar(claim: Claim, texts: list[str], status: str = "done", **more: Any) -> str:
    words = [{"text": text, "confidence": 0.9, "box": [0, 0, 9, 9]} for text in texts]
    content = {
        "schema_version": "1.0",
        "source": {"sha256": claim.sha256, "media_type": "image/png"},
        "status": status,
        "processing": {"claim": claim.id, "finished_at": "2026-07-01T00:00:00.000Z"},
        "pages": [
            {"number": n + 1, "text": text, "confidence": 0.9, "blocks": [{"lines": words}]}
            for n, text in enumerate(texts)
        ],
        "text": "\n\n".join(texts),
        **more,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def names(catalogue: Catalogue, query: str = "", status: str = "") -> list[str]:
    return [item.name for item in catalogue.documents(query, status).items]


def test_a_document_is_followed_from_the_inbox_to_its_answer(folder: Folder) -> None:
    catalogue = folder.catalogue()
    (folder.places.inbox / "waits.png").write_bytes(b"png")
    claim = folder.claim("read.png")
    assert [item.status for item in catalogue.documents().items] == ["waiting", "reading"]

    folder.answer(claim, "Now answered")

    found = catalogue.document(claim.id)
    assert found is not None
    assert (found.item.status, found.item.confidence) == ("done", 0.9)
    assert names(catalogue, "answered") == ["read.png"]


def test_a_row_that_was_given_back_is_forgotten_though_its_number_is_used_again(
    folder: Folder,
) -> None:
    catalogue = folder.catalogue()
    given_back = folder.claim("first.png")
    catalogue.refresh()
    folder.journal.forget(given_back.id)

    folder.answer(folder.claim("second.png"), "The second")

    assert names(catalogue) == ["second.png"]
    assert catalogue.document(given_back.id) is None


def test_a_collected_answer_leaves_the_list_and_the_search(folder: Folder) -> None:
    catalogue = folder.catalogue()
    claim = folder.claim("a.png")
    path = folder.answer(claim, "Collected soon")
    assert names(catalogue, "collected") == ["a.png"]

    path.unlink()

    assert names(catalogue, "collected") == names(catalogue) == []
    found = catalogue.document(claim.id)
    assert found is not None
    assert found.item.is_gone


def test_an_outbox_that_is_away_is_told_and_nothing_is_taken_for_collected(folder: Folder) -> None:
    claim = folder.claim("a.png")
    folder.answer(claim, "Still there")
    catalogue = folder.catalogue()
    assert names(catalogue) == ["a.png"]
    aside = folder.places.outbox.rename(folder.places.outbox.with_name("aside"))
    for ask in (catalogue.documents, lambda: catalogue.document(claim.id)):
        with pytest.raises(Refused) as refused:
            ask()
        assert (refused.value.status, refused.value.kind) == (503, "outbox_away")

    aside.rename(folder.places.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_an_index_made_while_the_outbox_was_away_has_all_answers_when_it_returns(
    folder: Folder,
) -> None:
    folder.answer(folder.claim("a.png"), "Still there")
    aside = folder.places.outbox.rename(folder.places.outbox.with_name("aside"))
    catalogue = folder.catalogue()
    with pytest.raises(Refused, match="outbox_away"):
        catalogue.documents()

    aside.rename(folder.places.outbox)

    assert names(catalogue, "still") == ["a.png"]


def test_what_was_missed_in_the_empty_mount_point_of_the_outbox_is_found_in_the_outbox(
    folder: Folder,
) -> None:
    folder.answer(folder.claim("a.png"), "Still there")
    aside = folder.places.outbox.rename(folder.places.outbox.with_name("aside"))
    folder.places.outbox.mkdir()
    catalogue = folder.catalogue()
    assert names(catalogue) == []

    folder.places.outbox.rmdir()
    aside.rename(folder.places.outbox)

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
    assert not found.item.is_gone
    assert names(catalogue, "back") == ["a.png"]


def test_an_answer_that_cannot_be_read_now_is_not_taken_for_collected(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = folder.claim("bad.png"), folder.claim("good.png", "b" * 64)
    folder.answer(good, "Fine")
    folder.answer(bad, "Back soon")
    catalogue = folder.catalogue()
    with monkeypatch.context() as patched:
        patched.setattr(files, "open_below", failing(files.open_below, "bad.png.json"))
        assert names(catalogue) == ["good.png"]
        with pytest.raises(Refused, match="Input/output error"):
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
    assert found.item.is_gone
    with pytest.raises(Refused):
        catalogue.delete(found)


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
        (folder.places.outbox / name).write_text("x")
    catalogue = folder.catalogue()
    found = catalogue.document(claim.id)
    assert found is not None

    catalogue.delete(found)

    left = {path.name for path in folder.places.outbox.rglob("*") if path.is_file()}
    assert left == {"b.png.json", "other.txt"}


def test_a_ledger_made_anew_and_a_damaged_index_cost_nothing_but_time(folder: Folder) -> None:
    folder.answer(folder.claim("a.png"), "Found before")
    catalogue = folder.catalogue()
    assert names(catalogue, "before") == ["a.png"]
    catalogue.close()
    folder.journal.close()
    folder.places.ledger.rename(folder.places.ledger.with_suffix(".old"))
    folder.journal = Journal(folder.places.ledger)
    folder.answer(folder.claim("b.png"), "Found after")
    folder.places.shelf.write_bytes(b"damaged" * 1000)

    again = folder.catalogue()

    assert names(again) == ["b.png"]
    assert names(again, "found") == ["b.png"]


def test_a_ledger_made_anew_with_the_inode_of_the_old_one_is_known_for_another(
    folder: Folder,
) -> None:
    for number in range(3):
        folder.answer(folder.claim(f"old-{number}.png", f"{number}" * 64), "Before")
    catalogue = folder.catalogue()
    assert len(names(catalogue)) == 3
    catalogue.close()
    folder.journal.close()
    anew = folder.places.ledger.with_name("anew")
    folder.journal = Journal(anew)
    for number in (1, 2):
        folder.answer(folder.claim(f"new-{number}.png", f"{number}" * 64), "After")
    folder.journal.close()
    folder.places.ledger.write_bytes(anew.read_bytes())

    again = folder.catalogue()

    assert names(again) == ["new-2.png", "new-1.png"]
    assert names(again, "before") == []


def test_an_index_is_kept_though_its_newest_row_was_given_back(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.answer(folder.claim("a.png"), "Answered")
    given_back = folder.claim("b.png", "b" * 64)
    catalogue = folder.catalogue()
    catalogue.refresh()
    catalogue.close()
    folder.journal.forget(given_back.id)
    folder.claim("c.png", "c" * 64)
    again = folder.catalogue()
    monkeypatch.setattr(answers, "read", lambda *_: pytest.fail("it is read once more"))

    assert names(again) == ["c.png", "a.png"]


def test_a_large_answer_is_skimmed_to_the_same_as_when_it_is_parsed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = folder.claim("a.png")
    error = {"class": "killed", "message": "page 2 was killed", "page": 2}
    output = {"kind": "text", "name": "a.png.txt", "bytes": 3, "media_type": "text/plain"}
    path = folder.places.outbox / "a.png.json"
    texts = ['One "quoted"\n  {', "二", ""]
    path.write_text(sidecar(claim, texts, "partial", error=error, outputs=[output]))
    whole = answers.read(folder.places.outbox, "a.png.json")
    assert whole is not None
    assert whole.content is not None
    monkeypatch.setattr(answers, "HELD_BYTES", 10)

    skimmed = answers.read(folder.places.outbox, "a.png.json")

    assert skimmed is not None
    assert skimmed.content is None
    for name in ("claim", "status", "pages", "confidence", "text", "error", "outputs"):
        assert getattr(skimmed, name) == getattr(whole, name), name
    pages = [answers.page(folder.places.outbox, "a.png.json", n) for n in (1, 2, 3, 4)]
    assert pages == [*whole.content["pages"], None]


def test_a_path_of_the_machine_in_an_error_is_not_shown(folder: Folder) -> None:
    claim = folder.claim("a.png")
    why = f"[Errno 5] Input/output error: '{folder.places.inbox}/x'"
    folder.answer(claim, "", "failed", error={"class": "crashed", "message": why})

    found = folder.catalogue().document(claim.id)

    assert found is not None
    assert str(folder.places.inbox) not in repr((found.item, found.sidecar))


def test_a_path_of_the_machine_in_a_document_is_shown_as_it_was_read(folder: Folder) -> None:
    claim = folder.claim("a.png")
    text = f"cp {folder.places.outbox}/a.png.json {folder.places.inbox}"
    folder.answer(claim, text)
    catalogue = folder.catalogue()

    found = catalogue.document(claim.id)

    assert found is not None
    assert found.sidecar is not None
    page = catalogue.page(claim.id, 1)
    assert page == found.sidecar["pages"][0]
    assert (found.sidecar["text"], page["text"]) == (text, text)
    assert page["blocks"][0]["lines"][0]["text"] == text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("发票", '"\u200b发\u200b\u200b票\u200b"*'),
        ('a"b* OR c', '"a b*"* AND "OR"* AND "c"*'),
        ("-- ** \x00", None),
    ],
)
def test_what_a_person_types_is_never_syntax(query: str, wanted: str | None) -> None:
    assert terms.expression(query) == wanted
