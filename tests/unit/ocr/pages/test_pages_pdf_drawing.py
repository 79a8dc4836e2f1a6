"""Pages that MuPDF draws incompletely: PDFium draws them, or the answer says what is missing."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from daemon.core.options import Limits
from daemon.ocr.pages import pdf_drawing, pdfium, second_renderer
from tests.support import samples
from tests.support.samples import shown_text
from tests.unit.ocr.pages.test_pages import difference, read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines
from tests.unit.ocr.pages.test_pages_pdf_odd import BOXES, of_kind, page_of

SCAN = samples.text_page(["Some words of a scan"] * 30, width=1700, height=2200)
ONE_BIT = b"/BitsPerComponent 1/ColorSpace/DeviceGray"


def jbig2_page(stream: bytes) -> bytes:
    return samples.pdf_around(stream, "JBIG2Decode", width=1700, height=2200, more=ONE_BIT)


def with_intermediate_region(image: np.ndarray) -> bytes:
    """JBIG2 with a region that is kept for later (type 36), which jbig2dec does not know."""
    stream = samples.jbig2(image)
    page_end = 11 + 19
    region = stream[page_end:]
    number, _, *rest = struct.unpack(">IBBBI", region[:11])
    intermediate = struct.pack(">IBBBI", number, 36, *rest) + region[11:]
    last = struct.pack(">IBBBI", number + 1, 38, *rest) + region[11:]
    return stream[:page_end] + intermediate + last


def kinds(page) -> list[str]:
    return [warning.kind for warning in page.warnings]


# --- what PDFium draws --------------------------------------------------------------------------


def test_an_image_that_only_pdfium_decodes_is_drawn_by_it(tmp_path):
    (whole,) = read_bytes(tmp_path, jbig2_page(samples.jbig2(SCAN)))

    (page,) = read_bytes(tmp_path, jbig2_page(with_intermediate_region(SCAN)))

    assert (page.defect, kinds(page)) == (None, ["drawn_by_pdfium"])
    assert "cannot decode jbig2 image" in page.warnings[0].message
    assert page.image.shape == whole.image.shape
    assert difference(page.image, whole.image) < 3


def test_a_content_stream_with_a_syntax_error_is_drawn_by_pdfium(tmp_path):
    content = b"BT /F 24 Tf 60 700 Td [(Words) 0 Tc -250 (of a broken) 0 Tc -250 (array)] TJ ET"

    (page,) = read_bytes(tmp_path, samples.pdf_of_content(content))

    assert (page.defect, kinds(page)) == (None, ["drawn_by_pdfium"])
    assert page.text_layer is None
    assert page.image.min() < 100


def test_text_before_the_error_stays_exact_and_the_rest_is_read(tmp_path):
    broken = b"BT /F 24 Tf 60 600 Td [(Words) 0 Tc -250 (of a broken) 0 Tc -250 (array)] TJ ET"
    content = shown_text("Exact words", 60, 700, 24) + broken

    (page,) = read_bytes(tmp_path, samples.pdf_of_content(content))

    assert [line.text for line in text_lines(page)] == ["Exact words"]
    rows = np.nonzero(page.image.min(axis=(1, 2)) < 100)[0]
    assert rows.min() > (842 - 650) * page.height / 842  # the exact words are painted over


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [b"", b"/CropBox[40 30 500 700]"])
def test_both_renderers_show_the_same_page(rotate, crop, tmp_path):
    content = shown_text("Some words", 60, 600, 24) + b"0 0 1 rg 100 100 50 200 re f"
    data = samples.pdf_of_content(content, page=crop + b"/Rotate %d" % rotate)

    (page,) = read_bytes(tmp_path, data, text_layer="never")
    size = page.width, page.height
    drawn = pdfium.render(data, 1, size, (), gray=False)

    assert drawn is not None
    assert difference(page.image, drawn) < 2
    assert difference(page.image, np.full_like(drawn, 255)) > 2


@pytest.mark.parametrize(("box", "more"), BOXES.values(), ids=BOXES.keys())
def test_pdfium_draws_pages_of_odd_boxes_in_the_same_size_or_not_at_all(box, more, tmp_path):
    data = page_of(box, more)
    (page,) = read_bytes(tmp_path, data, text_layer="never")

    drawn = pdfium.render(data, 1, (page.width, page.height), (), gray=True)

    assert drawn is None or drawn.shape == (page.height, page.width)


def test_pdfium_opens_with_the_password_that_fits():
    locked = samples.pdf_encrypted(user_password="secret")

    assert pdfium.render(locked, 1, (595, 842), ("wrong", "secret"), gray=True) is not None
    assert pdfium.render(locked, 1, (595, 842), ("wrong",), gray=True) is None


def test_images_that_do_not_fit_in_memory_are_not_given_to_pdfium(tmp_path, monkeypatch):
    monkeypatch.setattr(pdfium, "render", lambda *_, **__: pytest.fail("PDFium was asked"))
    stream = zlib.compress(bytes(3000 * 3000))
    data = samples.pdf_around(stream[:-40], "FlateDecode", width=3000, height=3000)

    (page,) = read_bytes(tmp_path, data, Limits(page_megapixels=8.0))

    assert page.defect


# --- what neither draws -------------------------------------------------------------------------


def cut(kind: str, share: float) -> bytes:
    stream = zlib.compress(SCAN.tobytes()) if kind == "FlateDecode" else None
    if stream is not None:
        return samples.pdf_around(stream[: int(share * len(stream))], kind, width=1700, height=2200)
    data = of_kind(SCAN, kind)
    start = data.rindex(b"stream\n", 0, data.rindex(b"endstream")) + 7
    end = data.rindex(b"\nendstream")
    stream = data[start : start + int(share * (end - start))]
    head = data[data.rindex(b"<</Type/XObject") : start - 7]
    more = head[head.index(b"/Height 2200") + 12 : head.index(b"/Filter")]
    return samples.pdf_around(stream, kind, width=1700, height=2200, more=more)


@pytest.mark.parametrize("share", [0.3, 0.7])
@pytest.mark.parametrize(
    "kind", ["FlateDecode", "DCTDecode", "CCITTFaxDecode", "JPXDecode", "JBIG2Decode"]
)
def test_an_image_that_ends_early_makes_the_page_partial(kind, share, tmp_path):
    (page,) = read_bytes(tmp_path, cut(kind, share))

    assert page.defect is not None
    assert "export it again" in page.defect


@pytest.mark.parametrize(
    ("rotate", "place"), [(0, (100, 142, 300, 442)), (90, (400, 100, 700, 300))]
)
def test_the_place_of_an_image_that_cannot_be_decoded_is_told(rotate, place, tmp_path):
    image = b"/Type/XObject/Subtype/Image/Width 1700/Height 2200/Filter/JPXDecode"
    stream = samples.jp2(SCAN)[:9000]
    content = shown_text("Beside a photo", 60, 750) + b"q 200 0 0 300 100 400 cm /I Do Q"
    data = samples.pdf_of_content(
        content,
        resources=b"/XObject<</I 5 0 R>>",
        page=b"/Rotate %d" % rotate,
        objects=[samples.pdf_stream(stream, image)],
    )

    (page,) = read_bytes(tmp_path, data)

    (box,) = page.not_rendered
    assert page.defect
    assert [line.text for line in text_lines(page)] == ["Beside a photo"]
    found = [side * 72 / page.dpi for side in (box.left, box.top, box.right, box.bottom)]
    assert found == pytest.approx(place, abs=1)


# --- no false alarm -----------------------------------------------------------------------------

SOUND = {
    "a scan": samples.pdf_of_images([SCAN], 200),
    "text": samples.pdf_of_text([samples.LINES]),
    "both": samples.pdf_of_text_beside(samples.text_page(["Received 17 May"])),
    "a blank page": samples.pdf_of_content(b""),
    "white paint": samples.pdf_of_content(b"1 g 0 0 595 842 re f"),
    "a fax": of_kind(SCAN, "CCITTFaxDecode"),
    "jbig2": of_kind(SCAN, "JBIG2Decode"),
}


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND.keys())
def test_a_sound_page_has_neither_defect_nor_warning(data, tmp_path):
    (page,) = read_bytes(tmp_path, data)

    assert (page.defect, page.warnings, page.not_rendered) == (None, (), ())


def test_a_font_that_is_missing_is_no_defect(tmp_path):
    font = b"<</Type/Font/Subtype/TrueType/BaseFont/NoSuchFont/Encoding/WinAnsiEncoding>>"
    content = b"BT /G 12 Tf 60 700 Td (Words in another font) Tj ET"
    data = samples.pdf_of_content(content, objects=[font])
    data = data.replace(b"<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", b"<</G 5 0 R")

    (page,) = read_bytes(tmp_path, data)

    assert (page.defect, page.warnings) == (None, ())


def test_a_picture_of_one_colour_is_uniform_and_one_dot_is_seen():
    image = np.full((900, 700, 3), 255, np.uint8)
    assert second_renderer.is_uniform(image)

    image[400:403, 500:503] = 0
    assert not second_renderer.is_uniform(image)


def test_a_frame_is_that_of_the_shown_page():
    import pymupdf

    document = pymupdf.open(stream=samples.pdf_of_text([[]], rotate=90), filetype="pdf")

    assert pdf_drawing.frame(document[0], 72.0).right == 842
