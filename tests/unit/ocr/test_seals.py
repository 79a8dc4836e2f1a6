"""Seals: found by their shape, taken off the page, unrolled and read."""

import cv2
import numpy as np
import pytest

from daemon.core.records import Page
from daemon.ocr import assemble, preprocess, segment
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.recognizer import Recognizer
from tests.support.running_daemon import SHIPPED_ONNX
from tests.support.samples import stamps
from tests.support.samples.vertical import VerticalPage
from tests.unit.ocr.test_pipeline import RECIPE, LineHeightRecognizer

LINE = "甲方应于本合同签订之日起十个工作日内支付总价款"
COMPANY = "上海明远信息技术有限公司"


def paper(rows=12, width=1000, height=800):
    page = VerticalPage(width, height, 28)
    for k in range(rows):
        page.row(LINE, 60, 40 + 52 * k)
    return cv2.cvtColor(page.image, cv2.COLOR_GRAY2BGR)


def as_page(image):
    return Page(1, image.shape[1], image.shape[0], image)


def jpeg(image):
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("rows", [0, 12])
@pytest.mark.parametrize("opacity", [0.45, 0.7, 0.95])
@pytest.mark.parametrize(("radius", "aspect", "tilt"), [(60, 1, 0), (120, 1, 25), (170, 0.75, 0)])
def test_a_seal_is_found_where_it_was_pressed(rows, opacity, radius, aspect, tilt):
    image = paper(rows)
    mask = stamps.ring_mask(COMPANY, radius, "财务专用章", aspect=aspect, tilt=tilt)
    stamps.press(image, mask, 300, 200, opacity)

    _, seals = preprocess.separate_seals(as_page(jpeg(image)))

    (seal,) = seals
    middle = (300 + radius + 4, 200 + radius + 4)
    box = seal.box
    assert ((box.left + box.right) / 2, (box.top + box.bottom) / 2) == pytest.approx(middle, abs=9)
    assert seal.axes == pytest.approx((radius, radius * aspect), rel=0.06)


@pytest.mark.parametrize("opacity", [0.45, 0.7])
def test_the_text_beneath_a_seal_is_as_without_it(opacity):
    image = paper()
    clean = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    stamps.press(image, stamps.ring_mask(COMPANY, 120), 300, 200, opacity)

    page, _ = preprocess.separate_seals(as_page(image))

    assert page.image.ndim == 2
    ink, paper_pixels = clean < 60, clean > 250
    assert np.percentile(page.image[ink], 98) < 110
    assert np.percentile(page.image[paper_pixels], 2) > 200


def test_red_text_stays():
    image = paper(rows=2)
    cv2.putText(image, "URGENT 25 000", (60, 400), cv2.FONT_HERSHEY_SIMPLEX, 3, (30, 30, 220), 8)

    page, seals = preprocess.separate_seals(as_page(image))

    assert seals == []
    assert np.array_equal(page.image, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def _disc(image):
    cv2.circle(image, (500, 400), 90, (30, 30, 220), -1)


def _blank_circle(image):
    cv2.circle(image, (500, 400), 90, (30, 30, 220), 6)


def _frame(image):
    cv2.rectangle(image, (400, 300), (580, 480), (30, 30, 220), 6)
    cv2.putText(image, "PAID", (420, 400), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 30, 220), 5)


@pytest.mark.parametrize("draw", [_disc, _blank_circle, _frame])
def test_other_red_shapes_are_no_seals(draw):
    image = paper()
    draw(image)

    _, seals = preprocess.separate_seals(as_page(image))

    assert seals == []


def test_a_page_in_gray_is_left_as_it_is():
    gray = cv2.cvtColor(paper(), cv2.COLOR_BGR2GRAY)

    page, seals = preprocess.separate_seals(as_page(gray))

    assert page.image is gray
    assert seals == []


def test_an_empty_image_has_no_seals():
    page = as_page(np.empty((0, 0, 3), np.uint8))

    assert preprocess.separate_seals(page) == (page, [])


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load(SHIPPED_ONNX)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tilt", "aspect", "rows"), [(0, 1, 0), (0, 1, 12), (30, 1, 0), (-75, 1, 0), (160, 1, 0)]
)
def test_ring_and_row_of_a_large_seal_are_read_however_it_is_turned(recognizer, tilt, aspect, rows):
    image = paper(rows)
    mask = stamps.ring_mask(COMPANY, 190, "财务专用章", tilt=tilt, aspect=aspect)
    stamps.press(image, mask, 300, 200, 0.75)

    _, (seal,) = preprocess.separate_seals(as_page(image))
    ring, *inner = recognizer.read(segment.seal_lines(seal))

    assert sum(a == b for a, b in zip(ring.text.strip(), COMPANY, strict=False)) >= 11
    assert [reading.text for reading in inner] == ["财务专用章"] or rows


@pytest.mark.slow
def test_a_seal_is_a_block_and_the_rows_beneath_are_read(recognizer, tmp_path):
    image = paper()
    stamps.press(image, stamps.ring_mask(COMPANY, 190, "财务专用章"), 300, 200, 0.75)
    cv2.imwrite(str(tmp_path / "contract.jpg"), image)

    read = Pipeline(RECIPE, recognizer).read_pages(tmp_path / "contract.jpg")

    page = read.pages[0]
    *_, seal = page.blocks
    assert seal.kind == "seal"
    assert COMPANY[-6:] in seal.lines[0].text
    assert page.text.count(LINE) >= 11
    assert page.text.endswith("\n".join(line.text for line in seal.lines))
    assert page.unread == ()


def test_a_seal_that_is_not_legible_is_an_unread_region():
    image = paper(rows=1)
    stamps.press(image, stamps.ring_mask(COMPANY, 120), 300, 200, 0.75)
    decoded, seals = preprocess.separate_seals(as_page(image))

    text = Pipeline(RECIPE, LineHeightRecognizer(0.3)).read_page(decoded, seals=seals)

    (region,) = (region for region in text.unread if region.reason == "not_legible")
    assert region.box.left == pytest.approx(300, abs=12)
    assert all(block.kind != "seal" for block in text.blocks)


def test_boxes_of_seals_are_in_original_pixels():
    image = paper(rows=1)
    stamps.press(image, stamps.ring_mask(COMPANY, 120), 300, 200, 0.75)
    half = Page(1, 2000, 1600, image, scale=0.5)
    decoded, seals = preprocess.separate_seals(half)
    reader = Pipeline(RECIPE, LineHeightRecognizer(0.99))

    text = reader.read_page(decoded, seals=seals)

    seal = text.blocks[-1]
    assert seal.kind == "seal"
    assert seal.lines[0].box.left == pytest.approx(600, abs=24)
    assert assemble.layer_lines(half) == []
