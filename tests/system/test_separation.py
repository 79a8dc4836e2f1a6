"""A batch end to end: codes, blank pages and parts, by the real daemon with its own workers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from daemon.core.options import Limits, Rendering
from daemon.ocr import codes, pages
from daemon.outbox.sidecar import is_valid
from tests.support.running_daemon import Workspace
from tests.support.samples import text_page

BATCH = "sub/batch.pdf"


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A separator sheet as the command writes it."""
    target = tmp_path_factory.mktemp("sheets") / "sheets.pdf"
    command = [sys.executable, "-m", "daemon", "separators", str(target), "--sheets", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(target)
    return target.read_bytes()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, sheet: bytes) -> Workspace:
    """A workspace whose daemon has answered a letter, a sheet, a blank back, two pages, a sheet."""
    workspace = Workspace(
        tmp_path_factory.mktemp("workspace"), outputs=["text", "searchable_pdf"], codes=["any"],
        blank_pages="drop", separation={"by": "barcode"},
        fields={"title": "/(First|Second) letter/"},
        naming={"name": "{title} letter", "folder": "letters"},
    )  # fmt: skip
    with workspace.running():
        workspace.drop(BATCH, batch(sheet))
        workspace.answer(f"{BATCH}.json")
    return workspace


def batch(sheet: bytes) -> bytes:
    with pymupdf.open() as document, pymupdf.open("pdf", sheet) as sheets:
        add_scan(document, text_page(["First letter"]))
        document.insert_pdf(sheets, to_page=0)
        document[-1].set_rotation(180)  # it lay the wrong way round
        add_scan(document, np.full((1100, 800, 3), 250, np.uint8))
        add_scan(document, text_page(["Second letter"]))
        add_scan(document, text_page(["Its other page"]))
        document.insert_pdf(sheets, to_page=0)
        return bytes(document.tobytes())


def add_scan(document: pymupdf.Document, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    page = document.new_page(width=width * 0.36, height=height * 0.36)
    gray = np.ascontiguousarray(image if image.ndim == 2 else image[..., 0])
    pixmap = pymupdf.Pixmap(pymupdf.csGRAY, width, height, gray.tobytes(), False)
    page.insert_image(page.rect, pixmap=pixmap)


def parts(workspace: Workspace) -> list[dict[str, Any]]:
    answer = workspace.answers()[f"{BATCH}.json"]
    return [workspace.answers()[f"sub/{part['name']}"] for part in answer["parts"]]


def test_the_whole_has_all_pages_with_their_codes_and_blanks(workspace: Workspace) -> None:
    answer = workspace.answers()[f"{BATCH}.json"]

    assert answer["status"] == "done"
    assert [bool(page["codes"]) for page in answer["pages"]] == [False, True, *[False] * 3, True]
    assert {code["text"] for page in answer["pages"] for code in page["codes"]} == {"SEPARATOR"}
    assert [page["blank"] for page in answer["pages"]] == [False, False, True, *[False] * 3]
    assert [
        (part["name"], part["status"], part["pages"], part["first_page"], part["last_page"])
        for part in answer["parts"]
    ] == [
        ("batch.pdf.part-0001.json", "done", 1, 1, 1),
        ("batch.pdf.part-0002.json", "done", 3, 3, 5),
    ]


def test_a_part_is_a_sidecar_of_its_own_that_names_the_whole(workspace: Workspace) -> None:
    whole, found = workspace.answers()[f"{BATCH}.json"], parts(workspace)

    assert all(is_valid(part) for part in found)
    assert [[page["number"] for page in part["pages"]] for part in found] == [[1], [3, 4, 5]]
    assert [part["fields"][0]["value"] for part in found] == ["First", "Second"]
    assert found[1]["text"] == "Second letter\n\nIts other page"
    assert found[1]["part_of"] == {
        "name": "batch.pdf", "sha256": whole["source"]["sha256"], "answer": "batch.pdf.json",
        "index": 2, "count": 2, "first_page": 3, "last_page": 5,
    }  # fmt: skip


def test_outputs_are_those_of_the_parts_without_blank_pages(workspace: Workspace) -> None:
    whole = workspace.answers()[f"{BATCH}.json"]
    folder = workspace.outbox / "sub"

    stems = {1: "letters/First letter", 2: "letters/Second letter"}
    assert {output["name"]: output["part"] for output in whole["outputs"]} == {
        name: part
        for part, stem in stems.items()
        for name in (
            f"batch.pdf.part-000{part}.json",
            f"{stem}.part-000{part}.txt",
            f"{stem}.part-000{part}.ocr.pdf",
        )
    }
    for output in whole["outputs"]:
        content = (folder / output["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == output["sha256"]
    assert (
        folder / "letters/Second letter.part-0002.txt"
    ).read_text() == "Second letter\n\fIts other page\n"
    with pymupdf.open(folder / "letters/Second letter.part-0002.ocr.pdf") as pdf:
        assert [page.get_text().strip() for page in pdf] == ["Second letter", "Its other page"]
    assert set(workspace.files_in(folder)) == {
        "batch.pdf.json", *(output["name"] for output in whole["outputs"])
    }  # fmt: skip


def test_the_original_stays_whole(workspace: Workspace, sheet: bytes) -> None:
    with pymupdf.open(workspace.archive / BATCH) as document:
        assert document.page_count == 6


def separators(target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daemon", "separators", str(target), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_text_that_fits_no_barcode_is_refused(tmp_path: Path) -> None:
    done = separators(tmp_path / "a.pdf", "--text", "两份")

    assert done.returncode == 78
    assert "cannot be drawn as a barcode" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_sheets_overwrite_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"mine")

    done = separators(tmp_path / "a.pdf")

    assert (done.returncode, done.stdout) == (1, "")
    assert "it exists; name another file, nothing is overwritten" in done.stderr
    assert (tmp_path / "a.pdf").read_bytes() == b"mine"


def test_a_sheet_with_patch_codes_has_one_at_each_edge(tmp_path: Path) -> None:
    assert separators(tmp_path / "a.pdf", "--patch", "T").returncode == 0

    with pages.open_document(
        tmp_path / "a.pdf", Limits(), Rendering(), with_picture=True
    ) as source:
        found = codes.find(source.page(1), ["any"])

    assert {code.text for code in found} == {"SEPARATOR", "PATCHT"}
    assert len([code for code in found if code.format == "Patch Code"]) == 4
