"""Letters that differ from their ground in hue alone stay visible in gray."""

import cv2
import numpy as np
import pytest

from daemon.ocr.preprocess.colour import to_gray

# BGR pairs of ink and ground with about the same luminance
PAIRS = {
    "red on green": ((40, 40, 230), (40, 130, 40)),
    "green on red": ((40, 130, 40), (40, 40, 230)),
    "orange on sky": ((0, 140, 255), (235, 165, 100)),
    "magenta on teal": ((200, 40, 200), (128, 120, 30)),
    "blue on brown": ((250, 80, 60), (30, 90, 120)),
}


def luminance(colour):
    pixel = np.array([[colour]], np.uint8)
    return int(cv2.cvtColor(pixel, cv2.COLOR_BGR2GRAY)[0, 0])


def drawn(ink, ground, height=700, width=900):
    """Return a page with a line of letters, and where their strokes are."""
    image = np.full((height, width, 3), ground, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    for canvas, colour in ((image, ink), (mask, (255,))):
        cv2.putText(canvas, "Letters in hue", (60, 300), cv2.FONT_HERSHEY_DUPLEX, 2, colour, 5)
    return image, mask > 0


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("size", [(300, 500), (700, 900), (2400, 1700)])
def test_letters_of_the_luminance_of_their_ground_are_seen(name, size):
    ink, ground = PAIRS[name]
    image, strokes = drawn(ink, ground)
    image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    strokes = cv2.resize(strokes.astype(np.uint8), size[::-1], interpolation=cv2.INTER_AREA) > 0
    plain = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(int)
    assert abs(np.median(plain[strokes]) - np.median(plain[~strokes])) < 25  # they were hidden

    gray = to_gray(image).astype(int)

    assert abs(np.median(gray[strokes]) - np.median(gray[~strokes])) >= 50


@pytest.mark.parametrize("ink", [(0, 0, 0), (40, 40, 200), (200, 60, 20)])
def test_ink_that_is_seen_keeps_its_luminance(ink):
    image, _ = drawn(ink, (255, 255, 255))

    assert np.array_equal(to_gray(image), cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def test_only_the_region_of_hidden_letters_changes():
    hidden, _ = drawn(*PAIRS["red on green"])
    page = np.full((2100, 900, 3), 255, np.uint8)
    page[700:1400] = hidden
    cv2.putText(page, "black on white", (60, 300), cv2.FONT_HERSHEY_DUPLEX, 2, (0, 0, 0), 5)

    gray, plain = to_gray(page), cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)

    assert np.array_equal(gray[:650], plain[:650])
    assert np.array_equal(gray[1450:], plain[1450:])
    assert gray[900:1050].std() > 3 * plain[900:1050].std()


def test_a_gray_page_is_returned_as_it_is():
    gray = np.full((50, 60), 200, np.uint8)

    assert to_gray(gray) is gray
