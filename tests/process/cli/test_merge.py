"""`ocr-daemon merge`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page


def numbered(folder: Path, *numbers: int) -> None:
    """Write images as wide as their number in tens of pixels."""
    folder.mkdir()
    for number in numbers:
        (folder / f"page{number}.png").write_bytes(png(text_page(["x"])[:, : 100 + 10 * number]))


def widths(path: Path) -> list[int]:
    with pymupdf.open(path) as document:
        return [page.get_images()[0][2] for page in document]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "daemon"
    root.mkdir()
    return Workspace(root)


def test_a_folder_becomes_one_pdf_in_the_order_in_which_people_count(
    workspace: Workspace, tmp_path: Path
) -> None:
    numbered(tmp_path / "scans", 10, 2, 1)
    out = tmp_path / "batch.pdf"

    said = workspace.command("merge", str(out), str(tmp_path / "scans"))

    assert (said.returncode, said.stdout.strip()) == (0, str(out)), said.stderr
    assert widths(out) == [110, 120, 200]
    assert {path.name for path in tmp_path.iterdir()} == {"batch.pdf", "daemon", "scans"}


def test_nothing_is_overwritten_and_a_file_that_is_none_is_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    numbered(tmp_path / "scans", 1)
    (tmp_path / "scans/notes.txt").write_text("Buy paper.")
    out = tmp_path / "batch.pdf"

    refused = workspace.command("merge", str(out), str(tmp_path / "scans"))
    out.write_bytes(b"mine")
    taken = workspace.command("merge", str(out), str(tmp_path / "scans/page1.png"))

    assert (refused.returncode, taken.returncode) == (1, 1)
    assert "notes.txt: this is plain text" in refused.stderr
    assert "it exists; name another file" in taken.stderr
    assert out.read_bytes() == b"mine"
