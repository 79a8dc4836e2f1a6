"""Geometry of quadrangles: sides, bounds, shares, and whether they stand or lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ocr.segment import quads


def rect(left, top, right, bottom):
    return quads.of_rects(np.array([[left, top, right, bottom]], float))[0]


def turned(quad, degrees):
    """`quad` turned clockwise about its centre, as seen on the page."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = quad.mean(axis=0)
    return (quad - centre) @ turn.T + centre


def test_corners_run_clockwise_from_the_upper_left():
    assert rect(10, 20, 50, 30).tolist() == [[10, 20], [50, 20], [50, 30], [10, 30]]


def test_no_rectangles_have_no_corners():
    none = quads.of_rects(np.empty((0, 4)))

    assert none.shape == (0, 4, 2)
    assert quads.bounds(none).shape == (0, 4)
    assert quads.sides(none).shape == (0, 2)
    assert quads.share_within(none, rect(0, 0, 9, 9)).shape == (0,)


@given(degrees=st.floats(-180, 180, allow_subnormal=False))
def test_sides_do_not_change_with_the_angle(degrees):
    several = np.array([turned(rect(0, 0, 200, 30), degrees), turned(rect(5, 5, 15, 45), degrees)])

    assert quads.sides(several) == pytest.approx(np.array([[30, 200], [10, 40]]), abs=1e-6)


@given(corners=st.tuples(*[st.integers(-500, 500)] * 2), size=st.tuples(*[st.integers(1, 500)] * 2))
def test_the_bounds_of_an_upright_rectangle_are_itself(corners, size):
    sides = [*corners, corners[0] + size[0], corners[1] + size[1]]

    assert quads.bounds(rect(*sides)[None]).tolist() == [sides]


def test_the_bounds_of_a_turned_rectangle_enclose_it():
    [bounds] = quads.bounds(turned(rect(0, 0, 200, 20), 45)[None])

    reach = (200 + 20) / np.sqrt(2) / 2
    assert bounds == pytest.approx([100 - reach, 10 - reach, 100 + reach, 10 + reach])


@pytest.mark.parametrize("degrees", [0, 37, 90, 180, -60])
@pytest.mark.parametrize(
    ("part", "share"),
    [
        ((20, 20, 80, 40), 1.0),
        ((-50, 0, 50, 50), 0.5),
        ((90, 0, 110, 50), 0.5),
        ((0, 50, 100, 90), 0.0),
        ((-100, -50, 200, 100), 1 / 9),
    ],
)
def test_the_share_of_a_quad_within_another_is_that_of_its_area(part, share, degrees):
    angle, outer = np.radians(degrees), rect(0, 0, 100, 50)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    [found] = quads.share_within((rect(*part) @ turn.T)[None], outer @ turn.T)

    assert found == pytest.approx(share, abs=0.08)  # it is sampled in 7 x 7 points


@pytest.mark.parametrize(
    ("sides", "is_tall"),
    [((0, 0, 100, 100), False), ((0, 0, 20, 30), False), ((0, 0, 20, 40), True)],
)
def test_a_quad_is_tall_that_is_clearly_higher_than_wide(sides, is_tall):
    assert quads.is_tall(rect(*sides)) is is_tall


@pytest.mark.parametrize("sides", [(0, 0, 400, 40), (0, 0, 40, 400)], ids=["wide", "tall"])
@pytest.mark.parametrize(("degrees", "is_level"), [(0, True), (0.5, True), (3, False), (-3, False)])
def test_a_quad_is_level_whose_rise_is_small_beside_its_height(sides, degrees, is_level):
    assert quads.is_level(turned(rect(*sides), degrees)) is is_level
