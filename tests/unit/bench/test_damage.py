"""Damaged pages: what is drawn at a point is found where the point was moved to."""

import cv2
import numpy as np
import pytest

from bench.damage import DAMAGES, bounds, outlines, turned

RED = (0, 0, 255)
SPOTS = np.array([(30, 30), (570, 30), (570, 770), (30, 770), (300, 400), (150, 600)], float)


@pytest.fixture
def spotted():
    image = np.full((800, 600, 3), 255, np.uint8)
    for x, y in SPOTS.astype(int).tolist():
        cv2.circle(image, (x, y), 9, RED, -1)
    return image


def red_spots(image):
    """The middles of what is red, however bright, N,2."""
    blue, green, red = np.moveaxis(image.astype(int), -1, 0)
    mask = (red > 60) & (red - np.maximum(blue, green) > red // 2)
    count, _, boxes, middles = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return middles[[k for k in range(1, count) if boxes[k, cv2.CC_STAT_AREA] > 20]]


@pytest.mark.parametrize("name", DAMAGES)
def test_points_move_with_what_is_drawn_there(name, spotted):
    image, points = DAMAGES[name](spotted, SPOTS, np.random.default_rng(3))

    found = red_spots(image)

    assert len(found) == len(SPOTS)
    nearest = np.linalg.norm(points[:, None] - found[None], axis=2).min(axis=1)
    assert nearest.max() < 2


@pytest.mark.parametrize("name", DAMAGES)
def test_a_seed_damages_alike_and_leaves_the_page_itself_alone(name, spotted):
    before = spotted.copy()

    first, second = (DAMAGES[name](spotted, SPOTS, np.random.default_rng(3)) for _ in range(2))

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert np.array_equal(spotted, before)


@pytest.mark.parametrize("name", ["skew-15", "photo-strong", "curl"])
def test_a_bent_page_lies_whole_on_a_darker_ground(name, spotted):
    image, points = DAMAGES[name](
        spotted, np.array([(0, 0), (600, 0), (600, 800), (0, 800)], float), np.random.default_rng(3)
    )

    height, width = image.shape[:2]
    assert (points > 0).all()
    assert (points < (width, height)).all()
    assert image[[0, -1]].max() < 180
    assert image[:, [0, -1]].max() < 180


@pytest.mark.parametrize("name", DAMAGES)
def test_a_page_without_labels_is_damaged_too(name, spotted):
    _, points = DAMAGES[name](spotted, np.zeros((0, 64, 2)), np.random.default_rng(3))

    assert bounds(points).shape == (0, 4)


def test_a_quarter_turn_is_clockwise(spotted):
    _, points = turned(spotted, np.array([(0.0, 0.0), (600.0, 800.0)]), 90)

    assert points.tolist() == [[800, 0], [0, 600]]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_page_keeps_its_points(degrees, spotted):
    image, points = turned(spotted, SPOTS, degrees)

    nearest = np.linalg.norm(points[:, None] - red_spots(image)[None], axis=2).min(axis=1)
    assert nearest.max() < 2


def test_the_box_of_a_curled_line_is_higher_than_its_corners_tell(spotted):
    lines = np.array([[(20, y), (580, y), (580, y + 20), (20, y + 20)] for y in (10, 770)], float)

    _, points = DAMAGES["curl"](spotted, outlines(lines), np.random.default_rng(0))

    whole, corners = (np.diff(bounds(p)[:, 1::2]).max() for p in (points, points[:, ::16]))
    assert whole > 1.5 * corners


def test_an_outline_is_bounded_as_its_quad():
    quads = np.array([[(1, 2), (9, 3), (8, 7), (2, 6)]], float)

    assert bounds(outlines(quads)).tolist() == bounds(quads).tolist() == [[1, 2, 9, 7]]
