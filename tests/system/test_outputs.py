"""Outputs end to end: the real daemon with real workers in their sandbox, seen from the outbox."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path
from typing import Any

import openpyxl
import pikepdf
import pymupdf
import pytest

from tests.support.running_daemon import Workspace, until
from tests.support.samples import pdf_of_images, png, text_page
from tests.torture.life import living, quick_workspace
from tests.torture.pretended import content

EVERY = [
    "text", "hocr", "alto", "searchable_pdf", "picture", "markdown", "csv", "xlsx", "docx",
    "pdfa",
]  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose daemon has answered a good file, the same again, and a broken one."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"), outputs=EVERY)
    with workspace.running():
        workspace.drop("sub/scan.pdf", pdf_of_images([text_page(["Page one"]), text_page(["Two"])]))
        workspace.answer("sub/scan.pdf.json")
        workspace.drop("ruled.pdf", ruled([["Item", "Price"], ["Rope", "17.50"]]))
        workspace.answer("ruled.pdf.json")
        workspace.drop("again.pdf", workspace.bytes_of(workspace.archive / "sub/scan.pdf"))
        workspace.drop("broken.png", b"\x89PNG\r\n\x1a\n broken")
        workspace.answer("again.pdf.json")
        workspace.answer("broken.png.json")
    return workspace


def ruled(rows: list[list[str]]) -> bytes:
    """A PDF of a heading and a ruled table."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), "Prices of the quay", fontsize=24)
    bottom, right = 120 + 30 * len(rows), 72 + 200 * len(rows[0])
    for number, row in enumerate([*rows, []]):
        page.draw_line((72, 120 + 30 * number), (right, 120 + 30 * number))
        for column, text in enumerate(row):
            page.insert_text((80 + 200 * column, 140 + 30 * number), text, fontsize=12)
    for left in range(72, right + 1, 200):
        page.draw_line((left, 120), (left, bottom))
    return bytes(document.tobytes())


def pretending(root: Path, **config: Any) -> Workspace:
    """A workspace for the daemon that pretends to read, which is quick."""
    return quick_workspace(root, "pretended", **config)


def listed(workspace: Workspace, name: str) -> dict[str, dict[str, Any]]:
    return {output["name"]: output for output in workspace.answers()[name].get("outputs", ())}


def test_an_answer_lists_what_lies_beside_it_with_its_digest(workspace: Workspace) -> None:
    outputs = listed(workspace, "sub/scan.pdf.json")

    assert set(outputs) == {
        "scan.pdf.txt", "scan.pdf.hocr", "scan.pdf.alto.xml", "scan.pdf.ocr.pdf",
        "scan.pdf.page-0001.png", "scan.pdf.page-0002.png", "scan.pdf.md", "scan.pdf.docx",
        "scan.pdf.pdfa.pdf",
    }  # fmt: skip
    for name, output in outputs.items():
        content = (workspace.outbox / "sub" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == output["sha256"]
        assert len(content) == output["bytes"]


def test_tables_have_files_of_their_own(workspace: Workspace) -> None:
    kinds = [output["kind"] for output in listed(workspace, "ruled.pdf.json").values()]
    assert sorted([*kinds, "pdfa"]) == sorted(EVERY)

    table = (workspace.outbox / "ruled.pdf.table-0001.csv").read_text("utf-8-sig")
    sheet = openpyxl.load_workbook(workspace.outbox / "ruled.pdf.xlsx").active
    markdown = (workspace.outbox / "ruled.pdf.md").read_text()

    assert table.splitlines() == ["Item,Price", "Rope,17.50"]
    assert [[cell.value for cell in row] for row in sheet] == [["Item", "Price"], ["Rope", 17.5]]
    assert markdown.split("\n\n")[1:] == [
        "# Prices of the quay", "| Item | Price |\n| --- | --- |\n| Rope | 17.50 |\n",
    ]  # fmt: skip


def test_a_pdf_that_cannot_be_archived_says_why_and_has_its_other_outputs(
    workspace: Workspace,
) -> None:
    (missing,) = workspace.answers()["ruled.pdf.json"]["outputs_missing"]

    assert (missing["kind"], missing["class"]) == ("pdfa", "not_archivable")
    assert "text in a font of its own (Helvetica)" in missing["message"]


def test_a_scan_is_archived(workspace: Workspace) -> None:
    with pikepdf.open(workspace.outbox / "sub/scan.pdf.pdfa.pdf") as pdf:
        assert pdf.open_metadata().pdfa_status == "2B"
        assert len(pdf.pages) == 2


def test_a_document_without_tables_has_no_file_for_them_and_misses_none(
    workspace: Workspace,
) -> None:
    answer = workspace.answers()["sub/scan.pdf.json"]

    assert not {"csv", "xlsx"} & {output["kind"] for output in answer["outputs"]}
    assert "outputs_missing" not in answer


def test_duplicates_and_failures_have_no_outputs(workspace: Workspace) -> None:
    assert listed(workspace, "again.pdf.json") == listed(workspace, "broken.png.json") == {}
    names = workspace.files_in(workspace.outbox)
    beside = {name for name in names if not name.startswith(("sub/", "ruled"))}
    assert beside == {"again.pdf.json", "broken.png.json"}


def test_the_searchable_pdf_begins_with_the_original(workspace: Workspace) -> None:
    original = (workspace.archive / "sub/scan.pdf").read_bytes()

    assert (workspace.outbox / "sub/scan.pdf.ocr.pdf").read_bytes().startswith(original)


def test_the_text_is_that_of_the_answer(workspace: Workspace) -> None:
    pages = workspace.answers()["sub/scan.pdf.json"]["pages"]

    text = (workspace.outbox / "sub/scan.pdf.txt").read_text()

    assert text == "\f".join(page["text"] + "\n" for page in pages)


def test_nothing_is_left_where_workers_write(workspace: Workspace) -> None:
    assert workspace.files_in(workspace.state / "making") == set()


def test_verify_finds_an_output_that_was_changed(workspace: Workspace) -> None:
    path = workspace.outbox / "sub/scan.pdf.hocr"
    before = path.read_bytes()
    assert "spoiled" not in workspace.command("verify", "--deep").stdout

    path.write_bytes(before + b" ")

    said = workspace.command("verify", "--deep")
    path.write_bytes(before)
    assert "spoiled: sub/scan.pdf.hocr is not the output" in said.stdout
    assert said.returncode == 1


@pytest.mark.parametrize(("action", "kind"), [("kill", "killed"), ("hang", "timeout")])
def test_an_output_that_cannot_be_made_costs_the_answer_nothing_but_itself(
    action: str, kind: str, tmp_path: Path
) -> None:
    workspace = pretending(
        tmp_path, outputs=["searchable_pdf", "text"], limits={"page_seconds": 0.2}
    )
    with living(workspace, "pretended", FAILPOINTS=f"worker.render={action}"):
        workspace.drop("scan.jpg", content("Hello"))

        answer = workspace.answer("scan.jpg.json")

    assert answer["status"] == "done"
    assert [output["kind"] for output in answer["outputs"]] == ["text"]
    assert [(lost["kind"], lost["class"]) for lost in answer["outputs_missing"]] == [
        ("searchable_pdf", kind)
    ]
    assert [
        event["kind"] for event in workspace.events() if event["event"] == "output.missing"
    ] == ["searchable_pdf"]


def test_a_part_of_a_batch_says_which_outputs_it_lacks(tmp_path: Path) -> None:
    workspace = pretending(
        tmp_path, outputs=["searchable_pdf", "text"], codes=["any"],
        separation={"by": "barcode"},
    )  # fmt: skip
    with living(workspace, "pretended", FAILPOINTS="worker.render=kill"):
        workspace.drop("batch.jpg", content("First", "SEPARATOR", "Second"))

        whole = workspace.answer("batch.jpg.json")

    parts = [workspace.answers()[part["name"]] for part in whole["parts"]]
    lacks = [(each["part"], each["kind"]) for each in whole["outputs_missing"]]
    assert sorted(lacks) == [(1, "searchable_pdf"), (2, "searchable_pdf")]
    assert [[each["part"] for each in part["outputs_missing"]] for part in parts] == [[1], [2]]


def test_a_full_disk_holds_the_answer_until_its_outputs_fit(tmp_path: Path) -> None:
    workspace = pretending(tmp_path, outputs=["picture"])
    left = {"scan.jpg.json", "scan.jpg.page-0001.png"}
    with living(
        workspace, "pretended", FAILPOINTS="outputs.noted=1*ENOSPC;outputs.synced=1*ENOSPC"
    ):
        workspace.drop("scan.jpg", content("Hello"))

        answer = workspace.answer("scan.jpg.json")
        until(lambda: workspace.files_in(workspace.outbox) == left, what="nothing else is left")

    assert "document.retrying" in [event["event"] for event in workspace.events()]
    assert [output["name"] for output in answer["outputs"]] == ["scan.jpg.page-0001.png"]


def beside(workspace: Workspace, root: Path, **config: Any) -> Workspace:
    """A workspace of another daemon, with its own state, on the shared folders of `workspace`."""
    shared = ("inbox", "outbox", "archive", "failed")
    folders = {name: str(getattr(workspace, name)) for name in shared}
    other = pretending(root, folders=folders, **config)
    for name in shared:
        setattr(other, name, getattr(workspace, name))
    return other


@pytest.mark.parametrize("point", ["rename.linked", "outputs.synced"])
def test_a_daemon_that_was_stopped_and_fenced_out_takes_no_output_away(
    point: str, tmp_path: Path
) -> None:
    """In the first case it has published when it stops, in the second its successor does."""
    config: dict[str, Any] = {"outputs": ["text", "picture"], "lease_seconds": 4.0}
    first, before = pretending(tmp_path, **config), f"{point}@scan.jpg.json=1*stop"
    second = beside(first, tmp_path / "second", **config)
    with living(first, "pretended", FAILPOINTS=before) as stopped:
        stopped.wait_ready()
        first.drop("scan.jpg", content("Hello"))
        until(stopped.stopped, what="stopped")
        with living(second, "pretended"):
            until(lambda: second.files_in(second.archive) == {"scan.jpg"}, what="taken over")
            stopped.process.send_signal(signal.SIGCONT)
            first.drop("next.jpg", content("Next"))
            until(lambda: (first.archive / "next.jpg").exists(), what="next")
            stopped.terminate()

    assert second.files_in(second.outbox) == {
        f"{name}.jpg.{ending}"
        for name in ("scan", "next")
        for ending in ("json", "txt", "page-0001.png")
    }
    assert "spoiled" not in second.command("verify", "--deep").stdout


def test_once_writes_the_outputs_that_are_asked_for_and_replaces_them(tmp_path: Path) -> None:
    workspace, out = Workspace(tmp_path), tmp_path / "out"
    (tmp_path / "a.png").write_bytes(png(text_page(["Hello"])))
    ask = ("once", str(tmp_path / "a.png"), "--out", str(out), "--output")
    first = workspace.command(*ask, "searchable_pdf", "--output", "text")
    assert workspace.files_in(out) == {"a.png.json", "a.png.ocr.pdf", "a.png.txt"}, first.stderr

    again = workspace.command(*ask, "alto")

    assert again.returncode == 0
    assert workspace.files_in(out) == {"a.png.json", "a.png.alto.xml"}


def test_once_refuses_an_output_that_it_does_not_know(tmp_path: Path) -> None:
    said = Workspace(tmp_path).command("once", "a.png", "--output", "word")

    assert said.returncode == 2
    assert "unknown output word; use one of text, hocr" in said.stderr
