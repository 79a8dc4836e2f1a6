"""The text detection network: any background, any slope, any page size."""

import cv2
import numpy as np
import pytest

from daemon.core.errors import Misconfigured
from daemon.ocr import segment
from daemon.ocr.records import CleanPage
from tests.support.repository import REPOSITORY

SHIPPED = REPOSITORY / "models" / "db-ppocr-v6-tiny.onnx"
UNTURNED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.fixture(scope="module")
def detector():
    return segment.TextDetector.load(SHIPPED)


def found(gray, detector):
    clean = CleanPage(gray=gray, to_page=UNTURNED, skew=0.0)
    return segment.detect_lines(clean, detector)


def write(gray, text, left, base, ink=0):
    cv2.putText(gray, text, (left, base), cv2.FONT_HERSHEY_DUPLEX, 1.2, (ink,), 2, cv2.LINE_AA)
    return gray


def paper(height=800, width=1000, ground=255):
    return np.full((height, width), ground, np.uint8)


@pytest.mark.slow
def test_lines_are_found_where_they_were_written(detector):
    gray = write(write(paper(), "A line of words", 100, 200), "and another one", 300, 500)

    boxes = sorted((line.box.top, line.box.left, line.box.right) for line in found(gray, detector))

    assert len(boxes) == 2
    for box, text, left, base in zip(
        boxes, ("A line of words", "and another one"), (100, 300), (200, 500), strict=True
    ):
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.2, 2)
        assert box == pytest.approx((base - height, left, left + width), abs=12)


@pytest.mark.slow
def test_text_on_a_pattern_is_found(detector):
    ground = np.tile(np.kron([[1, 0], [0, 1]], np.ones((7, 7))), (58, 72))[:800, :1000]
    gray = write((200 + 40 * ground).astype(np.uint8), "Words on a checked ground", 100, 400)

    [line] = found(gray, detector)

    assert line.box.right - line.box.left > 450


@pytest.mark.slow
def test_a_slanted_line_is_rectified_and_has_its_original_corners(detector):
    level = write(paper(), "A line that rises to the right", 200, 420)
    turn = cv2.getRotationMatrix2D((500, 400), 12.0, 1.0)
    gray = cv2.warpAffine(level, turn, (1000, 800), borderValue=(255,))

    [line] = found(gray, detector)

    across = line.corners[1] - line.corners[0]
    assert np.degrees(np.arctan2(-across[1], across[0])) == pytest.approx(12, abs=1)
    inked = np.flatnonzero((line.image < 128).any(axis=1))
    assert np.ptp(inked) < 50  # of letters 36 pixels high; as it stood the line is 150 high


@pytest.mark.slow
def test_light_text_on_dark_is_inverted_to_dark_on_light(detector):
    gray = write(paper(ground=30), "Light words on dark", 100, 400, ink=240)

    [line] = found(gray, detector)

    assert np.median(line.image) > 200


@pytest.mark.slow
def test_a_page_of_several_tiles_has_each_line_once(detector):
    gray = paper(4000, 3000)
    for row in range(150, 4000, 100):
        cv2.putText(gray, f"Row {row} of many", (200, row), 1, 5.0, (0,), 6)

    lines = found(gray, detector)

    assert len(lines) == len(range(150, 4000, 100))


def test_a_line_across_tiles_is_one(detector):
    gray = write(paper(height=400, width=3000), "words that go on " * 9, 20, 200)

    [line] = found(gray, detector)

    (width, _), _ = cv2.getTextSize("words that go on " * 9, cv2.FONT_HERSHEY_DUPLEX, 1.2, 2)
    assert (line.box.left, line.box.right) == pytest.approx((20, 20 + width), abs=40)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (33, 31)])
def test_a_blank_page_of_any_shape_has_no_lines(detector, shape):
    assert found(paper(*shape), detector) == []


@pytest.mark.slow
def test_noise_ends_in_bounded_many_lines(detector):
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1200), np.uint8)

    assert len(found(noise, detector)) <= 3000


def test_a_missing_network_is_misconfigured(tmp_path):
    with pytest.raises(Misconfigured, match=r"detector\.file"):
        segment.TextDetector.load(tmp_path / "none.onnx")


def test_another_network_than_the_pinned_one_is_misconfigured():
    with pytest.raises(Misconfigured, match=r"detector\.sha256"):
        segment.TextDetector.load(SHIPPED, "0" * 64)


def test_a_file_that_is_no_network_is_misconfigured(tmp_path):
    path = tmp_path / "torn.onnx"
    path.write_bytes(SHIPPED.read_bytes()[:1000])

    with pytest.raises(Misconfigured, match=r"detector\.file"):
        segment.TextDetector.load(path)
