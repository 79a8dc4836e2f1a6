"""Uploads with options and names of their own: real processes, killed where it hurts."""

from __future__ import annotations

import json
import os
import signal
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from daemon.core.options import RequestOptions
from daemon.supervisor.request_options import requested_in
from tests.support.kill_points import kill_points
from tests.support.running_daemon import RunningDaemon, Workspace, until
from tests.support.samples import pdf_of_images, pdf_of_text, png, text_page
from tests.support.web.browsing import web_of
from tests.support.web.site import Site, running

BOOK = pdf_of_text([["First"], ["Second"], ["Third"]])
PROFILES = [{"name": "notes", "folders": ["notes"], "outputs": ["text"]}]
ASKED = {"pages": "2", "outputs": "text", "profile": "notes"}
RECORDS = ".ocr-daemon/uploads"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    with running(root, requests_per_minute=0, config={"profiles": PROFILES}) as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    web = {"port": 0, "requests_per_minute": 0, "enabled": True}
    return Workspace(tmp_path, profiles=PROFILES, web=web)


def upload(address: str, name: str, content: bytes = BOOK, **options: Any) -> dict[str, Any]:
    answer = requests.post(
        f"{address}/upload", files={"file": (name, content)}, data=options, timeout=30
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["documents"][0]


def records(workspace: Workspace) -> list[Path]:
    return list((workspace.inbox / RECORDS).glob("*.json"))


# --- options --------------------------------------------------------------------------------------


def test_an_upload_is_read_with_its_options(site: Site) -> None:
    accepted = upload(site.base, "asked.pdf", **ASKED)

    document = site.settled(accepted["location"])

    assert (document["text"], [page["number"] for page in document["pages"]]) == ("Second", [2])
    assert [each["kind"] for each in document["outputs"]] == ["answer", "text"]
    sidecar = site.workspace.answer("web/asked.pdf.json")
    assert sidecar["engine"]["profile"].startswith("notes@")
    assert requested_in(sidecar) == RequestOptions(profile="notes", outputs=("text",), pages="2")


def test_options_may_be_query_parameters(site: Site) -> None:
    answer = site.post(
        "/upload?name=raw.pdf&pages=3,1&outputs=text,searchable_pdf", data=BOOK,
        headers={"Content-Type": "application/pdf"},
    )  # fmt: skip

    document = site.settled(answer.headers["Location"])

    assert document["text"] == "First\n\nThird"
    kinds = [each["kind"] for each in document["outputs"]]
    assert sorted(kinds) == ["answer", "searchable_pdf", "text"]


def test_an_answer_under_other_options_is_not_returned(site: Site) -> None:
    content = pdf_of_text([["One"], ["Two"]])

    def predict(**options: str) -> tuple[str, bool]:
        answer = site.post("/predict", files={"f": ("two.pdf", content)}, data=options).json()
        return answer["text"], answer["cached"]

    assert predict(pages="1") == ("One", False)
    assert predict() == ("One\n\nTwo", False)
    assert predict(pages="1,1-1") == ("One", True)
    assert predict(profile="notes") == ("One\n\nTwo", False)
    assert predict(outputs="text") == ("One\n\nTwo", False)


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ({"profile": "note"}, "did you mean notes?"),
        ({"outputs": "searchable-pdf"}, "did you mean searchable_pdf?"),
        ({"pages": "2-1"}, "pages"),
        ({"pages": "x"}, "1-3,7,10-"),
    ],
)
def test_impossible_options_are_refused(site: Site, sent: dict[str, str], detail: str) -> None:
    for how in ({"data": sent}, {"params": sent}):
        answer = site.post("/upload", files={"f": ("a.pdf", BOOK)}, **how)

        problem = answer.json()
        assert (answer.status_code, problem["error_class"]) == (400, "invalid_parameter")
        assert detail in problem["detail"]
    assert list((site.workspace.inbox / ".ocr-daemon/web").iterdir()) == []


def test_pages_that_do_not_exist_are_a_failure_with_a_reason(site: Site) -> None:
    document = site.settled(upload(site.base, "short.pdf", pages="7-")["location"])

    assert (document["status"], document["error_class"]) == ("failed", "no_such_page")
    assert "3 pages" in document["error"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/documents?limt=3", "did you mean limit?"),
        ("/documents?query=a&query=b", "twice"),
        ("/healthz?verbose=1", "it has none"),
        (f"/documents/{'0' * 32}?pages=1", "it has none"),
    ],
)
def test_an_unknown_query_parameter_is_refused(site: Site, path: str, detail: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_an_unknown_form_field_is_refused(site: Site) -> None:
    answer = site.post("/predict", files={"f": ("a.pdf", BOOK)}, data={"page": "1"})

    assert (answer.status_code, answer.json()["error_class"]) == (400, "unknown_parameter")
    assert "did you mean pages?" in answer.json()["detail"]


def test_text_and_markdown_are_fetched(site: Site) -> None:
    location = site.settled(upload(site.base, "plain.pdf", pages="1-2")["location"])["location"]

    text, markdown = site.get(f"{location}/text"), site.get(f"{location}/markdown")

    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.text == "First\n\nSecond"
    assert markdown.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert markdown.text == "<!-- page 1 -->\n\nFirst\n\n<!-- page 2 -->\n\nSecond\n"


def test_a_failed_document_has_no_text(site: Site) -> None:
    location = site.settled(upload(site.base, "no.pdf", pages="9")["location"])["location"]

    answer = site.get(f"{location}/text")

    assert (answer.status_code, answer.json()["error_class"]) == (422, "not_readable")


def test_a_retry_keeps_the_options(site: Site) -> None:
    failed = site.settled(upload(site.base, "again.pdf", pages="8", outputs="text")["location"])
    assert failed["status"] == "failed"
    until(lambda: (site.workspace.failed / "web/again.pdf").exists())

    assert site.post(f"{failed['location']}/retry").status_code == 202

    again = until(
        lambda: (now := site.settled(failed["location"]))["id"] != failed["id"] and now,
        what="another claim",
    )
    assert (again["status"], again["error_class"]) == ("failed", "no_such_page")
    assert again["name"] == "web/again.pdf"


def test_a_small_request_does_not_wait_for_a_stack(tmp_path: Path) -> None:
    """Bulk: a long document for each place of the only worker, and a stack behind them."""
    books = [
        pdf_of_images([text_page([f"Page {page} of {book}"]) for page in range(12)])
        for book in ("one", "two")
    ]
    stack = [png(text_page([f"Sheet {number}"])) for number in range(20)]
    with running(tmp_path, requests_per_minute=0) as site:
        bulk = [upload(site.base, f"bulk {n}.pdf", each) for n, each in enumerate(books + stack)]
        until(lambda: site.get(bulk[0]["location"]).json()["status"] == "reading")

        answer = site.post("/predict", files={"f": png(text_page(["Small one"]))}).json()

        statuses = [site.get(each["location"]).json()["status"] for each in bulk]
        assert site.daemon is not None
        site.daemon.process.kill()  # the stack is of no interest any more
    assert answer["text"] == "Small one"
    assert statuses.count("waiting") >= 15


# --- names ----------------------------------------------------------------------------------------


def test_an_upload_has_its_name_everywhere(site: Site) -> None:
    accepted = upload(site.base, "Rechnung 100% März.pdf", pdf_of_text([["März"]]))

    document = site.settled(accepted["location"])

    assert accepted["name"] == "Rechnung 100% März.pdf"
    assert document["name"] == "web/Rechnung 100% März.pdf"
    assert site.workspace.answer("web/Rechnung 100% März.pdf.json")["text"]
    until(lambda: (site.workspace.archive / "web/Rechnung 100% März.pdf").exists())


def test_uploads_of_one_name_at_one_moment_get_different_names(workspace: Workspace) -> None:
    names = ["scan.pdf", "Scan.PDF", "scan.pdf", "cafe\u0301.pdf", "café.pdf", "CAFÉ.pdf"] * 3
    contents = [pdf_of_text([[f"Number {number}"]]) for number in range(len(names))]
    with web_of(workspace) as address:
        with ThreadPoolExecutor(8) as pool:
            accepted = list(
                pool.map(lambda pair: upload(address, *pair), zip(names, contents, strict=True))
            )

        landed = {path.name: path.read_bytes() for path in (workspace.inbox / "web").iterdir()}

        assert [landed[each["name"]] for each in accepted] == contents
        folded = {unicodedata.normalize("NFC", name.casefold()) for name in landed}
        assert len(folded) == len(names)
        with workspace.running():
            site = Site(workspace, int(address.rpartition(":")[2]))
            texts = [site.settled(each["location"])["text"] for each in accepted]
    assert texts == [f"Number {number}" for number in range(len(names))]


def test_an_upload_never_takes_the_name_of_a_dropped_file(workspace: Workspace) -> None:
    dropped = workspace.drop("web/Scan.pdf", b"%PDF-1.4 somebody's own")
    with web_of(workspace) as address:
        accepted = upload(address, "scan.pdf")

    assert accepted["name"] == "scan (2).pdf"
    assert dropped.read_bytes() == b"%PDF-1.4 somebody's own"


def test_id_and_location_stay_across_restarts(workspace: Workspace) -> None:
    with web_of(workspace) as address:
        accepted = upload(address, "scan.pdf", **ASKED)
        waiting = requests.get(address + accepted["location"], timeout=10).json()
    with web_of(workspace) as address:
        again = requests.get(address + accepted["location"], timeout=10).json()
        with workspace.running():
            site = Site(workspace, int(address.rpartition(":")[2]))
            document = site.settled(accepted["location"])

    assert waiting == again
    assert (waiting["status"], waiting["name"]) == ("waiting", "web/scan.pdf")
    assert document["id"] == waiting["id"] == accepted["id"]
    assert document["location"] == accepted["location"]
    assert document["text"] == "Second"


# --- records that could be taken for those of other files -----------------------------------------


def test_a_file_that_is_dropped_under_the_name_of_an_upload_has_no_options(
    workspace: Workspace,
) -> None:
    with web_of(workspace) as address:
        accepted = upload(address, "scan.pdf", **ASKED)
        (workspace.inbox / "web/scan.pdf").unlink()
        workspace.drop("web/scan.pdf", BOOK)  # the same bytes, by somebody else
        with workspace.running():
            sidecar = workspace.answer("web/scan.pdf.json")
            found = requests.get(address + accepted["location"], timeout=10)

    assert sidecar["text"] == "First\n\nSecond\n\nThird"
    assert sidecar["processing"]["claim"] != accepted["id"]
    assert found.status_code == 404


def test_a_record_without_its_file_is_for_nobody_else(workspace: Workspace) -> None:
    with web_of(workspace) as address:
        upload(address, "scan.pdf", **ASKED)
        (workspace.inbox / "web/scan.pdf").rename(workspace.inbox / "elsewhere.pdf")
        with workspace.running():
            sidecar = workspace.answer("elsewhere.pdf.json")

    assert sidecar["text"] == "First\n\nSecond\n\nThird"


def test_options_that_are_impossible_by_now_fail_and_work_again_after_a_retry(
    workspace: Workspace,
) -> None:
    with web_of(workspace) as address:
        accepted = upload(address, "scan.pdf", **ASKED)
    Workspace(workspace.root, web={"enabled": True, "port": 0})  # without the profile
    with web_of(workspace) as address, workspace.running():
        site = Site(workspace, int(address.rpartition(":")[2]))
        failed = site.settled(accepted["location"])
    assert (failed["status"], failed["error_class"]) == ("failed", "invalid_options")
    assert "'notes'" in failed["error"]
    assert (workspace.failed / "web/scan.pdf").read_bytes() == BOOK

    Workspace(workspace.root, web={"enabled": True, "port": 0}, profiles=PROFILES)
    with web_of(workspace) as address, workspace.running():
        site = Site(workspace, int(address.rpartition(":")[2]))
        assert site.post(f"{accepted['location']}/retry").status_code == 202
        again = until(
            lambda: (now := site.settled(accepted["location"]))["status"] == "done" and now
        )
    assert again["text"] == "Second"


POINTS = (
    "claim.moved", "claim.hashed", "ledger.claimed", "ledger.started", "task.submitted",
    "ledger.answering", "ledger.answered", "original.released", "ledger.closed",
)  # fmt: skip

# --- kills (all points: make kills) --------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "has_landed"),
    [("upload.recorded", False), ("rename.linked", True), ("upload.named", True)],
)
def test_a_web_process_that_is_killed_leaves_the_whole_upload_or_none(
    workspace: Workspace, point: str, has_landed: bool
) -> None:
    with (
        web_of(workspace, FAILPOINTS=f"{point}=1*kill") as address,
        pytest.raises(requests.ConnectionError),
    ):
        upload(address, "scan.pdf", **ASKED)

    landed = workspace.inbox / "web/scan.pdf"
    assert landed.exists() == has_landed
    with web_of(workspace) as address, workspace.running():
        if has_landed:
            assert workspace.answer("web/scan.pdf.json")["text"] == "Second"
        plain = upload(address, "scan.pdf")
        site = Site(workspace, int(address.rpartition(":")[2]))
        assert site.settled(plain["location"])["text"] == "First\n\nSecond\n\nThird"


@pytest.mark.parametrize("point", kill_points(POINTS))
def test_a_daemon_that_is_killed_goes_on_with_the_options(workspace: Workspace, point: str) -> None:
    with web_of(workspace) as address:
        accepted = upload(address, "scan.pdf", **ASKED)
        daemon = RunningDaemon(workspace, {"FAILPOINTS": f"{point}=1*kill"})
        assert daemon.wait() == -signal.SIGKILL
        daemon.end()

        with workspace.running():
            site = Site(workspace, int(address.rpartition(":")[2]))
            document = site.settled(accepted["location"])
            until(lambda: (workspace.archive / "web/scan.pdf").exists())

    assert (document["id"], document["text"]) == (accepted["id"], "Second")
    assert list(workspace.answers()) == ["web/scan.pdf.json"]
    assert workspace.files_in(workspace.inbox / "web") == set()
    assert workspace.command("verify", "--deep").returncode == 0


def test_the_record_of_an_answered_upload_is_removed(workspace: Workspace) -> None:
    with web_of(workspace) as address, workspace.running():
        upload(address, "scan.pdf", **ASKED)
        assert len(records(workspace)) == 1
        workspace.answer("web/scan.pdf.json")

        until(lambda: not records(workspace))


def test_abandoned_records_and_drafts_are_removed(workspace: Workspace) -> None:
    with (
        web_of(workspace, FAILPOINTS="upload.recorded=1*kill") as address,
        pytest.raises(requests.ConnectionError),
    ):
        upload(address, "scan.pdf", **ASKED)
    (record,) = records(workspace)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"received_at": 0}))
    for path in (workspace.inbox / ".ocr-daemon/web").glob("*/draft"):
        for each in (path, path.parent):
            os.utime(each, (0, 0))

    with web_of(workspace):
        until(lambda: not records(workspace))
        until(lambda: not list((workspace.inbox / ".ocr-daemon/web").iterdir()))
