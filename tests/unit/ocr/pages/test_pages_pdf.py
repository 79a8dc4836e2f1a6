"""PDF pages: rendered at the resolution of the scan, or taken from a trusted text layer."""

from __future__ import annotations

import itertools

import numpy as np
import pymupdf
import pytest

from daemon.core.options import Limits
from daemon.core.records import Box, Page, TextLine
from tests.support import samples
from tests.unit.ocr.pages.test_pages import difference, read_bytes


def text_lines(page: Page) -> list[TextLine]:
    assert page.text_layer is not None
    return [line for block in page.text_layer for line in block.lines]


def ink(image: np.ndarray) -> Box:
    """The bounds of everything dark."""
    rows, columns = np.nonzero(image.min(axis=2) < 128)
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def contains(outer: Box, inner: Box, slack: int = 2) -> bool:
    return (
        outer.left - slack <= inner.left
        and outer.top - slack <= inner.top
        and outer.right + slack >= inner.right
        and outer.bottom + slack >= inner.bottom
    )


# --- rendering ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dpi", "rendered"), [(300, 300), (250, 250), (100, 200), (600, 300)])
def test_a_scan_is_rendered_at_its_own_resolution_within_bounds(dpi, rendered, tmp_path):
    scan = samples.text_page(width=round(8.27 * dpi), height=round(11.69 * dpi))

    (page,) = read_bytes(tmp_path, samples.pdf_of_images([scan], dpi))

    assert page.dpi == pytest.approx(rendered, rel=0.01)
    assert page.width == pytest.approx(8.27 * rendered, abs=9)
    assert page.image.shape == (page.height, page.width, 3)
    assert page.text_layer is None


def test_a_scan_at_its_own_resolution_is_shown_pixel_for_pixel(tmp_path):
    scan = samples.in_colour(samples.text_page())

    (page,) = read_bytes(tmp_path, samples.pdf_of_images([scan], dpi=300))

    assert difference(page.image, scan) < 1


def test_a_stamp_of_many_dots_keeps_no_more_pixels_than_a_page(tmp_path):
    stamp = samples.text_page(width=4000, height=2900)

    (page,) = read_bytes(tmp_path, samples.pdf_of_images([stamp], dpi=2400))

    assert page.dpi > 1000
    assert page.width <= 4000
    assert page.width * page.height <= 2485 * 3510


def test_a_poster_is_rendered_in_bounded_memory(tmp_path):
    poster = samples.pdf_around(
        samples.jpeg(samples.text_page()), "DCTDecode", width=1000, height=400
    )
    poster = poster.replace(b"[0 0 612 792]", b"[0 0 9000 9000]")

    (page,) = read_bytes(tmp_path, poster, Limits(page_megapixels=9.0))

    assert page.width * page.height <= 3_010_000
    assert page.dpi == pytest.approx(72 * page.width / 9000, rel=0.01)
    assert page.scale == 1.0


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_rotated_scan_is_shown_as_a_viewer_shows_it(rotate, tmp_path):
    scan = samples.in_colour(samples.text_page())
    turned = np.rot90(scan, -rotate // 90)

    (page,) = read_bytes(tmp_path, samples.pdf_of_images([scan], rotate=rotate))

    assert difference(page.image, turned) < 1
    assert page.rotation == rotate


# --- the text layer -----------------------------------------------------------------------------


def test_a_born_digital_page_is_taken_from_its_text_layer(tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_of_text([samples.LINES]))

    assert [line.text for line in text_lines(page)] == list(samples.LINES)
    assert [word.text for word in text_lines(page)[1].words] == ["Date", "23", "November"]
    assert all(word.confidence is None for line in text_lines(page) for word in line.words)
    assert page.image.size == 0
    assert (page.width, page.height) == (2480, 3509)


def test_the_text_layer_can_be_switched_off(tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_of_text([samples.LINES]), text_layer="never")

    assert page.text_layer is None
    assert page.image.shape == (3509, 2480, 3)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_of_the_text_layer_hold_the_ink_of_the_shown_page(rotate, tmp_path):
    data = samples.pdf_of_text([["Umbrellas"]], rotate=rotate)

    (read,) = read_bytes(tmp_path, data)
    (drawn,) = read_bytes(tmp_path, data, text_layer="never")

    (line,) = text_lines(read)
    (word,) = line.words
    seen = ink(drawn.image)
    assert (read.width, read.height) == (drawn.width, drawn.height)
    assert contains(line.box, seen)
    assert contains(word.box, seen)
    assert contains(seen, word.box, slack=40)  # and hold little else


def test_words_of_a_line_stand_side_by_side(tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_of_text([["one two  three"]]))

    (line,) = text_lines(page)
    boxes = [word.box for word in line.words]
    assert line.text == "one two three"
    assert [box.left for box in boxes] == sorted(box.left for box in boxes)
    assert all(a.right <= b.left for a, b in itertools.pairwise(boxes))


def test_invisible_words_on_a_born_digital_page_are_left_out(tmp_path):
    document = pymupdf.open(stream=samples.pdf_of_text([["seen"]]), filetype="pdf")
    document[0].insert_text((72, 300), "hidden", render_mode=3)

    (page,) = read_bytes(tmp_path, document.tobytes())

    assert [line.text for line in text_lines(page)] == ["seen"]


@pytest.mark.parametrize(
    "soup", ["\ue000\ue001\ue002 abcd", "!\"#$%&'()*+,-./:;<=>?@", "\ufffd" * 9]
)
def test_garbled_text_is_not_trusted(soup, tmp_path):
    document = pymupdf.open()
    page = document.new_page()
    page.insert_font(fontname="song", fontbuffer=pymupdf.Font("cjk").buffer)
    page.insert_text((72, 72), soup, fontname="song")

    assert read_bytes(tmp_path, document.tobytes())[0].text_layer is None


def test_chinese_text_is_trusted(tmp_path):
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "发票号码：二〇四一", fontname="china-s")

    (page,) = read_bytes(tmp_path, document.tobytes())

    assert [line.text for line in text_lines(page)] == ["发票号码：二〇四一"]


def test_dot_leaders_do_not_make_an_invoice_garbled(tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_of_text([["Total " + "." * 60 + " 17.50"]]))

    assert page.text_layer is not None


def test_the_finest_of_two_full_images_decides(tmp_path):
    scan = samples.text_page(width=2000, height=800)
    document = pymupdf.open(stream=samples.pdf_of_images([scan], dpi=200), filetype="pdf")
    document[0].insert_image(document[0].rect, stream=samples.png(scan[::4, ::4]))

    assert read_bytes(tmp_path, document.tobytes())[0].dpi == pytest.approx(200, rel=0.01)
