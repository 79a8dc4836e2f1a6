"""Odd PDFs: protected, oversized, damaged, or on a failing disk."""

from __future__ import annotations

import errno
import io
import zlib

import cv2
import numpy as np
import pymupdf
import pytest

from daemon.core.errors import Rejected
from daemon.core.options import Limits, Rendering
from daemon.ocr import pages
from daemon.ocr.pages.pdf import PdfSource
from tests.support import samples
from tests.unit.ocr.pages.test_pages import difference, read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines


def test_pages_are_limited_in_a_pdf(tmp_path):
    data = samples.pdf_of_text([[]] * 4)

    assert len(read_bytes(tmp_path, data, Limits(pages=4))) == 4
    with pytest.raises(Rejected, match=r"4 pages, limits\.pages is 3") as caught:
        read_bytes(tmp_path, data, Limits(pages=3))
    assert caught.value.reason == "too_large"


def test_a_header_after_leading_bytes_is_found(tmp_path):
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


# --- boxes --------------------------------------------------------------------------------------


def page_of(box: bytes, more: bytes = b"") -> bytes:
    """A page that says "Some words" twelve points high, with this /MediaBox."""
    content = b"BT /F 12 Tf 10 10 Td (Some words) Tj ET"
    font = b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R" % box + font + more + b">>"
    return samples.pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page,
            b"<</Length %d>>stream\n" % len(content) + content + b"\nendstream",
        ]
    )


BOXES = {
    "as large as PDF allows": (b"0 0 14400 14400", b""),
    "in units of an inch": (b"0 0 200 200", b"/UserUnit 72"),
    "in the wrong order": (b"200 200 0 0", b""),
    "of no area": (b"0 0 0 0", b""),
    "turned a little": (b"0 0 200 200", b"/Rotate 45"),
}


@pytest.mark.parametrize("text_layer", ["auto", "never"])
@pytest.mark.parametrize(("box", "more"), BOXES.values(), ids=BOXES.keys())
def test_a_page_of_an_odd_box_is_shown_within_bounds(box, more, text_layer, tmp_path):
    (page,) = read_bytes(tmp_path, page_of(box, more), text_layer=text_layer)

    assert page.width * page.height <= 40_100_000
    if text_layer == "never":
        assert page.image.min() < 200
    else:
        assert [line.text for line in text_lines(page)] == ["Some words"]


def test_a_page_of_a_thousand_miles_is_rejected(tmp_path):
    with pytest.raises(Rejected, match="page 1 has 13888889 x 13888889 inches") as caught:
        read_bytes(tmp_path, page_of(b"0 0 1000000000 1000000000"))

    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("box", [b"0 0 1 1", b"0 0 .01 .01"])
def test_a_page_smaller_than_a_letter_is_no_error(box, tmp_path):
    (page,) = read_bytes(tmp_path, page_of(box))

    assert page.text_layer is None
    assert 0 < page.width < 10


# --- kinds of pictures --------------------------------------------------------------------------


def masked(image: np.ndarray) -> bytes:
    """A page that is black where a stencil mask lets it through."""
    bits = np.packbits(image >= 128, axis=1).tobytes()
    more = b"/BitsPerComponent 1/ImageMask true"
    height, width = image.shape
    return samples.pdf_around(
        zlib.compress(bits), "FlateDecode", width=width, height=height, more=more
    )


def of_kind(image: np.ndarray, kind: str) -> bytes:
    height, width = image.shape
    size = {"width": width, "height": height}
    one_bit = b"/BitsPerComponent 1/ColorSpace/DeviceGray"
    match kind:
        case "JBIG2Decode":
            return samples.pdf_around(samples.jbig2(image), kind, more=one_bit, **size)
        case "CCITTFaxDecode":
            fax = b"/DecodeParms<</K -1/Columns %d/Rows %d>>" % (width, height)
            strip = samples.g4_page(image).strip
            return samples.pdf_around(strip, kind, more=one_bit + fax, **size)
        case "JPXDecode":
            return samples.pdf_around(samples.jp2(image), kind, more=b"", **size)
        case "DCTDecode":
            return samples.pdf_around(samples.jpeg(image, progressive=True), kind, **size)
        case _:
            return masked(image)


@pytest.mark.parametrize(
    "kind", ["JBIG2Decode", "CCITTFaxDecode", "JPXDecode", "DCTDecode", "ImageMask"]
)
def test_a_scan_is_shown_however_it_is_packed(kind, tmp_path):
    image = samples.text_page(["Some words of a scan"] * 30, width=1700, height=2200)

    (page,) = read_bytes(tmp_path, of_kind(image, kind))

    shown = cv2.resize(page.image, (1700, 2200), interpolation=cv2.INTER_AREA)
    assert page.dpi == pytest.approx(200)
    assert difference(shown, image) < 2
    assert difference(shown, np.full_like(image, 255)) > 2


# --- passwords ----------------------------------------------------------------------------------


def test_a_protected_pdf_is_opened_with_the_password_that_fits(tmp_path):
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
def test_a_protected_pdf_is_rejected_with_what_to_do(tmp_path, passwords, sentence):
    with pytest.raises(Rejected, match=sentence) as caught:
        read_bytes(tmp_path, samples.pdf_encrypted(user_password="secret"), passwords=passwords)

    assert caught.value.reason == "encrypted"


def test_a_pdf_protected_only_against_changes_is_read(tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_encrypted(user_password=""))

    assert [line.text for line in text_lines(page)] == list(samples.LINES)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_truncated_pdf_has_the_defect_on_every_remaining_page(tmp_path, share):
    data = samples.pdf_of_text([samples.LINES] * 3)

    read = read_bytes(tmp_path, data[: int(len(data) * share)])

    assert read
    assert all("ends too early" in (page.defect or "") for page in read)


def test_a_repaired_pdf_that_has_its_end_has_no_defect(tmp_path):
    data = samples.pdf_of_text([samples.LINES]).replace(b"\nxref\n", b"\nxxxx\n")

    (page,) = read_bytes(tmp_path, data)

    assert page.defect is None
