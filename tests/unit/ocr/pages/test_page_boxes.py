"""The boxes of PDF pages: a crop box that shows nothing loses no text."""

from __future__ import annotations

import pymupdf
import pytest

from tests.support import samples
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines


def pdf_with(crop, *, is_inherited=False, is_indirect=False, rotation=0):
    document = pymupdf.open(stream=samples.pdf_of_text([samples.LINES]))
    page = document[0]
    page.set_rotation(rotation)
    if is_indirect:
        value = document.get_new_xref()
        document.update_object(value, crop)
        crop = f"{value} 0 R"
    owner = page.xref
    if is_inherited:
        owner = int(document.xref_get_key(page.xref, "Parent")[1].split()[0])
    document.xref_set_key(owner, "CropBox", crop)
    return document.tobytes()


@pytest.mark.parametrize(
    "crop",
    [
        "[0 0 0 0]",
        "[100 100 100 500]",
        "[2000 2000 3000 3000]",
        "[-300 -300 -10.5 -.5]",
        "[3000 3000 2000 2000]",
        "[0 0]",
        "[/A /B /C /D]",
        "9999 0 R",
        "(box)",
        "<< >>",
    ],
)
@pytest.mark.parametrize(
    "how", [{}, {"is_inherited": True}, {"is_indirect": True}, {"rotation": 90}]
)
def test_a_page_whose_crop_box_shows_nothing_is_its_media_box(tmp_path, crop, how):
    (whole,) = read_bytes(tmp_path, pdf_with("null", rotation=how.get("rotation", 0)))

    (page,) = read_bytes(tmp_path, pdf_with(crop, **how))

    assert [line.text for line in text_lines(page)] == [line.text for line in text_lines(whole)]
    assert (page.width, page.height) == (whole.width, whole.height)


@pytest.mark.parametrize("crop", ["[50 400 500 800]", "[500 800 50 400]", "[-50 -50 5000 5000]"])
def test_a_crop_box_that_shows_a_part_stays(tmp_path, crop):
    data = pdf_with(crop)
    with pymupdf.open(stream=data) as document:
        expected = document[0].rect

    (page,) = read_bytes(tmp_path, data)

    assert page.width / page.height == pytest.approx(expected.width / expected.height, rel=0.01)


def test_a_crop_box_of_indirect_numbers_stays(tmp_path):
    with pymupdf.open(stream=pdf_with("null")) as document:
        number = document.get_new_xref()
        document.update_object(number, "400")
        document.xref_set_key(document[0].xref, "CropBox", f"[50 {number} 0 R 500 800]")
        data = document.tobytes()

    (page,) = read_bytes(tmp_path, data)

    assert page.width / page.height == pytest.approx(450 / 400, rel=0.01)
