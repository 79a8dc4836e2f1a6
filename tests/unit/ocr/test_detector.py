"""The text detection network: any background, any slope, any page size."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from daemon.core.errors import Misconfigured
from daemon.ocr import onnx_session, segment
from daemon.ocr.records import CleanPage
from daemon.ocr.segment import dbnet, quads
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


# --- letters of any size ------------------------------------------------------------------------


def rows_of(page):
    """The lines of a page by where they are, without the fragments that a row must not have."""
    return sorted((line.box.top, line.box.left, line.box.right, line.box.bottom) for line in page)


def write_at(gray, text, left, base, height):
    """Write `text` with capitals of `height` pixels; return its box."""
    weight = max(1, round(height / 9))
    size = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, height, weight)
    cv2.putText(gray, text, (left, base), 0, size, (0,), weight, cv2.LINE_AA)
    (width, _), _ = cv2.getTextSize(text, 0, size, weight)
    return base - height, left, left + width, base


@pytest.mark.slow
@pytest.mark.parametrize("height", [10, 16, 30, 60, 100, 140, 200, 300, 450, 600])
def test_letters_of_any_size_are_one_line_beside_small_print(detector, height):
    gray = paper(1600, 2200)
    large = write_at(gray, "HEX" if height > 200 else "HEXAGON", 100, 150 + height, height)
    small = [write_at(gray, f"Small print number {k}", 100, 1000 + 60 * k, 18) for k in range(8)]

    lines = rows_of(found(gray, detector))

    assert len(lines) == 9
    for line, written in zip(lines, [large, *small], strict=True):
        margin = 12 + 0.25 * (written[3] - written[0])
        assert line == pytest.approx(written, abs=margin)


@pytest.mark.slow
def test_letters_of_ten_to_six_hundred_pixels_on_one_page_are_a_line_each(detector):
    gray = paper(2400, 2400)
    written, base = [], 40
    for height in (600, 300, 150, 80, 40, 20, 10):
        base += height + 40 + height // 3
        written.append(write_at(gray, "HEM HEM"[: 3 if height == 600 else 7], 100, base, height))

    lines = rows_of(found(gray, detector))

    assert len(lines) == len(written)
    for line, box in zip(lines, written, strict=True):
        assert line == pytest.approx(box, abs=12 + 0.25 * (box[3] - box[0]))


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4, 8, 16])
@pytest.mark.parametrize("text", ["{}.50 EUR", "Item {}", "Small print number {}"])
@pytest.mark.parametrize(("height", "pitch"), [(12, 26), (18, 31), (18, 60), (26, 57), (36, 79)])
def test_short_rows_below_each_other_are_a_line_each(detector, height, pitch, text, count):
    gray = paper(1600, 2200)
    rows = [write_at(gray, text.format(k), 100, 200 + pitch * k, height) for k in range(count)]

    lines = rows_of(found(gray, detector))

    assert len(lines) == count
    assert np.array(lines) == pytest.approx(np.array(rows), abs=8 + 0.4 * height)


def large(quads_of_small, quads_of_large, reduction=4):
    """What is left of small and large lines, given as left, top, right, bottom."""
    both = [quads.of_rects(np.array(rects, float).reshape(-1, 4)) for rects in
            (quads_of_small, quads_of_large)]  # fmt: skip
    kept, scores = dbnet._with_large(
        both[0], np.full(len(both[0]), 0.8), both[1], np.full(len(both[1]), 0.9), reduction
    )
    assert len(kept) == len(scores)
    return [tuple(map(int, rect)) for rect in quads.bounds(kept)]


TITLE = (100, 100, 1100, 400)  # 300 pixels high


@pytest.mark.parametrize(
    ("small", "expected"),
    [
        ([], [TITLE]),
        ([(110, 110, 190, 390), (300, 150, 350, 260)], [TITLE]),  # strokes of its letters
        ([(100, 600, 500, 630)], [(100, 600, 500, 630), TITLE]),  # a line elsewhere
        ([(110, 110, 1090, 150)], [(110, 110, 1090, 150)]),  # a row of a paragraph
        ([(110, 110, 300, 150)], [TITLE]),  # a word within: no row
        ([(110, 110, 140, 390)], [TITLE]),  # an upright stroke
    ],
)
def test_a_large_line_takes_the_place_of_its_fragments_but_not_of_rows(small, expected):
    assert large(small, [TITLE]) == expected


@pytest.mark.parametrize("width", [125, 200, 290])
def test_a_stack_of_rows_that_a_coarse_pass_merged_stays_rows(width):
    rows = [(110, 110 + 60 * k, 110 + width, 150 + 60 * k) for k in range(8)]

    assert large(rows, [(100, 90, 400, 610)]) == rows


def test_a_line_that_the_fine_pass_sees_whole_is_that_of_the_fine_pass():
    whole, coarse = (100, 100, 900, 200), (90, 95, 910, 205)

    assert large([whole], [coarse]) == [whole]


def test_lines_of_a_coarse_pass_that_the_fine_one_sees_are_left_to_it():
    assert large([], [(100, 100, 900, 200)]) == []
    assert large([], [(100, 100, 900, 200)], reduction=2) == [(100, 100, 900, 200)]


# --- pages of any proportion --------------------------------------------------------------------


def lines_of(gray, detector):
    clean = CleanPage(gray=gray, to_page=UNTURNED, skew=0.0)
    return sorted(rows_of(segment.find_lines_and_rules(clean, detector)[0]))


@pytest.mark.slow
@pytest.mark.parametrize("finder", ["opencv", "auto"])
@pytest.mark.parametrize("pitch", [61, 97, 350])
def test_a_long_receipt_has_each_line_once_and_in_order(detector, finder, pitch):
    gray = paper(20_000, 720)
    written = [
        write_at(gray, f"Item {k} of many", 40, base, 22)
        for k, base in enumerate(range(100, 19_950, pitch))
    ]

    lines = lines_of(gray, detector if finder == "auto" else None)

    assert len(lines) == len(written)
    assert np.array(lines) == pytest.approx(np.array(written), abs=16)


@pytest.mark.slow
@pytest.mark.parametrize("finder", ["opencv", "auto"])
def test_a_banner_has_its_words_in_order(detector, finder):
    gray = paper(200, 20_000)
    written = [write_at(gray, f"Word {k}", 50 + 1000 * k, 120, 50) for k in range(19)]

    lines = sorted(line[1:3] for line in lines_of(gray, detector if finder == "auto" else None))

    assert len(lines) == len(written)
    assert np.array(lines) == pytest.approx(np.array([box[1:3] for box in written]), abs=30)


@pytest.mark.parametrize("length", [1, 700, 1800, 1801, 2500, 20_000])
def test_strips_cover_a_page_and_share_the_lap(length):
    starts = segment.strip_starts(length, 1800, 180)

    assert starts[0] == 0
    assert starts[-1] == max(0, length - 1800)
    assert all(0 < b - a <= 1800 - 180 for a, b in pairwise(starts))


@pytest.mark.parametrize("offset", range(-60, 61, 12))
@pytest.mark.parametrize("border", ["start", "end", "middle"])
def test_a_line_at_the_border_of_strips_is_found_once(border, offset):
    height, width = 3000, 400
    first, second, *_ = segment.strip_starts(height, 1000, 100)
    base = {"start": second, "end": first + 1000, "middle": second + 50}[border] + offset
    gray = paper(height, width)
    written = write_at(gray, "At the border", 40, base, 24)

    [line] = lines_of(gray, None)

    assert line == pytest.approx(written, abs=10)


def test_rules_at_the_border_of_strips_are_on_the_page_where_they_were_drawn():
    gray = paper(3000, 400)
    for top in range(100, 3000, 300):
        cv2.line(gray, (40, top), (360, top), (0,), 3)
    clean = CleanPage(gray=gray, to_page=UNTURNED, skew=0.0)

    _, rules = segment.find_lines_and_rules(clean)

    middles = {round((box.top + box.bottom) / 2, -1) for box in rules.horizontal}
    assert middles == set(range(100, 3000, 300))


def test_the_network_has_as_many_threads_as_its_process(monkeypatch):
    monkeypatch.setattr(onnx_session._process, "threads", 3)

    session = segment.TextDetector.load(SHIPPED).session

    assert session.get_session_options().intra_op_num_threads == 3


@pytest.mark.slow
@pytest.mark.parametrize("ink", [0, 110])
@pytest.mark.parametrize("height", [130, 240])
@pytest.mark.parametrize("character", ["5", "A", "8", "S", "R"])
def test_a_single_large_character_is_one_line(detector, character, height, ink):
    gray = paper(480, 480)
    weight = height // 8
    size = cv2.getFontScaleFromHeight(0, height, weight)
    (width, _), _ = cv2.getTextSize(character, 0, size, weight)
    left, base = (480 - width) // 2, (480 + height) // 2
    cv2.putText(gray, character, (left, base), 0, size, (ink,), weight, cv2.LINE_AA)

    lines, _ = segment.find_lines_and_rules(CleanPage(gray, np.eye(2, 3), 0.0), detector)

    [line] = [each for each in lines if each.box.bottom - each.box.top > 0.8 * height]
    assert abs((line.box.top + line.box.bottom) / 2 - 240) < 0.15 * height
