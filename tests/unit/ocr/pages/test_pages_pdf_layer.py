"""Hidden OCR layers of scans: ignored, or trusted where they match the scan."""

from __future__ import annotations

import pymupdf
import pytest

from daemon.ocr.pages import ocr_layer
from tests.support import samples
from tests.unit.ocr.pages.test_pages import read_bytes
from tests.unit.ocr.pages.test_pages_pdf import text_lines

LINES = [
    "The quick brown fox jumps over the lazy dog",
    "Received on the seventeenth of May",
    "Invoice number two thousand and forty-one",
    "We look forward to your early reply",
]
NOISE = ["Tbc qnlck hr0wn f0x jvmps 0vcr tbc l4zy", "Rcccjvcd 0n tbc scvcntccntb", "lnv0jc3 nvmbcr"]
SHIFTED = ["".join(chr(ord(c) + 3) if c.isalpha() else c for c in line.lower()) for line in LINES]


@pytest.mark.parametrize("under", [False, True])
def test_a_hidden_ocr_layer_is_ignored_by_default(under, tmp_path):
    (page,) = read_bytes(tmp_path, samples.pdf_with_ocr_layer(LINES, LINES, under=under))

    assert page.text_layer is None
    assert page.image.min() < 128


@pytest.mark.parametrize("under", [False, True])
def test_a_layer_that_matches_the_scan_is_trusted_where_allowed(under, tmp_path):
    data = samples.pdf_with_ocr_layer(LINES, LINES, under=under)

    (page,) = read_bytes(tmp_path, data, ocr_layer="trust")

    assert [line.text for line in text_lines(page)] == LINES
    assert page.image.size == 0


@pytest.mark.parametrize(
    ("layer", "offset"),
    [(NOISE, 0), (SHIFTED, 0), (LINES, 300), (LINES[:1], 0), (["\ufffd" * 30] * 4, 0)],
    ids=["noise", "shifted letters", "another place", "a part", "lost characters"],
)
def test_a_layer_that_does_not_match_the_scan_is_ignored(layer, offset, tmp_path):
    data = samples.pdf_with_ocr_layer(LINES, layer, offset=offset)

    (page,) = read_bytes(tmp_path, data, ocr_layer="trust")

    assert page.text_layer is None
    assert page.image.min() < 128


def test_a_trusted_layer_comes_with_what_was_stamped_on_the_scan(tmp_path):
    document = pymupdf.open(stream=samples.pdf_with_ocr_layer(LINES, LINES), filetype="pdf")
    document[0].insert_text((300, 700), "Bates 000123")

    (page,) = read_bytes(tmp_path, document.tobytes(), ocr_layer="trust")

    assert [line.text for line in text_lines(page)] == [*LINES, "Bates 000123"]


LANGUAGE = {
    "English": " ".join(LINES),
    "German": "Sehr geehrte Damen und Herren, anbei die Rechnung f\u00fcr den Monat Dezember",
    "Polish": "w za\u0142\u0105czeniu przesy\u0142amy faktur\u0119 za miesi\u0105c grudzie\u0144",
    "Russian": "\u0421\u0447\u0451\u0442 \u043d\u0430 \u043e\u043f\u043b\u0430\u0442\u0443",
    "simplified Chinese": "发票号码 二〇四一 合计金额 人民币 壹拾柒元伍角",
    "traditional Chinese": "發票號碼 二零四一 總計金額 新臺幣 壹拾柒元伍角",
    "figures": "12.80 17.50 2026-05-17 A4 INV-2041 €30.30",
}


@pytest.mark.parametrize("text", LANGUAGE.values(), ids=LANGUAGE.keys())
def test_language_is_recognised_by_its_shape(text):
    assert ocr_layer.is_language(text.split())


NO_LANGUAGE = {
    "nothing": "",
    "marks": ".,:; /| \\_ ~~ '' ^ -- |||",
    "letters for figures and back": "l2O4l x9y8z 0O0O0 1l1l1 a1b2c3",
    "consonants": "bcdfg hjklm npqrst vwxz bcdfgh",
    "another alphabet's place": " ".join(SHIFTED),
    "ideographs nobody writes": "\u9f98\u4dae\u3404 \u3405\u3406\u3407\u3408 \u4db5\u3409",
}


@pytest.mark.parametrize("text", NO_LANGUAGE.values(), ids=NO_LANGUAGE.keys())
def test_noise_is_no_language(text):
    assert not ocr_layer.is_language(text.split())


@pytest.mark.timeout(30)
def test_thousands_of_letters_under_a_picture_are_processed_in_time(tmp_path):
    document = pymupdf.open()
    page = document.new_page()
    page.insert_font(fontname="helv")
    page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 8, 8)))
    painted = page.read_contents()
    letters = b"".join(
        b"%.3f g BT /helv 6 Tf 1 0 0 1 %d %d Tm (a) Tj ET\n"
        % ((k % 100) / 100, 10 + k * 7 % 500, 10 + k // 70 % 700)  # each a text of its own
        for k in range(20_000)
    )
    content = document.get_new_xref()
    document.update_object(content, "<<>>")
    document.update_stream(content, letters + painted)
    page.set_contents(content)

    (page,) = read_bytes(tmp_path, document.tobytes())

    assert page.text_layer is None
