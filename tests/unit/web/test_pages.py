"""The pages as a browser without JavaScript gets them."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import pytest

from daemon import __version__
from daemon.monitoring.heartbeat import Heartbeat, beat
from daemon.web.daemon_status import DaemonStatus, daemon_status
from daemon.web.http.filenames import content_disposition, visible_name
from daemon.web.index.corrections import Correction
from daemon.web.index.records import (
    DocumentDetails,
    DocumentFilter,
    SnippetFragment,
    WaitingCause,
    WaitingReason,
)
from daemon.web.ui.error_messages import WARNING_MESSAGES
from daemon.web.ui.messages import CHINESE, ENGLISH, MESSAGES
from tests.support.web.stand_in import Documents, item, site_of
from tests.unit.web.test_view import block, line, page, word

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


def test_a_long_list_is_split_into_linked_pages(tmp_path: Path) -> None:
    documents = listed(70)

    first = site_of(documents, tmp_path).get("/")

    assert "1 to 30 of 70" in first.text
    assert 'rel="next" href="/?offset=30"' in first.text
    assert 'rel="prev"' not in first.text


def test_an_offset_beyond_the_end_shows_the_last_page(tmp_path: Path) -> None:
    beyond = site_of(listed(70), tmp_path).get("/?offset=900")

    assert "61 to 70 of 70" in beyond.text
    assert "/?offset=30" in beyond.text
    assert "No documents yet" not in beyond.text


def test_a_deleted_result_cannot_be_deleted_again(tmp_path: Path) -> None:
    gone = DocumentDetails(item("a1", "scan.png", is_gone=True), None, (), None)

    assert site_of(Documents(gone), tmp_path).get("/documents/a1/view/delete").status_code == 404


def test_a_download_name_has_no_control_characters() -> None:
    header = content_disposition("a\u202egnp.\n\x1b[31m中.exe", "attachment")["Content-Disposition"]

    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert name == "a\ufffdgnp.\ufffd\ufffd[31m中.exe"
    assert header.isascii()
    assert header.isprintable()


def test_the_search_works_without_javascript(tmp_path: Path) -> None:
    documents = listed(12)

    found = site_of(documents, tmp_path).get("/", params={"q": "scan 11", "status": "done"})

    assert documents.asked == [(DocumentFilter("scan 11", "done"), 0, 30)]
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
def test_invalid_parameters_are_ignored(tmp_path: Path, asked: str) -> None:
    assert "3 documents" in site_of(listed(3), tmp_path).get(f"/{asked}").text


def test_an_unchanged_list_is_not_sent_again(tmp_path: Path) -> None:
    site = site_of(listed(3), tmp_path)
    seen = re.search(r'data-seen="(\w+)"', site.get("/").text)
    assert seen

    assert site.get("/partials/list", params={"seen": seen[1]}).status_code == 204
    assert site.get("/partials/list", params={"seen": "older"}).status_code == 200


def test_markup_in_names_errors_and_text_is_escaped(tmp_path: Path) -> None:
    hit = item("b", f"{MARKUP}.png", "failed", error=ALERT, snippet=(SnippetFragment(ALERT, True),))
    site = site_of(
        Documents(DocumentDetails(hit, None, (), None), read(f'"{MARKUP}', ALERT)), tmp_path
    )

    answers = [site.get(path).text for path in ("/", "/documents/a1/view", f"/?q={ALERT}")]

    assert not [each for each in answers if MARKUP in each or ALERT in each or "&lt;" not in each]


def test_invisible_characters_in_names_are_replaced() -> None:
    assert (
        visible_name("a\nb\u202ec\u200fd\x7f\udce9 é中.png")
        == "a\ufffdb\ufffdc\ufffdd\ufffd\ufffd é中.png"
    )


def test_only_one_page_of_a_document_is_shown(tmp_path: Path) -> None:
    site = site_of(Documents(read("book.pdf", pages=500)), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": "250"}).text

    assert answer.count('src="/documents/a1/pages/') == 1
    assert "/documents/a1/pages/250/image" in answer
    assert "?page=249" in answer
    assert "?page=251" in answer


@pytest.mark.parametrize(("asked", "number"), [("0", 1), ("501", 500), ("-3", 1), ("x", 1)])
def test_an_invalid_page_number_shows_the_nearest_page(
    tmp_path: Path, asked: str, number: int
) -> None:
    site = site_of(Documents(read("book.pdf", pages=500)), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": asked}).text

    assert f"/documents/a1/pages/{number}/image" in answer


def test_a_page_of_a_very_large_document_is_read_alone(tmp_path: Path) -> None:
    large = item(
        "a2", "archive.pdf", pages=9000, confidence=0.9, answered_at="2026-03-01T10:00:01Z"
    )
    documents = Documents(DocumentDetails(large, None, (), Path("original.pdf"), is_large=True))
    documents.pages["a2", 8000] = page(block(line("far", word("far"))))

    answer = site_of(documents, tmp_path).get("/documents/a2/view", params={"page": "8000"}).text

    assert "Page 8000 of 9000" in answer
    assert ">far</span>" in answer


def test_the_text_of_all_pages_can_be_copied(tmp_path: Path) -> None:
    answer = site_of(Documents(read("scan.png", "all of it")), tmp_path).get(
        "/documents/a1/view/text"
    )

    assert answer.text == "all of it"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_unknown_document_is_not_found(tmp_path: Path) -> None:
    answer = site_of(Documents(), tmp_path).get("/documents/none/view")

    assert answer.status_code == 404
    assert "Document not found" in answer.text


def test_a_page_of_a_waiting_document_reloads_when_the_status_changes(tmp_path: Path) -> None:
    site = site_of(Documents(read("scan.png")), tmp_path)

    moved = site.get("/documents/a1/view", params={"seen": "reading"})

    assert moved.headers["hx-refresh"] == "true"
    assert "hx-refresh" not in site.get("/documents/a1/view", params={"seen": "done"}).headers


def test_the_chosen_language_is_remembered(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path)
    english = site.get("/", headers={"Accept-Language": "en"}).text

    site.get("/?language=zh", headers={"Accept-Language": "en"})

    assert 'lang="en"' in english
    assert '<html lang="zh-Hans"' in site.get("/", headers={"Accept-Language": "en"}).text


def test_switching_the_language_keeps_the_query(tmp_path: Path) -> None:
    answer = site_of(listed(1), tmp_path).get("/?q=a%26b&status=done").text

    assert 'href="?q=a%26b&amp;status=done&amp;language=zh"' in answer


def test_no_page_has_inline_scripts_or_styles(tmp_path: Path) -> None:
    site = site_of(Documents(read("scan.png")), tmp_path)

    for path in ("/", "/documents/a1/view", "/documents/a1/view/delete", "/documents/none/view"):
        answer = site.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", answer)
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer)


def test_only_the_right_token_logs_in(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path, token="a secret of some length")

    assert site.post("/login", data={"token": "guess"}).status_code == 403
    right = site.post("/login", data={"token": "a secret of some length"})
    assert right.status_code == 303
    assert "httponly; " in right.headers["set-cookie"].lower()
    assert "samesite=lax" in right.headers["set-cookie"].lower()


def test_a_login_redirects_to_the_requested_page(tmp_path: Path) -> None:
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
def test_a_login_never_redirects_to_another_host(tmp_path: Path, elsewhere: str) -> None:
    token = "a secret of some length"

    answer = site_of(listed(1), tmp_path, token=token).post(
        "/login", data={"token": token, "next": elsewhere}
    )

    assert answer.headers["location"] == "/"


def test_a_stopped_daemon_is_reported(tmp_path: Path) -> None:
    assert "The daemon is not running." in site_of(listed(1), tmp_path).get("/").text


def test_a_fault_makes_the_daemon_degraded(tmp_path: Path) -> None:
    beat(tmp_path, Heartbeat(1, 100.0, 100.0, 0, False, []))
    assert daemon_status(tmp_path, 103.0) == DaemonStatus("ok", 3)

    beat(tmp_path, Heartbeat(1, 100.0, 100.0, 0, False, [("the outbox is full", 90.0)]))

    expected = DaemonStatus("degraded", 3, (("the outbox is full", 13),))
    assert daemon_status(tmp_path, 103.0) == expected


def test_faults_of_the_daemon_are_shown_without_parent_folders(tmp_path: Path) -> None:
    now = time.monotonic()
    fault = ("/srv/scans/outbox has 3 MB free; make room on /srv", now - 90)
    beat(tmp_path, Heartbeat(1, now, now, 0, False, [fault]))

    answer = site_of(listed(1), tmp_path).get("/partials/daemon-status").text

    assert "outbox has 3 MB free; make room on srv" in answer
    assert "/srv" not in answer
    assert "for 90 s" in answer


def test_a_healthy_daemon_shows_no_notice(tmp_path: Path) -> None:
    beat(tmp_path, Heartbeat(1, time.monotonic(), 0.0, 2, False, []))

    assert "notice" not in site_of(listed(1), tmp_path).get("/partials/daemon-status").text


def test_a_stale_or_damaged_heartbeat_means_down(tmp_path: Path) -> None:
    beat(tmp_path, Heartbeat(1, 100.0, 100.0, 0, False, []))
    assert daemon_status(tmp_path, 400.0) == DaemonStatus("down", 300)

    (tmp_path / "heartbeat.json").write_text(json.dumps({"pid": 1})[:-2])

    assert daemon_status(tmp_path, 400.0) == DaemonStatus("down")


UNREAD = [
    {"box": [10, 20, 60, 40], "reason": "too_small"},
    {"box": [10, 60, 60, 80], "reason": "low_confidence"},
]
WARNING = {"class": "renderer_message", "message": "an image could not be decoded", "page": None}


def incomplete(**changes: Any) -> DocumentDetails:
    """A document of two pages: the second has unread regions and a warning."""
    whole = read("scan.pdf", pages=2)
    assert whole.sidecar is not None
    whole.sidecar["pages"][1] |= {"unread": UNREAD, "warnings": [WARNING]}
    summary = replace(whole.summary, unread_count=2, warning_count=2)
    attached = {"class": "attachments_not_read", "message": "2 files are attached", "page": None}
    return replace(whole, summary=summary, warnings=(attached,), **changes)


def test_unread_regions_lie_over_the_image_and_each_has_its_reason(tmp_path: Path) -> None:
    site = site_of(Documents(incomplete()), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": "2"}).text

    assert re.findall(
        r'<g class="region" id="region-(\d)" data-region="\d">'
        r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', answer,
    ) == [("1", "10", "20", "50", "20"), ("2", "10", "60", "50", "20")]  # fmt: skip
    assert "Looks like text, was not read (2)" in answer
    assert "2 regions of this page look like text" in answer
    assert MESSAGES[ENGLISH]["unread_too_small"] in answer
    assert MESSAGES[ENGLISH]["unread_low_confidence"] in answer
    assert answer.count('<a href="#region-') == 2


def test_a_page_without_unread_regions_says_nothing_of_them(tmp_path: Path) -> None:
    answer = site_of(Documents(incomplete()), tmp_path).get("/documents/a1/view").text

    assert 'id="unread"' not in answer
    assert 'class="region"' not in answer
    assert "Looks like text" not in answer


def test_without_the_image_the_regions_are_counted_and_link_nowhere(tmp_path: Path) -> None:
    site = site_of(Documents(incomplete(original=None)), tmp_path)

    answer = site.get("/documents/a1/view", params={"page": "2"}).text

    assert "2 regions of this page look like text" in answer
    assert "#region-" not in answer


def test_unread_regions_and_warnings_are_told_in_chinese(tmp_path: Path) -> None:
    site = site_of(Documents(incomplete()), tmp_path)

    answer = site.get(
        "/documents/a1/view", params={"page": "2"}, headers={"Accept-Language": "zh-CN"}
    ).text

    for key in ("unread_too_small", "unread_low_confidence"):
        assert MESSAGES[CHINESE][key] in answer
    assert "看起来是文字，未识别（2 处）" in answer
    for warning_class in ("renderer_message", "attachments_not_read"):
        assert WARNING_MESSAGES[CHINESE][warning_class] in answer
    assert '<span lang="en" class="verbatim">an image could not be decoded</span>' in answer


def test_warnings_of_the_document_stand_above_every_page_and_those_of_a_page_on_it(
    tmp_path: Path,
) -> None:
    site = site_of(Documents(incomplete()), tmp_path)

    first, second = (
        site.get("/documents/a1/view", params={"page": number}).text for number in ("1", "2")
    )

    assert ("2 files are attached" in first, "2 files are attached" in second) == (True, True)
    assert ("could not be decoded" in first, "could not be decoded" in second) == (False, True)


def test_the_pages_with_something_unread_are_linked(tmp_path: Path) -> None:
    answer = site_of(Documents(incomplete()), tmp_path).get("/documents/a1/view").text

    assert 'Pages with unread regions or warnings: <a href="?page=2">2</a>' in answer


def test_the_list_marks_documents_with_unread_regions_and_warnings(tmp_path: Path) -> None:
    site = site_of(Documents(incomplete(), read("whole.png")), tmp_path)

    answer = site.get("/").text

    incomplete_item, whole_item = answer.split('<li class="item')[1:]
    assert ("2 unread regions" in incomplete_item, "2 warnings" in incomplete_item) == (True, True)
    assert "unread" not in whole_item
    assert "warning" not in whole_item


def test_markup_in_warnings_is_escaped(tmp_path: Path) -> None:
    bad = {"class": MARKUP, "message": ALERT, "page": None}
    details = replace(read("scan.png"), warnings=(bad,))
    assert details.sidecar is not None
    details.sidecar["pages"][0]["warnings"] = [bad]

    answer = site_of(Documents(details), tmp_path).get("/documents/a1/view").text

    assert answer.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert ALERT not in answer


def test_a_seal_has_its_label_in_both_languages(tmp_path: Path) -> None:
    details = read("sealed.png")
    assert details.sidecar is not None
    details.sidecar["pages"][0]["blocks"][0]["kind"] = "seal"
    site = site_of(Documents(details), tmp_path)

    english = site.get("/documents/a1/view", params={"language": "en"}).text
    chinese = site.get("/documents/a1/view", params={"language": "zh"}).text

    assert '<div class="seal"><p class="label">Seal</p>' in english
    assert '<div class="seal"><p class="label">印章</p>' in chinese


def test_vertical_lines_are_set_vertically_and_turned_ones_are_marked(tmp_path: Path) -> None:
    details = read("turned.png")
    assert details.sidecar is not None
    details.sidecar["pages"][0]["blocks"] = [
        block(line("天地", word("天地"), direction="vertical")),
        block(line("margin", word("margin"), direction="rotated_270")),
    ]

    answer = site_of(Documents(details), tmp_path).get("/documents/a1/view").text

    assert answer.count('<div class="columns" role="region" tabindex="0"') == 1
    assert '<span class="row vertical" id="l-0-0"' in answer
    assert '<span class="row rotated_270" id="l-1-0"' in answer


def test_a_waiting_file_says_why_it_waits_in_both_languages(tmp_path: Path) -> None:
    reasons = {
        "w-1": WaitingReason("ready", ahead=3),
        "w-2": WaitingReason("incomplete", f"its end is missing {MARKUP}"),
        "w-3": WaitingReason("ready", ahead=1),
    }
    documents = Documents(
        *(
            DocumentDetails(item(name, f"{name}.png", "waiting", waiting=reason), None, (), None)
            for name, reason in reasons.items()
        )
    )
    site = site_of(documents, tmp_path)

    english = site.get("/").text
    chinese = site.get("/", headers={"Accept-Language": "zh"}).text

    assert "3 files are read before it." in english
    assert "1 file is read before it." in english
    assert "It is still being written, or was cut off:" in english
    assert "its end is missing &lt;img" in english
    assert "前面还有 3 个文件。" in chinese


def test_every_cause_of_waiting_has_a_sentence() -> None:
    causes = get_args(WaitingCause)

    assert [cause for cause in causes if f"wait_{cause}" not in MESSAGES[ENGLISH]] == []


@pytest.mark.parametrize(
    ("retry", "has_button", "sentence"),
    [
        ("possible", True, ""),
        ("under_way", False, "in the inbox again"),
        ("original_gone", False, "It cannot be retried"),
    ],
)
def test_a_failed_document_has_a_retry_button_only_where_it_can_be_retried(
    tmp_path: Path, retry: str, has_button: bool, sentence: str
) -> None:
    failed = item("a1", "a.png", "failed", error="torn", answered_at="2026-01-01", retry=retry)
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    page = site.get("/").text

    assert ("/documents/a1/view/retry" in page) == has_button
    assert sentence in page


def test_a_retry_leads_back_to_the_list_as_it_was(tmp_path: Path) -> None:
    failed = item("a1", "a.png", "failed", error="torn", answered_at="2026-01-01", retry="possible")
    site = site_of(Documents(DocumentDetails(failed, None, (), None)), tmp_path)

    page = site.get("/?status=failed&q=a").text

    assert 'action="/documents/a1/view/retry?q=a&amp;status=failed"' in page


def test_a_result_that_is_being_archived_has_no_button_to_delete_it(tmp_path: Path) -> None:
    busy, over = (
        DocumentDetails(item(name, f"{name}.png", is_closed=closed), None, (), None)
        for name, closed in (("a1", False), ("b2", True))
    )
    page = site_of(Documents(busy, over), tmp_path).get("/").text

    assert "/documents/a1/view/delete" not in page
    assert "/documents/b2/view/delete" in page


def test_the_filters_have_counts(tmp_path: Path) -> None:
    page = site_of(listed(12), tmp_path).get("/").text

    assert '<small class="count" id="count-all">12</small>' in page
    assert '<small class="count" id="count-failed">0</small>' in page


def test_a_refreshed_list_brings_its_counts_along(tmp_path: Path) -> None:
    fragment = site_of(listed(2), tmp_path).get("/partials/list").text

    assert '<small class="count" id="count-done" hx-swap-oob="true">2</small>' in fragment


def test_the_list_a_document_was_opened_from_is_carried_on(tmp_path: Path) -> None:
    site = site_of(Documents(read("a.png"), read("scan.pdf", pages=3)), tmp_path)
    carried = "q=a&amp;status=done&amp;sort=name"

    listing = site.get("/?q=a&status=done&sort=name").text
    document = site.get("/documents/a1/view?q=a&status=done&sort=name").text

    assert f'href="/documents/a1/view?{carried}"' in listing
    assert f'href="/?{carried}"' in document


def test_the_theme_is_kept_and_the_browser_is_told(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path)
    assert 'data-theme="system"' in site.get("/").text

    site.get("/?theme=dark")

    page = site.get("/help").text
    assert 'data-theme="dark"' in page
    assert '<meta name="color-scheme" content="dark">' in page


def test_an_unknown_theme_is_ignored(tmp_path: Path) -> None:
    site = site_of(listed(1), tmp_path)

    assert 'data-theme="system"' in site.get("/?theme=%22%3E").text
    assert 'data-theme="system"' in site.get("/").text


def test_every_page_links_help_interface_and_version(tmp_path: Path) -> None:
    page = site_of(listed(1), tmp_path).get("/").text

    assert [path for path in ("/help", "/docs", "/openapi.json") if f'href="{path}"' in page] == [
        "/help", "/docs", "/openapi.json",
    ]  # fmt: skip
    assert __version__ in page


def test_a_corrected_line_shows_what_was_read_beside_it(tmp_path: Path) -> None:
    documents = Documents(read("a.png", f"Tota1 {MARKUP}"))
    documents.corrected_lines = (
        Correction(
            1, (10, 20, 110, 40), 1000, 800, "horizontal", 0, 0.0, "Tota1", f"Total {ALERT}",
            "crnn", "2026-07-01T00:00:00.000Z",
        ),
    )  # fmt: skip
    details = documents.document("a1")
    assert details
    assert details.sidecar
    details.sidecar["pages"][0] |= {"width": 1000, "height": 800}
    details.sidecar["pages"][0]["blocks"][0]["lines"][0]["box"] = [10, 20, 110, 40]

    page = site_of(documents, tmp_path).get("/documents/a1/view").text

    assert "1 corrected line" in page
    assert (
        f"was read as <del>Tota1 {MARKUP.replace('<', '&lt;').replace('>', '&gt;')}</del>" in page
    )
    assert f"Total {ALERT.replace('<', '&lt;').replace('>', '&gt;')}" in page
    assert MARKUP not in page
