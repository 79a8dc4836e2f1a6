"""The pages as a browser without scripts gets them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from daemon.monitoring.heartbeat import Heartbeat, beat
from daemon.web.daemon_status import DaemonStatus, daemon_status
from daemon.web.http.filenames import content_disposition, visible_name
from daemon.web.index.records import DocumentDetails, SnippetFragment
from tests.web.stand_in import Documents, item, site_of
from tests.web.test_view import block, line, page, word

MARKUP = "<img src=x onerror=alert(1)>"
ALERT = "<script>alert(1)</script>"


def listed(count: int) -> Documents:
    return Documents(
        *(DocumentDetails(item(f"{n:032x}", f"scan {n}.png"), None, (), None) for n in range(count))
    )


def read(name: str, text: str = "text", pages: int = 1) -> DocumentDetails:
    content = [
        {**page(block(line(text, word(text)))), "number": n + 1, "text": text} for n in range(pages)
    ]
    sidecar = {
        "pages": content, "text": text,
        "processing": {"seconds": 0.5}, "engine": {"model": {"name": "crnn"}},
    }  # fmt: skip
    done = item("a1", name, pages=pages, confidence=0.97, answered_at="2026-03-01T10:00:01Z")
    return DocumentDetails(done, sidecar, (), Path("original.png"))


def test_a_long_list_comes_in_pages_that_lead_to_one_another(tmp_path: Path) -> None:
    documents = listed(70)

    first = site_of(documents, tmp_path).get("/")

    assert "1 to 30 of 70" in first.text
    assert 'rel="next" href="/?offset=30"' in first.text
    assert 'rel="prev"' not in first.text


def test_beyond_the_end_of_the_list_is_its_last_page(tmp_path: Path) -> None:
    beyond = site_of(listed(70), tmp_path).get("/?offset=900")

    assert "61 to 70 of 70" in beyond.text
    assert "/?offset=30" in beyond.text
    assert "No documents yet" not in beyond.text


def test_what_is_deleted_already_is_not_asked_about(tmp_path: Path) -> None:
    gone = DocumentDetails(item("a1", "scan.png", is_gone=True), None, (), None)

    assert site_of(Documents(gone), tmp_path).get("/documents/a1/view/delete").status_code == 404


def test_a_download_has_no_name_that_turns_round_or_breaks_a_line() -> None:
    said = content_disposition("a\u202egnp.\n\x1b[31m中.exe", "attachment")["Content-Disposition"]

    name = unquote(said.partition("filename*=UTF-8''")[2])
    assert name == "a\ufffdgnp.\ufffd\ufffd[31m中.exe"
    assert said.isascii()
    assert said.isprintable()


def test_searching_needs_no_script(tmp_path: Path) -> None:
    documents = listed(12)

    found = site_of(documents, tmp_path).get("/", params={"q": "scan 11", "status": "done"})

    assert documents.asked == [("scan 11", "done", 0, 30)]
    assert "1 document<" in found.text


@pytest.mark.parametrize(
    "asked",
    [
        "?offset=-1",
        "?offset=x",
        "?offset=99999999999999999999",
        "?status=nonsense",
        "?offset=%C2%B2",
    ],
)
def test_what_cannot_be_meant_is_taken_as_not_said(tmp_path: Path, asked: str) -> None:
    assert "3 documents" in site_of(listed(3), tmp_path).get(f"/{asked}").text


def test_a_list_that_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    site = site_of(listed(3), tmp_path)
    seen = re.search(r'data-seen="(\w+)"', site.get("/").text)
    assert seen

    assert site.get("/partials/list", params={"seen": seen[1]}).status_code == 204
    assert site.get("/partials/list", params={"seen": "older"}).status_code == 200


def test_markup_in_names_sentences_and_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    hit = item("b", f"{MARKUP}.png", "failed", error=ALERT, snippet=(SnippetFragment(ALERT, True),))
    site = site_of(
        Documents(DocumentDetails(hit, None, (), None), read(f'"{MARKUP}', ALERT)), tmp_path
    )

    answers = [site.get(path).text for path in ("/", "/documents/a1/view", f"/?q={ALERT}")]

    assert not [each for each in answers if MARKUP in each or ALERT in each or "&lt;" not in each]


def test_names_show_what_has_no_look_of_its_own() -> None:
    assert (
        visible_name("a\nb\u202ec\u200fd\x7f\udce9 é中.png")
        == "a\ufffdb\ufffdc\ufffdd\ufffd\ufffd é中.png"
    )


def test_a_page_of_many_is_shown_alone(tmp_path: Path) -> None:
    site = site_of(Documents(read("book.pdf", pages=500)), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": "250"}).text

    assert answer.count('src="/documents/a1/pages/') == 1
    assert "/documents/a1/pages/250/image" in answer
    assert "?page=249" in answer
    assert "?page=251" in answer


@pytest.mark.parametrize(("said", "number"), [("0", 1), ("501", 500), ("-3", 1), ("x", 1)])
def test_a_page_that_is_not_there_is_the_nearest_one(
    tmp_path: Path, said: str, number: int
) -> None:
    site = site_of(Documents(read("book.pdf", pages=500)), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": said}).text

    assert f"/documents/a1/pages/{number}/image" in answer


def test_a_page_of_a_document_too_large_to_be_held_is_read_by_itself(tmp_path: Path) -> None:
    large = item(
        "a2", "archive.pdf", pages=9000, confidence=0.9, answered_at="2026-03-01T10:00:01Z"
    )
    documents = Documents(DocumentDetails(large, None, (), Path("original.pdf"), is_large=True))
    documents.pages["a2", 8000] = page(block(line("far", word("far"))))

    answer = site_of(documents, tmp_path).get("/documents/a2/view", params={"page": "8000"}).text

    assert "Page 8000 of 9000" in answer
    assert ">far</span>" in answer


def test_the_text_of_all_pages_is_there_to_be_copied(tmp_path: Path) -> None:
    answer = site_of(Documents(read("scan.png", "all of it")), tmp_path).get(
        "/documents/a1/view/text"
    )

    assert answer.text == "all of it"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_document_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    answer = site_of(Documents(), tmp_path).get("/documents/none/view")

    assert answer.status_code == 404
    assert "Document not found" in answer.text


def test_who_waits_for_a_document_is_told_when_it_moves_on(tmp_path: Path) -> None:
    site = site_of(Documents(read("scan.png")), tmp_path)

    moved = site.get("/documents/a1/view", params={"status": "reading"})

    assert moved.headers["hx-refresh"] == "true"
    assert "hx-refresh" not in site.get("/documents/a1/view", params={"status": "done"}).headers


def test_the_language_that_was_chosen_is_kept(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path)
    english = site.get("/", headers={"Accept-Language": "en"}).text

    site.get("/?language=zh", headers={"Accept-Language": "en"})

    assert 'lang="en"' in english
    assert '<html lang="zh-Hans">' in site.get("/", headers={"Accept-Language": "en"}).text


def test_switching_the_language_keeps_what_was_asked(tmp_path: Path) -> None:
    answer = site_of(listed(1), tmp_path).get("/?q=a%26b&status=done").text

    assert 'href="?q=a%26b&amp;status=done&amp;language=zh"' in answer


def test_no_page_has_a_script_or_style_within(tmp_path: Path) -> None:
    site = site_of(Documents(read("scan.png")), tmp_path)

    for path in ("/", "/documents/a1/view", "/documents/a1/view/delete", "/documents/none/view"):
        answer = site.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", answer)
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer)


def test_a_wrong_token_is_told_and_the_right_one_opens(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path, token="a secret of some length")

    assert site.post("/login", data={"token": "guess"}).status_code == 403
    right = site.post("/login", data={"token": "a secret of some length"})
    assert right.status_code == 303
    assert "httponly; " in right.headers["set-cookie"].lower()
    assert "samesite=lax" in right.headers["set-cookie"].lower()


def test_a_login_leads_on_to_the_page_that_was_asked_for(tmp_path: Path) -> None:
    token = "a secret of some length"
    site = site_of(listed(1), tmp_path, token=token)
    wanted = "/documents/a1/view?q=a%26b&page=2"

    form = site.get("/login", params={"next": wanted}).text
    wrong = site.post("/login", data={"token": "guess", "next": wanted}).text
    right = site.post("/login", data={"token": token, "next": wanted})

    assert 'name="next" value="/documents/a1/view?q=a%26b&amp;page=2"' in form
    assert 'name="next" value="/documents/a1/view?q=a%26b&amp;page=2"' in wrong
    assert right.headers["location"] == wanted


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1",
        " //evil.example", "/login?next=/", "",
    ],
)  # fmt: skip
def test_a_login_never_leads_to_another_host(tmp_path: Path, elsewhere: str) -> None:
    token = "a secret of some length"

    answer = site_of(listed(1), tmp_path, token=token).post(
        "/login", data={"token": token, "next": elsewhere}
    )

    assert answer.headers["location"] == "/"


def test_a_daemon_that_does_not_run_is_told(tmp_path: Path) -> None:
    assert "The daemon is not running." in site_of(listed(1), tmp_path).get("/").text


def test_what_holds_the_daemon_up_is_told_without_the_folders_on_the_way(tmp_path: Path) -> None:
    now = time.monotonic()
    fault = ("/srv/scans/outbox has 3 MB free; make room on /srv", now - 90)
    beat(tmp_path, Heartbeat(1, now, now, 0, False, [fault]))

    answer = site_of(listed(1), tmp_path).get("/partials/daemon-status").text

    assert "outbox has 3 MB free; make room on srv" in answer
    assert "/srv" not in answer
    assert "for 90 s" in answer


def test_a_daemon_at_work_is_not_talked_about(tmp_path: Path) -> None:
    beat(tmp_path, Heartbeat(1, time.monotonic(), 0.0, 2, False, []))

    assert site_of(listed(1), tmp_path).get("/partials/daemon-status").text.strip() == ""


def test_a_loop_that_does_not_turn_is_stuck_and_a_torn_heartbeat_is_none(tmp_path: Path) -> None:
    beat(tmp_path, Heartbeat(1, 100.0, 100.0, 0, False, []))
    assert daemon_status(tmp_path, 400.0) == DaemonStatus("down", 300)

    (tmp_path / "heartbeat.json").write_text(json.dumps({"pid": 1})[:-2])

    assert daemon_status(tmp_path, 400.0) == DaemonStatus("down")
