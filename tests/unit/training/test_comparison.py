"""Comparisons of readings that are made up: equal ones, worse ones, and mere luck."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.comparison import difference, differences
from training.evaluate.evaluate import Outcome, Rule

from .outcomes import outcome, reading

TRUTH = "twenty characters..."


def outcomes(wrong: list[int], language: str = "en") -> list[Outcome]:
    """Return a line of twenty characters for each number of wrong ones."""
    said = [reading("X" * many + TRUTH[many:]) for many in wrong]
    return [
        outcome(TRUTH, text, Rule(language), many, f"{number}.png")
        for number, (many, text) in enumerate(zip(wrong, said, strict=True))
    ]


@pytest.fixture
def some() -> list[int]:
    return np.random.default_rng(1).integers(0, 3, 200).tolist()


def test_a_recogniser_does_not_differ_from_itself(some: list[int]) -> None:
    found = difference(outcomes(some), outcomes(some))

    assert (found.cer, found.low, found.high, found.changed) == (0, 0, 0, 0)


def test_one_that_is_clearly_worse_is_told_apart(some: list[int]) -> None:
    worse = [wrong + (place % 2) for place, wrong in enumerate(some)]

    found = difference(outcomes(worse), outcomes(some))

    assert found.cer == pytest.approx(100 / 4000)  # one of twenty, in every second line
    assert found.changed == 0.5
    assert 0 < found.low < found.cer < found.high


def test_one_that_is_better_has_a_difference_below_zero(some: list[int]) -> None:
    found = difference(outcomes([0] * len(some)), outcomes(some))

    assert found.high < 0


def test_as_many_lines_better_as_worse_are_mere_luck(some: list[int]) -> None:
    one = [wrong + 1 for wrong in some]
    other = [wrong + (-1) ** place for place, wrong in enumerate(one)]

    found = difference(outcomes(other), outcomes(one))

    assert found.low < 0 < found.high


def test_the_interval_is_as_wide_as_the_central_limit_says() -> None:
    wrong = [1] * 80 + [0] * 320  # of 400 equally long lines; a deviation of 0.4 errors a line

    found = difference(outcomes(wrong), outcomes([0] * 400))

    half = 1.96 * 0.4 / 400**0.5 / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)


def test_the_same_question_gets_the_same_answer(some: list[int]) -> None:
    first, second = outcomes(some), outcomes(some[::-1])

    assert difference(first, second) == difference(first, second)


def test_a_long_list_is_resampled_in_parts_and_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = outcomes([1, 0] * 50), outcomes([0] * 100)
    whole = difference(first, second)
    monkeypatch.setattr("training.evaluate.comparison._DRAWN_AT_ONCE", 700)

    parted = difference(first, second)

    assert parted == whole


def test_readings_of_other_lines_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same lines"):
        difference(outcomes([0, 1]), outcomes([0]))


def test_languages_are_compared_apart() -> None:
    first = outcomes([1] * 10, "en") + outcomes([0] * 10, "zh")
    second = outcomes([0] * 10, "en") + outcomes([0] * 10, "zh")

    found = differences(first, second)

    assert {name: (d.lines, d.cer) for name, d in found.items()} == {
        "en": (10, 0.05),
        "zh": (10, 0),
    }
