"""Codes of pages: what zxing-cpp has drawn is found where it was drawn, however it lies."""

from __future__ import annotations

import base64
from dataclasses import replace

import cv2
import numpy as np
import pymupdf
import pytest
import zxingcpp

from daemon.core.options import Limits, Rendering
from daemon.core.records import MAX_CODES, Page
from daemon.ocr import codes, pages

CONTENTS = {
    "Aztec": "BATCH 7", "Codabar": "A40156B", "Code 128": "SEP-0001", "Code 39": "PART 12",
    "Code 93": "LOT93", "Data Matrix": "两份 documents", "DataBar": "0012345678905",
    "EAN-13": "4006381333931", "EAN-8": "73513537", "ITF": "30712345000010",
    "Micro QR Code": "12345", "PDF417": "a longer text of a passport", "QR Code": "https://例.org",
    "rMQR Code": "NARROW", "UPC-A": "036000291452", "UPC-E": "01234565",
}  # fmt: skip
# as it is printed below the bars, or with application identifiers
PUBLISHED = {"DataBar": "(01)00123456789050", "UPC-E": "0012345000065", "UPC-A": "0036000291452"}
IDS = {"DataBar": "DataBarOmni"} | {
    name: codes._IDS[name] for name in CONTENTS if name != "DataBar"
}


def drawn(name: str, content: str | bytes, module: int = 4) -> np.ndarray:
    made = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat[IDS[name]])
    image = np.asarray(zxingcpp.write_barcode_to_image(made, scale=module), np.uint8)
    is_bars = len({row.tobytes() for row in image[20:-20]}) == 1
    return np.repeat(image[image.shape[0] // 2][None], 120, axis=0) if is_bars else image


def page_with(code: np.ndarray, angle: float = 0.0, size: int = 900) -> tuple[Page, list[float]]:
    """Return a page with a code at an angle in its middle, and the box around the code."""
    height, width = code.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turn[:, 2] += (size / 2 - width / 2, size / 2 - height / 2)
    image = cv2.warpAffine(code, turn, (size, size), borderValue=255, flags=cv2.INTER_CUBIC)
    corners = cv2.transform(
        np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32), turn
    )[0]
    return Page(1, size, size, image), [*corners.min(axis=0), *corners.max(axis=0)]


@pytest.mark.parametrize("angle", [0, 7, 45, 90, 122, 180, 270, 333])
@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_a_code_of_each_format_is_read_at_any_angle(name: str, angle: float) -> None:
    if name in ("Micro QR Code", "rMQR Code", "DataBar") and angle % 180:
        pytest.skip("zxing-cpp reads these when they are level")
    page, (left, top, right, bottom) = page_with(drawn(name, CONTENTS[name]), angle)

    (code,) = codes.find(page, ["any"])

    # UPC-A is EAN-13 with a leading zero: the bars are the same
    assert (code.format, code.is_base64) == ("EAN-13" if name == "UPC-A" else name, False)
    assert code.text == PUBLISHED.get(name, CONTENTS[name])
    box = code.box
    assert left - 6 <= box.left < box.right <= right + 6
    assert top - 6 <= box.top < box.bottom <= bottom + 6
    assert abs((box.left + box.right) / 2 - 450) < 0.2 * (right - left)
    assert abs((box.top + box.bottom) / 2 - 450) < 0.3 * (bottom - top)


@pytest.mark.parametrize("name", ["QR Code", "Code 128", "PDF417"])
def test_a_code_is_read_light_on_dark_and_in_colour_and_faint(name: str) -> None:
    plain, _ = page_with(drawn(name, CONTENTS[name]))
    dark = 255 - plain.image
    coloured = np.dstack([plain.image // 3 * 2 + 60, plain.image // 2 + 90, plain.image])
    faint = np.asarray(215 + plain.image / 255 * 30, np.uint8)

    for image in (dark, coloured, faint):
        (code,) = codes.find(replace(plain, image=image), ["any"])
        assert code.text == CONTENTS[name]


def test_only_the_formats_that_are_wanted_are_read() -> None:
    page, _ = page_with(drawn("EAN-13", CONTENTS["EAN-13"]))

    assert codes.find(page, ["QR Code", "Code 128"]) == ()
    assert [code.format for code in codes.find(page, ["QR Code", "EAN-13"])] == ["EAN-13"]


def test_content_that_is_no_text_is_in_base64() -> None:
    content = bytes(range(128, 256))
    page, _ = page_with(drawn("QR Code", content))

    (code,) = codes.find(page, ["any"])

    assert code.is_base64
    assert base64.b64decode(code.text) == content


def test_boxes_are_in_pixels_of_the_page_before_it_was_scaled() -> None:
    page, box = page_with(drawn("QR Code", "SCALED"))
    smaller = cv2.resize(page.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

    (code,) = codes.find(replace(page, image=smaller, scale=0.5), ["any"])

    assert np.abs(np.subtract([code.box.left, code.box.top], box[:2])).max() < 40
    assert np.abs(np.subtract([code.box.right, code.box.bottom], box[2:])).max() < 40


def test_a_code_in_pixels_that_are_not_square_is_read() -> None:
    page, box = page_with(drawn("QR Code", "FAX"))
    flat = cv2.resize(page.image, None, fx=1, fy=0.5, interpolation=cv2.INTER_AREA)

    (code,) = codes.find(Page(1, 900, 450, flat, pixel_height=2.0), ["any"])

    assert code.text == "FAX"
    assert code.box.bottom <= box[3] / 2 + 3


def test_a_part_of_a_code_is_no_code_of_its_own() -> None:
    code = drawn("ITF", "35568261197005")
    code[:40, : code.shape[1] // 2] = 255  # torn: a part of its rows has the second half alone

    found = codes.find(page_with(code)[0], ["any"])

    assert [each.text for each in found] == ["35568261197005"]


def test_a_page_full_of_codes_has_as_many_as_are_published() -> None:
    code = drawn("Micro QR Code", "123", 2)
    image = np.tile(np.pad(code, 4, constant_values=255), (12, 12))

    found = codes.find(Page(1, image.shape[1], image.shape[0], image), ["Micro QR Code"])

    assert len(found) == MAX_CODES
    assert [each.box.top for each in found] == sorted(each.box.top for each in found)


def test_a_barcode_set_in_a_font_is_read_although_its_page_is_all_text(tmp_path) -> None:
    """Vector graphics on a page whose text layer is all that would be read."""
    code = drawn("Code 128", "DRAWN-17", 1)[0] == 0
    path = tmp_path / "label.pdf"
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 72), "Parcel 17, to be opened at the quay", fontsize=12)
        for k in np.nonzero(code)[0]:
            page.draw_rect((100 + 2 * k, 200, 102 + 2 * k, 260), color=None, fill=(0, 0, 0))
        document.save(path)

    with pages.open_document(path, Limits(), Rendering()) as source:
        assert source.page(1).picture is None
    with pages.open_document(path, Limits(), Rendering(), with_picture=True) as source:
        read = source.page(1)

    assert read.text_layer
    (code,) = codes.find(read, ["any"])
    assert code.text == "DRAWN-17"
    assert code.box.top == pytest.approx(200 / 72 * read.dpi, abs=12)
