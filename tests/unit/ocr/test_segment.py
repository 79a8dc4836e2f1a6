"""Line segmentation without a network."""

import cv2
import numpy as np
import pytest

from daemon.ocr import segment
from daemon.ocr.records import CleanPage
from daemon.ocr.segment import components

UNTURNED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def clean(gray):
    return CleanPage(gray=gray, to_page=UNTURNED, skew=0.0)


def paper(height=800, width=1000):
    return np.full((height, width), 255, np.uint8)


def write(gray, text, left, base, scale=1.0, ink=0, thick=2):
    """Draw text and return the box of its ink: left, top, right, bottom."""
    alone = np.zeros_like(gray)
    cv2.putText(alone, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), thick)
    gray[alone > 100] = ink
    y, x = np.nonzero(alone > 100)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def overlap(line, box):
    """Intersection over union of a found line and a drawn box."""
    found = line.box
    width = min(found.right, box[2]) - max(found.left, box[0])
    height = min(found.bottom, box[3]) - max(found.top, box[1])
    shared = max(0, width) * max(0, height)
    areas = (found.right - found.left) * (found.bottom - found.top)
    return shared / (areas + (box[2] - box[0]) * (box[3] - box[1]) - shared)


def assert_found(gray, boxes):
    """Every drawn box has a line of its own, and there are no others."""
    lines = segment.find_lines_and_rules(clean(gray))[0]
    assert len(lines) == len(boxes)
    for box in boxes:
        assert max(overlap(line, box) for line in lines) >= 0.6


def test_lines_are_found_where_they_were_drawn():
    gray = paper()
    texts = ["The quick brown fox jumps", "over the lazy dog, again;", "Pack my box: five dozen!"]

    boxes = [write(gray, text, 60, 100 + 60 * k) for k, text in enumerate(texts)]

    assert_found(gray, boxes)


def test_a_heading_and_fine_print_are_found_beside_body_text():
    gray = paper()

    boxes = [
        write(gray, "A LARGE HEADING", 60, 120, scale=2.5, thick=6),
        write(gray, "The body of the text is smaller", 60, 240),
        write(gray, "and goes on over two lines", 60, 290),
        write(gray, "fine print at the foot of the page", 60, 420, scale=0.5, thick=1),
    ]

    assert_found(gray, boxes)


def test_wide_gaps_separate_cells_and_word_gaps_do_not():
    gray = paper()

    boxes = [
        box
        for base in (100, 160, 220)
        for box in (write(gray, "Total amount", 60, base), write(gray, "12.80", 700, base))
    ]

    assert_found(gray, boxes)


@pytest.mark.parametrize("mark", [":", "-"])
def test_a_mark_between_two_distant_words_connects_them(mark):
    gray = paper()
    left, top, end, bottom = write(gray, "GST No", 60, 300)
    _, _, end, _ = write(gray, mark, end + 18, 300)
    _, _, right, _ = write(gray, "0021080", end + 22, 300)

    assert_found(gray, [(left, top, right, bottom)])


def test_words_as_far_apart_without_a_mark_between_are_two_lines():
    gray = paper()

    first = write(gray, "GST No", 60, 300)

    assert_found(gray, [first, write(gray, "0021080", first[2] + 44, 300)])


def character(gray, left, top, side=40):
    """Draw a shape as wide and as high as a Chinese character."""
    cv2.rectangle(gray, (left, top), (left + side - 1, top + side - 1), (0,), 3)
    cv2.line(gray, (left + side // 2, top), (left + side // 2, top + side - 1), (0,), 3)
    cv2.line(gray, (left, top + side // 2), (left + side - 1, top + side // 2), (0,), 3)


@pytest.mark.parametrize(("gap", "lines"), [(90, 1), (180, 2)])
def test_characters_that_fill_a_cell_are_one_line(gap, lines):
    gray = paper()
    write(gray, "the text of the page is of letters like these", 60, 300)
    character(gray, 100, 80)
    character(gray, 100 + 40 + gap, 80)

    assert len(segment.find_lines_and_rules(clean(gray))[0]) == 1 + lines


def test_the_rules_of_a_table_are_no_part_of_its_lines():
    gray = paper()
    boxes = [
        write(gray, f"cell {row}{column}", 80 + 220 * column, 130 + 70 * row)
        for row in range(4)
        for column in range(4)
    ]
    for k in range(5):
        cv2.line(gray, (60, 90 + 70 * k), (940, 90 + 70 * k), (0,), 2)
        cv2.line(gray, (60 + 220 * k, 90), (60 + 220 * k, 370), (0,), 2)

    assert_found(gray, boxes)


def test_a_vertical_rule_separates_words_that_are_close():
    gray = paper()
    boxes = [
        box
        for base in (100, 150, 200, 250)
        for box in (write(gray, "left", 100, base), write(gray, "right", 190, base))
    ]
    cv2.line(gray, (176, 60), (176, 280), (0,), 2)

    assert_found(gray, boxes)


def test_a_narrow_gutter_separates_columns_where_a_word_gap_would_not():
    gray = paper(700, 1000)
    words = "and then some more of it"
    boxes = []
    for base in range(80, 640, 40):
        left = write(gray, words, 40, base)
        boxes += [left, write(gray, words, left[2] + 26, base)]

    assert_found(gray, boxes)


def test_touching_lines_are_still_two():
    gray = paper()
    boxes = [write(gray, "happy gypsy jumping quay", 60, base) for base in (100, 133)]

    gray[105:112, 120:124] = 0
    cv2.line(gray, (212, 90), (212, 130), (0,), 2)

    lines = segment.find_lines_and_rules(clean(gray))[0]
    assert len(lines) == 2
    for box in boxes:
        assert max(overlap(line, box) for line in lines) >= 0.5


def test_specks_are_no_lines():
    gray = paper()
    box = write(gray, "a line among specks", 60, 400)
    random = np.random.default_rng(3)
    gray[random.integers(0, 300, 200), random.integers(0, 1000, 200)] = 0

    assert_found(gray, [box])


def test_a_black_picture_is_no_line():
    gray = paper()
    gray[300:700, 500:900] = 0
    box = write(gray, "a line above a picture", 60, 100)

    assert_found(gray, [box])


def test_the_image_of_a_line_is_the_page_under_its_box():
    gray = paper()
    write(gray, "exactly this", 60, 100)

    (line,) = segment.find_lines_and_rules(clean(gray))[0]

    box = line.box
    assert np.array_equal(line.image, gray[box.top : box.bottom, box.left : box.right])


def test_light_text_on_a_dark_background_is_cropped_dark_on_light():
    gray = np.full((800, 1000), 30, np.uint8)
    box = write(gray, "white on black", 200, 400, scale=1.5, ink=240, thick=3)

    (line,) = segment.find_lines_and_rules(clean(gray))[0]

    assert overlap(line, box) >= 0.6
    assert np.median(line.image) > 128


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 7), (1200, 900)])
def test_an_even_page_of_any_size_has_no_lines(shape, value):
    assert segment.find_lines_and_rules(clean(np.full(shape, value, np.uint8)))[0] == []


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["noise", "specks", "grid"])
def test_a_page_of_noise_yields_a_bounded_number_of_lines(kind):
    random = np.random.default_rng(1)
    gray = np.full((3508, 2480), 255, np.uint8)
    if kind == "noise":
        gray = random.integers(0, 256, gray.shape, dtype=np.uint8)
    elif kind == "specks":
        gray[random.random(gray.shape) < 0.05] = 0
    else:
        rows, columns = np.indices(gray.shape)
        gray[(rows % 40 < 14) & (columns % 60 < 10)] = 0

    assert len(segment.find_lines_and_rules(clean(gray))[0]) <= 2500


@pytest.mark.timeout(60)
def test_no_word_of_a_newspaper_page_is_left_out():
    gray = paper(3400, 3600)
    boxes = []
    for column in range(6):
        for row in range(160):
            left, base = 40 + 590 * column, 60 + 20 * row
            cv2.putText(gray, "seven words of one line of news", (left, base), 0, 0.5, (0,), 1)
            boxes.append((left, base - 12, left + 250, base + 4))

    lines = segment.find_lines_and_rules(clean(gray))[0]

    assert len(lines) == len(boxes)


@pytest.mark.parametrize("strokes", [1, 2, 3])
def test_a_numeral_of_level_strokes_begins_its_line(strokes):
    gray = paper()
    _, top, _, bottom = write(gray, "FIRST OF SOME ITEMS", 100, 300)
    for number in range(1, strokes + 1):
        y = top + (bottom - top) * number // (strokes + 1)
        cv2.line(gray, (50, y), (72, y), (0,), 2)
    cv2.line(gray, (78, bottom - 6), (82, bottom - 2), (0,), 2)  # the comma behind it

    (line,) = segment.find_lines_and_rules(clean(gray))[0]
    assert line.box.left <= 50


def test_a_rule_before_a_word_is_no_numeral():
    gray = paper()
    cv2.line(gray, (60, 290), (300, 290), (0,), 3)

    assert_found(gray, [write(gray, "behind a rule", 330, 300)])


def test_a_pen_s_tick_between_words_makes_no_line_higher():
    gray = paper()
    boxes = [write(gray, "1 CTN", 60, 300), write(gray, "31.50", 240, 300)]
    cv2.line(gray, (166, 306), (220, 266), (0,), 3)

    assert_found(gray, boxes)


def test_a_slash_is_a_letter():
    gray = paper()

    box = write(gray, "9/", 60, 300)

    assert_found(gray, [box])


def test_no_wide_and_thin_letter_is_taken_for_a_tick_however_many_there_are():
    drawn = np.zeros((1600, 1600), np.uint8)
    for k in range(600):
        cv2.ellipse(drawn, (40 + 50 * (k % 30), 40 + 50 * (k // 30)), (16, 10), 0, 0, 360, (255,))

    assert len(components.find(drawn).letters) == 600


def test_a_full_width_slash_is_no_tick():
    gray = paper()
    left, top, _, bottom = write(gray, "YES", 60, 300)
    cv2.line(gray, (120, bottom), (142, top), (0,), 2)

    (line,) = segment.find_lines_and_rules(clean(gray))[0]
    assert line.box.left <= left
    assert line.box.right >= 142
