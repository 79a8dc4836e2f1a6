"""Files that are exchanged while they are opened: what is read is what was claimed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.core.errors import Deferred
from daemon.core.options import Limits, Rendering
from daemon.core.records import Stamp
from daemon.ocr import pages
from tests.support.samples import pdf_of_images, png, text_page

CLAIMED, OTHER = png(text_page(["The claimed"])), png(text_page(["The other one"]))


def exchanged(path: Path) -> None:
    """Put another file in the place of one, as `mv` does."""
    draft = path.with_name("draft")
    draft.write_bytes(OTHER)
    draft.rename(path)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" and more")


def overwritten(path: Path) -> None:
    path.write_bytes(OTHER)


@pytest.mark.parametrize("change", [exchanged, overwritten, appended])
@pytest.mark.parametrize("content", [CLAIMED, pdf_of_images([text_page()])], ids=["png", "pdf"])
def test_a_file_with_another_stamp_is_not_read(tmp_path: Path, change, content: bytes) -> None:
    path = tmp_path / "scan"
    path.write_bytes(content)
    os.utime(path, (1, 1))
    stamp = Stamp.of(path)
    change(path)

    with (
        pytest.raises(Deferred, match="changed or replaced"),
        pages.open_document(path, Limits(), Rendering(), stamp),
    ):
        pass


@pytest.mark.parametrize("content", [CLAIMED, pdf_of_images([text_page()])], ids=["png", "pdf"])
def test_a_file_that_is_open_is_read_to_its_end_whatever_takes_its_name(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "scan"
    path.write_bytes(content)

    with pages.open_document(path, Limits(), Rendering(), Stamp.of(path)) as source:
        path.unlink()
        path.symlink_to("/dev/zero")
        page = source.page(1)

    assert page.image.size


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_link_a_fifo_and_a_folder_are_neither_followed_nor_waited_for(
    tmp_path: Path, make
) -> None:
    make(tmp_path / "scan.png")

    with (
        pytest.raises(Deferred, match="the file cannot be read now"),
        pages.open_document(tmp_path / "scan.png", Limits(), Rendering()),
    ):
        pass
