"""Actions on selected documents, over a real catalogue and folders of a fake daemon."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from daemon.core.records import Claim
from daemon.web.http.security import AccessControl
from daemon.web.index.catalogue import Catalogue
from daemon.web.index.corrections import Correction
from daemon.web.ui import pages
from daemon.web.ui.templating import Templates
from daemon.web.uploads.uploads import Uploads
from tests.support.web.folder import Folder
from tests.support.web.stand_in import Reader

PAGE = {
    "number": 1, "width": 100, "height": 80, "status": "done", "text_source": "ocr",
    "confidence": 0.9, "text": "Tota1", "unread": [], "warnings": [],
    "blocks": [{"kind": "text", "lines": [{
        "text": "Tota1", "confidence": 0.9, "box": [1, 2, 30, 12], "direction": "horizontal",
        "words": [],
    }]}],
}  # fmt: skip


class Selecting:
    """A browser on the list of a folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.catalogue = Catalogue(folder.paths, folder.catalogue()._pending._scanner)
        paths = folder.paths
        context: Any = SimpleNamespace(
            catalogue=self.catalogue, access=AccessControl(None), state=paths.state,
            uploads=Uploads(paths.inbox, paths.failed, (), 10, 0),
        )  # fmt: skip
        self.reader = Reader(Starlette(routes=pages.routes(context, Templates(pages.STATIC))))

    def submit(self, action: str, *claims: Claim, **more: str) -> httpx.Response:
        fields = [("action", action), *(("id", claim.id) for claim in claims), *more.items()]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.reader.post("/selected", content=urlencode(fields), headers=form)


@pytest.fixture
def site(folder: Folder) -> Selecting:
    return Selecting(folder)


def done(folder: Folder, name: str, text: str = "Tota1", **more: Any) -> Claim:
    claim = folder.claim(name, name.encode().hex().ljust(64, "0"))
    engine = {"model": {"name": "crnn"}}
    values = {"pages": [{**PAGE, "text": text}], "engine": engine} | more
    folder.answer(claim, text, **values)
    return claim


def files(response: httpx.Response) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_texts_of_selected_documents_are_a_zip(site: Selecting, folder: Folder) -> None:
    claims = [done(folder, "a/scan.png", "One"), done(folder, "b/scan.png", "二")]
    done(folder, "other.png", "Not selected")

    answer = site.submit("text", *claims)

    assert 'filename="text.zip"' in answer.headers["content-disposition"]
    assert files(answer) == {"a/scan.png.txt": b"One", "b/scan.png.txt": "二".encode()}


def test_names_that_a_system_takes_for_one_get_numbers(site: Selecting, folder: Folder) -> None:
    claims = [done(folder, "scan.png", "One"), done(folder, "SCAN.png", "Two")]

    assert sorted(files(site.submit("text", *claims))) == ["SCAN.png (2).txt", "scan.png.txt"]


@pytest.mark.parametrize("name", ["..\\x.png", "a\nb.png", "\u202egnp.png"])
def test_no_name_in_a_zip_leads_elsewhere(site: Selecting, folder: Folder, name: str) -> None:
    [entry] = files(site.submit("text", done(folder, name)))

    assert not {"\\", "\n", "\u202e"} & set(entry)
    assert ".." not in entry.split("/")


def test_a_corrected_text_lies_beside_the_one_that_was_read(
    site: Selecting, folder: Folder
) -> None:
    claim = done(folder, "scan.png")
    details = site.catalogue.document(claim.id)
    assert details
    line = Correction(
        1, (1, 2, 30, 12), 100, 80, "horizontal", 0, 0.0, "Tota1", "Total", "crnn", "2026"
    )
    site.catalogue.correct(details, [line])

    assert files(site.submit("text", claim)) == {
        "scan.png.txt": b"Tota1", "scan.png.corrected.txt": b"Total",
    }  # fmt: skip


def test_the_searchable_pdfs_are_those_beside_the_results_and_who_has_none_is_named(
    site: Selecting, folder: Folder
) -> None:
    listed = [{"kind": "searchable_pdf", "name": "scan.png.ocr.pdf"}]
    claim = done(folder, "a/scan.png", outputs=listed)
    (folder.paths.outbox / "a/scan.png.ocr.pdf").write_bytes(b"%PDF")

    answer = site.submit("pdf", claim, done(folder, "without.png"))

    expected = {"a/scan.png.ocr.pdf": b"%PDF", "left out.txt": b"without.png\n"}
    assert files(answer) == expected


def test_a_listed_output_that_leads_elsewhere_is_not_sent(site: Selecting, folder: Folder) -> None:
    (folder.paths.outbox.parent / "secret").write_bytes(b"secret")
    claim = done(folder, "a.png", outputs=[{"kind": "searchable_pdf", "name": "../secret"}])

    assert files(site.submit("pdf", claim)) == {"left out.txt": b"a.png\n"}


def test_the_files_in_a_zip_have_the_numbers_that_they_have_in_the_outbox(
    site: Selecting, folder: Folder
) -> None:
    claims = []
    for number, text in [("", "First"), (".2", "Second")]:
        claim = folder.claim("a/scan.png", text.encode().hex().ljust(64, "0"))
        csv = f"scan.png{number}.fields.csv"
        place = f"a/scan.png{number}.json"
        outputs = [{"kind": "fields_csv", "name": csv}]
        engine = {"model": {"name": "crnn"}}
        folder.answer(claim, text, place=place, outputs=outputs, engine=engine)
        (folder.paths.outbox / "a" / csv).write_text(text)
        claims.append(claim)

    sent = files(site.submit("files", *claims[::-1]))

    assert json.loads(sent["a/scan.png.json"])["text"] == "First"
    assert json.loads(sent["a/scan.png.2.json"])["text"] == "Second"
    assert (sent["a/scan.png.txt"], sent["a/scan.png.2.txt"]) == (b"First", b"Second")
    assert (sent["a/scan.png.fields.csv"], sent["a/scan.png.2.fields.csv"]) == (b"First", b"Second")


def test_a_failed_document_has_no_text_in_a_zip(site: Selecting, folder: Folder) -> None:
    claim = folder.claim("n.txt")
    folder.answer(claim, "", "failed", error={"class": "unsupported", "message": "no image"})

    assert files(site.submit("text", claim)) == {"left out.txt": b"n.txt\n"}
    assert files(site.submit("files", claim)).keys() == {"n.txt.json"}


def test_all_files_of_a_result_are_sent(site: Selecting, folder: Folder) -> None:
    claim = done(folder, "scan.png", outputs=[{"kind": "hocr", "name": "scan.png.hocr"}])
    (folder.paths.outbox / "scan.png.hocr").write_bytes(b"<html/>")

    sent = files(site.submit("files", claim))

    assert sent.keys() == {"scan.png.json", "scan.png.hocr", "scan.png.txt"}
    assert json.loads(sent["scan.png.json"])["processing"]["claim"] == claim.id


def test_deleting_many_asks_first_and_lists_them(site: Selecting, folder: Folder) -> None:
    claims = [done(folder, "a.png"), done(folder, "b.png")]

    question = site.submit("delete", *claims)

    assert "Delete the results of 2 documents?" in question.text
    assert len(list(folder.paths.outbox.glob("*.json"))) == 2
    answer = site.submit("delete-confirmed", *claims)
    assert answer.status_code == 303
    assert list(folder.paths.outbox.glob("*.json")) == []


def test_everything_is_what_the_list_shows_and_no_more(site: Selecting, folder: Folder) -> None:
    done(folder, "a.png", "Ship")
    done(folder, "b.png", "Train")

    answer = site.submit("text", everything="1", q="ship")

    assert files(answer).keys() == {"a.png.txt"}


def test_only_failed_documents_are_retried_and_what_failed_is_told(
    site: Selecting, folder: Folder
) -> None:
    gone, fine = folder.claim("gone.png", "b" * 64), done(folder, "fine.png")
    folder.answer(gone, "", "failed", error={"class": "corrupt", "message": "torn"})

    answer = site.submit("retry", gone, fine)

    assert "gone.png" in answer.text
    assert "the original is not available any more" in answer.text
    assert "fine.png" not in answer.text


@pytest.mark.parametrize("action", ["", "format", "text"])
def test_a_selection_of_nothing_leads_back_to_the_list(site: Selecting, action: str) -> None:
    answer = site.submit(action, q="ship")

    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=ship")


def test_more_than_can_be_selected_is_refused_and_nothing_is_done(
    site: Selecting, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.web.ui.bulk_actions.MAX_SELECTED", 2)
    claims = [done(folder, f"{number}.png") for number in range(3)]

    refused = site.submit("delete-confirmed", *claims)

    assert refused.status_code == 400
    assert "3 documents are more than 2" in refused.text
    assert len(list(folder.paths.outbox.glob("*.json"))) == 3


def test_a_document_that_is_gone_meanwhile_is_named(site: Selecting, folder: Folder) -> None:
    claims = [done(folder, "a.png"), done(folder, "b.png")]
    site.catalogue.refresh()
    Path(folder.paths.outbox / "a.png.json").unlink()

    sent = files(site.submit("text", *claims))
    assert sent.keys() == {"b.png.txt", "left out.txt"}
    assert sent["left out.txt"] == b"a.png\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  To\ttal \r\n 5 ", "To tal 5"),
        ("\u200bTotal\x1b[31m\u202e", "Total[31m"),
        ("总计", "总计"),
    ],
)
def test_a_corrected_line_is_one_visible_line(
    site: Selecting, folder: Folder, text: str, kept: str
) -> None:
    claim = done(folder, "scan.png")
    form = urlencode({"page": "1", "line": "0-0", "read": "Tota1", "text": text})

    answer = site.reader.post(
        f"/documents/{claim.id}/view/corrections",
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 200
    details = site.catalogue.document(claim.id)
    assert details
    assert [each.text for each in site.catalogue.corrections(details)] == [kept]
