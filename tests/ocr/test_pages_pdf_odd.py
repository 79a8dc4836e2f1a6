"""PDFs that are locked, endless, or on a disk that fails."""

from __future__ import annotations

import errno
import io

import pymupdf
import pytest

from daemon.errors import Rejected
from daemon.ocr import pages
from daemon.ocr.pages.pdf import PdfSource
from daemon.recipe import Limits, Rendering
from tests import samples
from tests.ocr.test_pages import read_bytes
from tests.ocr.test_pages_pdf import text_lines


def test_pages_are_limited_in_a_pdf(tmp_path):
    data = samples.pdf_of_text([[]] * 4)

    assert len(read_bytes(tmp_path, data, Limits(pages=4))) == 4
    with pytest.raises(Rejected, match=r"4 pages, limits\.pages is 3") as caught:
        read_bytes(tmp_path, data, Limits(pages=3))
    assert caught.value.reason == "too_large"


def test_a_header_behind_some_rubbish_is_found(tmp_path):
    (page,) = read_bytes(tmp_path, b"\xef\xbb\xbf\r\n" + samples.pdf_of_text([samples.LINES]))

    assert page.text_layer is not None


def test_a_disk_that_fails_is_not_taken_for_a_corrupt_pdf(tmp_path):
    class BadDisk(io.FileIO):
        def read(self, _size=-1):
            raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "cut.pdf"
    path.write_bytes(samples.pdf_of_text([["x"]])[:300])
    with (
        BadDisk(path) as file,
        pytest.raises(OSError, match="Input/output"),
    ):
        PdfSource(file, Limits(), Rendering())


def test_the_file_may_be_renamed_while_it_is_read(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(samples.pdf_of_text([["first"], ["second"]]))
    with pages.open_document(path, Limits(), Rendering()) as source:
        path.rename(tmp_path / "claimed")
        path.write_bytes(b"another scan under the same name")

        assert text_lines(source.page(2))[0].text == "second"


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_text_that_sticks_out_of_the_shown_page_is_cut_to_it(tmp_path, rotate):
    document = pymupdf.open()
    page = document.new_page(width=300, height=200)
    page.insert_text((-4, 100), "Across the left edge of the page")
    page.insert_text((40, 6), "Across the upper edge of the page")
    page.insert_text((250, 150), "Across the right edge of the page")
    page.insert_text((40, 40), "Outside of the crop box")
    page.set_cropbox(pymupdf.Rect(0, 50, 300, 200))
    page.set_rotation(rotate)
    path = tmp_path / "edges.pdf"
    path.write_bytes(document.tobytes())

    with pages.open_document(path, Limits(), Rendering()) as source:
        shown = source.page(1)

    lines = [line for block in shown.text_layer for line in block.lines]
    assert lines
    assert "Outside" not in " ".join(line.text for line in lines)
    for box in [item.box for line in lines for item in (line, *line.words)]:
        assert 0 <= box.left < box.right <= shown.width
        assert 0 <= box.top < box.bottom <= shown.height


# --- passwords ----------------------------------------------------------------------------------


def test_a_locked_pdf_is_opened_with_the_password_that_fits(tmp_path):
    locked = samples.pdf_encrypted(user_password="secret")

    (page,) = read_bytes(tmp_path, locked, passwords=("wrong", "secret"))

    assert "\n".join(line.text for line in text_lines(page)).startswith(samples.LINES[0])


@pytest.mark.parametrize(
    ("passwords", "sentence"),
    [
        ((), "the PDF needs a password; add it to pdf.passwords, or save a copy without one"),
        (("wrong",), "the PDF needs a password that is not in pdf.passwords; add it"),
    ],
)
def test_a_locked_pdf_says_what_to_do(tmp_path, passwords, sentence):
    with pytest.raises(Rejected, match=sentence) as caught:
        read_bytes(tmp_path, samples.pdf_encrypted(user_password="secret"), passwords=passwords)

    assert caught.value.reason == "encrypted"
