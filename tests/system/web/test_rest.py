"""The REST interface of a real web process beside a real daemon."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest
import requests

from tests.support.running_daemon import Workspace, until
from tests.support.samples import pdf_of_text, png, text_page
from tests.support.web.site import Site, port_of, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site"), requests_per_minute=0) as made:
        yield made


def chinese_pdf(*pages: str) -> bytes:
    """Return a PDF with a line of text on each page, in a font with Chinese characters."""
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 100), text, fontname="china-s", fontsize=14)
        return document.tobytes()


def test_predict_returns_text_and_confidence(site: Site) -> None:
    image = png(text_page(["Invoice 2041", "Total 17.50"]))

    answer = requests.post(f"{site.base}/predict", files={"image": image}, timeout=60).json()

    assert answer["text"] == "Invoice 2041\nTotal 17.50"
    assert answer["confidence"] > 0.9
    assert (answer["status"], len(answer["pages"]), answer["cached"]) == ("done", 1, False)


def test_known_content_is_answered_from_its_sidecar(site: Site) -> None:
    image = png(text_page(["Seen before 77"]))
    first = site.post("/predict", files={"file": image}).json()
    before = site.workspace.answers()

    second = site.post("/predict", data=image, headers={"Content-Type": "image/png"}).json()

    # the original may have moved to the archive meanwhile
    assert second == first | {"cached": True, "original": second["original"]}
    assert site.workspace.answers() == before


def test_a_duplicate_has_the_text_of_the_earlier_document(site: Site) -> None:
    image = png(text_page(["Sent twice 88"]))
    first = site.settled(site.upload("one.png", image)["location"])

    second = site.settled(site.upload("two.png", image)["location"])

    assert second["status"] == "duplicate"
    assert second["duplicate_location"] == first["location"] != second["location"]
    for name in ("text", "pages", "confidence", "page_count"):
        assert second[name] == first[name], name


def test_a_sidecar_is_fetched_byte_for_byte(site: Site) -> None:
    document = site.settled(site.upload("bytes.png", png(text_page(["To the byte"])))["location"])
    (output,) = [each for each in document["outputs"] if each["kind"] == "answer"]

    fetched = site.get(output["location"])

    (path,) = site.workspace.outbox.rglob(output["name"])
    assert fetched.content == path.read_bytes()


def test_an_unreadable_file_is_answered_with_422(site: Site) -> None:
    answer = site.post("/predict", files={"image": png(text_page(["x"]))[:200]})

    assert answer.status_code == 422
    assert answer.json()["status"] == "failed"
    assert "PNG" in answer.json()["error"]


def test_the_search_matches_chinese_characters_and_prefixes(site: Site) -> None:
    content = chinese_pdf("增值税发票号码 20410017", "Quarterly maintenance")
    document = site.settled(site.upload("发票 七月.pdf", content)["location"])

    def ids(query: str) -> list[str]:
        found = site.get("/documents", params={"query": query}).json()
        return [each["id"] for each in found["documents"]]

    assert document["page_count"] == 2
    for query in ("发票", "税发", "maint", "七月", "quarterly 号码"):
        assert ids(query) == [document["id"]], query
    assert ids("票发") == []
    assert ids('"发票 OR') == ids("* NEAR(") == []


def test_a_snippet_has_hits_as_plain_fragments(site: Site) -> None:
    site.settled(site.upload("a.pdf", pdf_of_text([["Alpha <b>Bravo</b> Charlie"]]))["location"])

    (found,) = site.get("/documents", params={"query": "brav"}).json()["documents"]

    pieces = [(piece["text"], piece["hit"]) for piece in found["snippet"]]
    assert pieces == [("Alpha <b>", False), ("Bravo", True), ("</b> Charlie", False)]


def test_a_failed_file_is_retried_and_its_result_replaced(site: Site) -> None:
    upload = site.upload("cut.png", png(text_page(["cut"]))[:150])
    failed = site.settled(upload["location"])

    answer = until(  # 409 while the original is being moved to the folder of failed files
        lambda: (now := site.post(f"/documents/{failed['id']}/retry")).status_code != 409 and now
    )

    assert (answer.status_code, answer.json()["id"]) == (202, failed["id"])
    again = until(
        lambda: (now := site.settled(upload["location"]))["id"] != failed["id"] and now,
        what="another claim",
    )
    assert again["status"] == "failed"
    names = [each["name"] for each in site.get("/documents?status=failed").json()["documents"]]
    assert names.count(failed["name"]) == 1
    assert site.get(f"/documents/{failed['id']}").json()["id"] == again["id"]


def test_only_a_failed_document_is_retried(site: Site) -> None:
    document = site.settled(site.upload("good.pdf", pdf_of_text([["Good"]]))["location"])

    assert site.post(f"{document['location']}/retry").status_code == 409


def test_delete_removes_the_result_and_keeps_the_original(site: Site) -> None:
    content = pdf_of_text([["To be deleted"]])
    document = site.settled(site.upload("gone.pdf", content)["location"])
    original = until(lambda: site.get(document["location"]).json()["original"])  # once archived
    until(lambda: site.delete(document["location"]).status_code in (204, 410))

    assert site.get(document["location"]).status_code == 410
    assert site.delete(document["location"]).status_code == 410
    assert site.get(original).content == content
    assert site.get("/documents?query=deleted").json()["total"] == 0
    assert not (site.workspace.outbox / f"{document['name']}.json").exists()
    result = site.workspace.command("verify", "--deep")
    assert result.returncode == 0, result.stdout


def test_deleted_content_is_read_again(site: Site) -> None:
    content = pdf_of_text([["Read me twice"]])
    first = site.post("/predict", data=content, headers={"Content-Type": "application/pdf"}).json()
    until(lambda: site.delete(first["location"]).status_code == 204)

    second = site.post("/predict", data=content, headers={"Content-Type": "application/pdf"}).json()

    assert (second["text"], second["cached"]) == ("Read me twice", False)


def test_sidecar_and_page_image_can_be_fetched(site: Site) -> None:
    document = site.settled(site.upload("look.png", png(text_page(["Look"])))["location"])
    (answer,) = document["outputs"]

    sidecar = site.get(answer["location"]).json()
    picture = site.get(f"{document['location']}/pages/1/image")

    assert sidecar == json.loads((site.workspace.outbox / f"{document['name']}.json").read_text())
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert site.get(f"{document['location']}/pages/2/image").status_code == 404


def test_the_files_of_a_form_are_accepted_together_or_not_at_all(site: Site) -> None:
    good = pdf_of_text([["One of several"]])
    before = site.get("/documents").json()["total"]

    both = site.post("/upload", files=[("a", ("1.pdf", good)), ("b", ("2.pdf", good + b"\n"))])
    mixed = site.post("/upload", files=[("a", ("3.pdf", good)), ("b", ("4.pdf", b"<svg/>"))])

    assert [each["name"] for each in both.json()["documents"]] == ["1.pdf", "2.pdf"]
    assert mixed.status_code == 415
    for each in both.json()["documents"]:
        site.settled(each["location"])
    assert site.get("/documents").json()["total"] == before + 2
    assert list((site.workspace.inbox / ".ocr-daemon/web").iterdir()) == []


def test_fifty_uploads_in_a_row_are_all_answered(site: Site) -> None:
    texts = [f"Number {number}" for number in range(50)]

    locations = [
        site.upload(f"{n}.pdf", pdf_of_text([[text]]))["location"] for n, text in enumerate(texts)
    ]

    assert [site.settled(location)["text"] for location in locations] == texts
    assert site.process().memory_info().rss < 80_000_000


def test_files_dropped_into_the_inbox_are_listed(site: Site) -> None:
    site.workspace.drop("by hand/scan.pdf", pdf_of_text([["Dropped by hand"]]))

    found = until(lambda: site.get("/documents?query=dropped").json()["documents"])

    assert [each["name"] for each in found] == ["by hand/scan.pdf"]


def test_no_response_contains_a_path_of_the_server(site: Site) -> None:
    paths = ["/documents", "/healthz", "/openapi.json", "/nothing", "/documents/x", "/upload"]

    text = "".join(site.get(path).text for path in paths)

    assert str(site.workspace.root) not in text


def test_a_killed_web_process_is_restarted_and_the_daemon_continues(site: Site) -> None:
    printed = len((site.workspace.root / "output").read_text())
    site.process().kill()

    site.workspace.drop("meanwhile.pdf", pdf_of_text([["Still read"]]))

    assert site.workspace.answer("meanwhile.pdf.json")["text"] == "Still read"
    site.move_to(port_of(site.workspace, printed))
    assert site.get("/documents?query=still").json()["total"] == 1


def test_the_web_process_uses_the_config_in_force(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        workspace, web = site.workspace, {"enabled": True, "port": 0}
        Workspace(tmp_path, web=web, folders={"state": str(tmp_path / "other")})
        assert site.daemon is not None
        site.daemon.signal(signal.SIGHUP)
        until(lambda: has_event(workspace, "config.needs_restart"), what=workspace.log_tail())
        printed = len((workspace.root / "output").read_text())
        site.process().kill()
        site.move_to(port_of(workspace, printed))

        site.upload("scan.png", pdf_of_text([["By the running config"]]))

        assert not (tmp_path / "other").exists()


def test_the_web_process_is_restarted_with_new_ignore_patterns(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        printed = len((site.workspace.root / "output").read_text())
        Workspace(tmp_path, web={"enabled": True, "port": 0}, watch={"ignore": ["old*"]})
        assert site.daemon is not None

        site.daemon.signal(signal.SIGHUP)

        site.move_to(port_of(site.workspace, printed))
        assert "old" not in site.upload("old.pdf", pdf_of_text([["Kept"]]))["name"]


def has_event(workspace: Workspace, event: str) -> bool:
    return any(each["event"] == event for each in workspace.events())


def test_the_web_process_dies_with_a_killed_daemon(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        process = site.process()
        assert site.daemon is not None
        site.daemon.process.kill()

        process.wait(15)

        assert not process.is_running()
