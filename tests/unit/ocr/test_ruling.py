"""Ruling lines."""

import cv2
import numpy as np
import pytest

from daemon.ocr import segment
from daemon.ocr.records import CleanPage, RulingLines

UNTURNED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def paper(height=800, width=1000):
    return np.full((height, width), 255, np.uint8)


def ruled(gray, *lines, thick=2):
    for x0, y0, x1, y1 in lines:
        cv2.line(gray, (x0, y0), (x1, y1), (0,), thick)
    return gray


def rules_of(gray):
    """The rules as sets of rounded positions: y of horizontal, x of vertical ones."""
    _, rules = segment.find_lines_and_rules(CleanPage(gray=gray, to_page=UNTURNED, skew=0.0))
    across = {round((box.top + box.bottom) / 20) * 10 for box in rules.horizontal}
    return across, {round((box.left + box.right) / 20) * 10 for box in rules.vertical}


def test_long_rules_are_found_where_they_were_drawn():
    gray = ruled(paper(), (100, 200, 900, 200), (100, 400, 900, 400), (500, 100, 500, 700))

    assert rules_of(gray) == ({200, 400}, {500})


def test_rules_on_a_large_page_are_in_its_own_pixels():
    gray = ruled(paper(3600, 2800), (400, 1000, 2400, 1000), thick=5)

    _, rules = segment.find_lines_and_rules(CleanPage(gray=gray, to_page=UNTURNED, skew=0.0))

    box = rules.horizontal[0]
    assert (box.left, box.right) == pytest.approx((400, 2400), abs=10)
    assert (box.top + box.bottom) / 2 == pytest.approx(1000, abs=4)


def test_a_short_rule_between_two_others_is_one_and_a_short_stroke_is_none():
    gray = ruled(paper(), (100, 200, 900, 200), (100, 240, 900, 240), (300, 200, 300, 240))
    ruled(gray, (600, 300, 600, 340))

    assert rules_of(gray) == ({200, 240}, {300})


def test_the_letters_of_a_text_are_no_rules():
    gray = ruled(paper(), (60, 112, 700, 112))
    cv2.putText(gray, "Illicit fill: HIT THE LIL", (60, 104), 0, 1.2, (0,), 2)
    cv2.putText(gray, "Illicit fill: HIT THE LIL", (60, 204), 0, 1.2, (0,), 2)

    assert rules_of(gray) == ({110}, set())


def test_a_page_without_horizontal_rules_has_no_rules():
    gray = ruled(paper(), (500, 100, 500, 700))

    assert (
        segment.find_lines_and_rules(CleanPage(gray=gray, to_page=UNTURNED, skew=0.0))[1]
        == RulingLines()
    )


@pytest.mark.timeout(20)
def test_hatching_yields_a_bounded_number_of_rules():
    gray = paper(1800, 1300)
    gray[::6] = 0
    gray[:, ::6] = 0

    _, rules = segment.find_lines_and_rules(CleanPage(gray=gray, to_page=UNTURNED, skew=0.0))

    assert max(len(rules.horizontal), len(rules.vertical)) <= 400
