"""PDF forms and annotations: their values are text of the page where a viewer shows them."""

from __future__ import annotations

import pymupdf
import pytest

from tests.support import samples
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines

PLACE = pymupdf.Rect(72, 300, 400, 330)
HIDDEN, NO_VIEW = 2, 32  # bits of /F


def page_of_text(text="Name") -> tuple[pymupdf.Document, pymupdf.Page]:
    document = pymupdf.open(stream=samples.pdf_of_text([[text]]), filetype="pdf")
    return document, document[0]


def add_field(page: pymupdf.Page, kind=pymupdf.PDF_WIDGET_TYPE_TEXT, value="Covfefe") -> int:
    field = pymupdf.Widget()
    field.field_type, field.rect, field.field_name = kind, PLACE, "field"
    if kind == pymupdf.PDF_WIDGET_TYPE_COMBOBOX:
        field.choice_values = ["Tea", "Covfefe"]
    field.field_value = value
    page.add_widget(field)
    return next(page.widgets()).xref


def words_of(tmp_path, document: pymupdf.Document, **rendering) -> list[str]:
    (page,) = read_bytes(tmp_path, document.tobytes(), **rendering)
    return [line.text for line in text_lines(page)]


@pytest.mark.parametrize(
    "kind",
    [pymupdf.PDF_WIDGET_TYPE_TEXT, pymupdf.PDF_WIDGET_TYPE_COMBOBOX],
    ids=["typed", "chosen"],
)
def test_the_value_of_a_field_is_text(kind, tmp_path):
    document, page = page_of_text()
    add_field(page, kind)

    assert words_of(tmp_path, document) == ["Name", "Covfefe"]


def test_a_field_filled_in_without_being_drawn_is_text(tmp_path):
    document, page = page_of_text()
    document.xref_set_key(add_field(page), "AP", "null")

    assert words_of(tmp_path, document) == ["Name", "Covfefe"]


def test_a_field_drawn_before_it_was_filled_in_has_its_new_value(tmp_path):
    document, page = page_of_text()
    document.xref_set_key(add_field(page), "V", "(Espresso)")
    document.xref_set_key(document.pdf_catalog(), "AcroForm/NeedAppearances", "true")

    assert words_of(tmp_path, document) == ["Name", "Espresso"]


def test_a_box_that_was_ticked_shows_a_tick(tmp_path):
    document, page = page_of_text()
    add_field(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, value=True)

    assert words_of(tmp_path, document) == ["Name", "\u2713"]


def test_ticks_in_a_font_without_encoding_do_not_make_a_form_garbled(tmp_path):
    font = b"<</Type/Font/Subtype/Type1/BaseFont/%s>>"
    fonts = b"/Font<</F " + font % b"Helvetica" + b"/Z " + font % b"ZapfDingbats" + b">>"
    content = b"BT /F 12 Tf 20 50 Td (Yes) Tj /Z 12 Tf 60 0 Td (4) Tj ET"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<%s>>>>"
    data = samples.pdf_by_hand(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page % fonts,
            b"<</Length %d>>stream\n" % len(content) + content + b"\nendstream",
        ]
    )

    (read,) = read_bytes(tmp_path, data)

    assert " ".join(line.text for line in text_lines(read)) == "Yes \u2714"


@pytest.mark.parametrize("flag", [HIDDEN, NO_VIEW])
def test_a_field_that_a_viewer_hides_is_no_text(flag, tmp_path):
    document, page = page_of_text()
    document.xref_set_key(add_field(page), "F", str(flag))

    assert words_of(tmp_path, document) == ["Name"]


def test_a_note_and_a_stamp_on_the_page_are_text(tmp_path):
    document, page = page_of_text()
    page.add_freetext_annot(PLACE, "Please pay")
    page.add_stamp_annot((72, 400, 400, 480), stamp=pymupdf.STAMP_Approved)

    assert words_of(tmp_path, document) == ["Name", "Please pay", "APPROVED"]


def test_a_note_that_a_viewer_hides_is_no_text(tmp_path):
    document, page = page_of_text()
    page.add_freetext_annot(PLACE, "Please pay").set_flags(HIDDEN)
    page.add_text_annot((300, 300), "a comment behind an icon")

    assert words_of(tmp_path, document) == ["Name"]


def test_a_form_that_was_scanned_has_the_exact_values_of_its_fields(tmp_path):
    scan = samples.pdf_of_images([samples.text_page(["Name"], width=1240, height=1754)], dpi=150)
    document = pymupdf.open(stream=scan, filetype="pdf")
    add_field(document[0])

    assert words_of(tmp_path, document) == ["Covfefe"]
    (page,) = read_bytes(tmp_path, document.tobytes())
    assert page.image.min() < 128


def test_a_field_is_drawn_where_all_is_read(tmp_path):
    document = pymupdf.open()
    add_field(document.new_page())

    (page,) = read_bytes(tmp_path, document.tobytes(), text_layer="never")

    assert page.image.min() < 128
