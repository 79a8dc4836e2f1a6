"""Images whose resolution across differs from that down: pixels are made square to be read."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from daemon.core.options import Preprocessing
from daemon.core.records import Box, Page
from daemon.ocr import preprocess
from daemon.ocr.assemble.frame import CoordinateFrame
from daemon.ocr.pages import headers
from tests.support import samples
from tests.unit.ocr.pages.test_pages import read_bytes

SMALL = np.full((20, 30), 255, np.uint8)


def jfif(unit: int, across: int, down: int, orientation: int | None = None) -> bytes:
    data = samples.jpeg(SMALL, orientation=orientation)
    at = data.index(b"JFIF\0") + 7
    return data[:at] + struct.pack(">BHH", unit, across, down) + data[at + 5 :]


def exif_jpeg(across: int, down: int) -> bytes:
    entries = struct.pack(">HHII", 282, 5, 1, 50) + struct.pack(">HHII", 283, 5, 1, 58)
    block = (
        struct.pack(">2sHIH", b"MM", 42, 8, 3) + entries + struct.pack(">HHIHH", 296, 3, 1, 2, 0)
    )
    block += bytes(4) + struct.pack(">IIII", across, 1, down, 1)
    segment = b"Exif\0\0" + block
    data = samples.jpeg(SMALL)
    jfif_at = data.index(b"\xff\xe0")
    (size,) = struct.unpack_from(">H", data, jfif_at + 2)
    rest = data[jfif_at + 2 + size :]
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + rest


def png(across: int, down: int, unit: int) -> bytes:
    data = samples.png(SMALL)
    chunk = samples.png_chunk(b"pHYs", struct.pack(">IIB", across, down, unit))
    return data[:33] + chunk + data[33:]


def tiff(across: int, down: int, unit: int) -> bytes:
    return samples.tiff([samples.plain_page(SMALL, t282=across, t283=down, t296=unit)])


def bmp(across: int, down: int) -> bytes:
    data = bytearray(samples.bmp(cv2.cvtColor(SMALL, cv2.COLOR_GRAY2BGR)))
    struct.pack_into("<ii", data, 38, across, down)
    return bytes(data)


UNEQUAL = {
    "jfif in inches": (jfif(1, 204, 98), 204 / 98, 204.0),
    "jfif in centimetres": (jfif(2, 80, 39), 80 / 39, 203.2),
    "jfif without a unit": (jfif(0, 2, 1), 2.0, None),
    "exif": (exif_jpeg(200, 100), 2.0, 200.0),
    "png in metres": (png(8031, 3858, 1), 8031 / 3858, 203.99),
    "png without a unit": (png(2, 1, 0), 2.0, None),
    "tiff in inches": (tiff(204, 98, 2), 204 / 98, 204.0),
    "tiff in centimetres": (tiff(80, 154, 3), 80 / 154, 203.2),
    "tiff without a unit": (tiff(3, 2, 1), 1.5, None),
    "finer down than across": (tiff(204, 391, 2), 204 / 391, 204.0),
    "bmp": (bmp(8031, 3858), 8031 / 3858, 203.99),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_the_height_of_a_pixel_is_taken_from_the_file(name, tmp_path):
    data, height, dpi = UNEQUAL[name]

    (page,) = read_bytes(tmp_path, data)

    assert page.pixel_height == pytest.approx(height, abs=1e-3)
    assert page.dpi == pytest.approx(dpi) if dpi else page.dpi is None
    assert (page.width, page.height) == (30, 20)


@pytest.mark.parametrize(
    ("across", "down"), [(300, 300), (204, 196), (72, 1), (1, 600), (0, 300), (300, 0)]
)
def test_pixels_are_square_where_the_file_says_so_or_is_wrong(across, down, tmp_path):
    for data in (jfif(1, across, down), png(across, down, 0), bmp(across * 40, down * 40)):
        (page,) = read_bytes(tmp_path, data)

        assert page.pixel_height == 1.0
    assert headers.pixel_height(across, down) == 1.0


def test_a_page_that_is_turned_has_its_sides_exchanged(tmp_path):
    (page,) = read_bytes(tmp_path, jfif(1, 204, 98, orientation=6))

    assert page.rotation == 90
    assert page.pixel_height == pytest.approx(98 / 204, abs=1e-3)
    assert page.dpi == pytest.approx(98, abs=0.1)


@pytest.mark.parametrize("height", [98 / 204, 0.25, 1.0, 1.5, 204 / 98, 4.0])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("max_side", [5000, 500])
def test_a_square_that_was_squashed_is_square_again_and_its_box_is_in_original_pixels(
    height, turn, max_side
):
    across, down = max(1.0, 1 / height), max(1.0, height)
    square = np.full((600, 800), 255, np.uint8)
    square[200:400, 100:300] = 0
    size = (round(800 / across), round(600 / down))
    image = cv2.resize(square, size, interpolation=cv2.INTER_AREA)
    page = Page(1, size[0], size[1], image, pixel_height=height)
    steps = replace(Preprocessing(), deskew=False, dewarp=False, max_side=max_side)

    clean = preprocess.clean(page, steps, turn)

    rows, columns = np.nonzero(clean.gray < 128)
    box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    sides = (box.right - box.left, box.bottom - box.top)
    assert abs(sides[0] - sides[1]) <= 3
    found = CoordinateFrame(page, clean).to_original(box)
    drawn = (100 / across, 200 / down, 300 / across, 400 / down)
    tolerance = 2 + 800 / max_side
    wrong = np.abs(np.subtract((found.left, found.top, found.right, found.bottom), drawn))
    assert wrong.max() <= tolerance
    again = CoordinateFrame(page, clean).to_clean(found)
    assert abs(again.left - box.left) <= 2 * tolerance * across
