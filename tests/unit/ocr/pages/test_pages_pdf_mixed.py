"""PDF pages with text and pictures: the text is taken as it is, the pictures are read."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest

from tests.support import samples
from tests.unit.ocr.pages.test_pages import difference, read_bytes
from tests.unit.ocr.pages.test_pages_pdf import contains, ink, text_lines

RECEIPT = samples.text_page(["Received 17 May", "Amount 12.80"])


def opened(data: bytes) -> tuple[pymupdf.Document, pymupdf.Page]:
    document = pymupdf.open(stream=data, filetype="pdf")
    return document, document[0]


def texts_of(page) -> list[str]:
    return [line.text for line in text_lines(page)]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_only_the_picture_beside_text_remains_to_be_read(rotate, tmp_path):
    data = samples.pdf_of_text_beside(RECEIPT, rotate=rotate)

    (page,) = read_bytes(tmp_path, data)
    (whole,) = read_bytes(tmp_path, data, text_layer="never")

    assert texts_of(page) == list(samples.LINES)
    assert page.image.shape == (page.height, page.width, 3) == whole.image.shape
    left = ink(page.image)
    place = np.s_[left.top : left.bottom, left.left : left.right]
    assert difference(page.image[place], whole.image[place]) == 0
    assert not any(contains(left, line.box, slack=0) for line in text_lines(page))


def test_a_logo_costs_no_rendering(tmp_path):
    data = samples.pdf_of_text_beside(RECEIPT, (400, 20, 500, 80))

    (page,) = read_bytes(tmp_path, data)

    assert texts_of(page) == list(samples.LINES)
    assert page.image.size == 0


def test_the_strips_of_a_scan_are_one_picture(tmp_path):
    document, page = opened(samples.pdf_of_text([samples.LINES]))
    for number, strip in enumerate(np.array_split(RECEIPT, 20)):
        place = pymupdf.Rect(72, 300 + 8 * number, 472, 308 + 8 * number)
        page.insert_image(place, stream=samples.png(strip), keep_proportion=False)

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert read.image.min() < 128


def test_a_picture_behind_the_text_does_not_hide_it(tmp_path):
    document, page = opened(samples.pdf_of_text([samples.LINES]))
    paper = np.full((400, 300), 230, np.uint8)
    page.insert_image(page.rect, stream=samples.png(paper), keep_proportion=False, overlay=False)

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert texts_of(read) == list(samples.LINES)
    assert read.image.min() > 200  # the words are painted over in the colour of the paper


def test_a_transparent_watermark_hides_no_text(tmp_path):
    document, page = opened(samples.pdf_of_text([samples.LINES]))
    mark = samples.png(samples.with_alpha(RECEIPT))
    page.insert_image(page.rect, stream=mark, keep_proportion=False)

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert texts_of(read) == list(samples.LINES)


def test_text_under_a_picture_is_not_published(tmp_path):
    document, page = opened(samples.pdf_of_text([["under the picture"]]))
    page.insert_image((50, 60, 550, 260), stream=samples.png(RECEIPT), keep_proportion=False)
    page.insert_text((72, 200), "over it")
    page.insert_text((72, 700), "elsewhere")

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert texts_of(read) == ["over it", "elsewhere"]


def test_a_stamp_on_a_scan_is_taken_as_text_and_the_scan_is_read(tmp_path):
    document, page = opened(samples.pdf_of_images([RECEIPT]))
    page.insert_text((120, 80), "Received 23 November 2026", fontsize=6)

    (read,) = read_bytes(tmp_path, document.tobytes())

    (line,) = text_lines(read)
    assert line.text == "Received 23 November 2026"
    box = line.box
    assert read.image[box.top : box.bottom, box.left : box.right].min() > 200
    assert read.image.min() < 128


def test_text_drawn_as_outlines_is_not_overlooked_beside_a_page_number(tmp_path):
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((300, 800), "Page 1")
    for number in range(60):
        letter = pymupdf.Rect(50 + 8 * number, 100, 56 + 8 * number, 110)
        page.draw_rect(letter, color=None, fill=(0, 0, 0))

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert texts_of(read) == ["Page 1"]
    assert ink(read.image).bottom < 500  # the page number is painted over


def test_a_slanted_word_across_a_scan_erases_nothing(tmp_path):
    scan = samples.text_page(
        [f"Line {k} of a long letter that fills the page" for k in range(35)],
        width=1654, height=2339, size=1.3,
    )  # fmt: skip
    document, page = opened(samples.pdf_of_images([scan], 200))
    middle = pymupdf.Point(100, 600)
    turn = (middle, pymupdf.Matrix(45))
    page.insert_text(middle, "CONFIDENTIAL", fontsize=70, morph=turn, fill_opacity=0.3)

    (read,) = read_bytes(tmp_path, document.tobytes())

    assert texts_of(read) == ["CONFIDENTIAL"]
    inked = (read.image.min(axis=2) < 100).sum()
    assert inked > 0.95 * (scan < 100).sum() * read.image.shape[0] / scan.shape[0]
