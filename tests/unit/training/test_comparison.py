"""Comparisons of invented readings: equal, worse, and different by chance only."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.comparison import difference, differences
from training.evaluate.error_rate import ComparisonRule, LineResult

from .outcomes import reading, result

TRUTH = "twenty characters..."


def results(wrong: list[int], language: str = "en") -> list[LineResult]:
    """Return a line of twenty characters for each number of wrong ones."""
    readings = [reading("X" * many + TRUTH[many:]) for many in wrong]
    return [
        result(TRUTH, text, ComparisonRule(language), many, f"{number}.png")
        for number, (many, text) in enumerate(zip(wrong, readings, strict=True))
    ]


@pytest.fixture
def some() -> list[int]:
    return np.random.default_rng(1).integers(0, 3, 200).tolist()


def test_a_recogniser_does_not_differ_from_itself(some: list[int]) -> None:
    found = difference(results(some), results(some))

    assert (found.cer, found.low, found.high, found.changed) == (0, 0, 0, 0)


def test_a_clearly_worse_recogniser_has_an_interval_above_zero(some: list[int]) -> None:
    worse = [wrong + (place % 2) for place, wrong in enumerate(some)]

    found = difference(results(worse), results(some))

    assert found.cer == pytest.approx(100 / 4000)  # one of twenty, in every second line
    assert found.changed == 0.5
    assert 0 < found.low < found.cer < found.high


def test_a_better_recogniser_has_a_difference_below_zero(some: list[int]) -> None:
    found = difference(results([0] * len(some)), results(some))

    assert found.high < 0


def test_as_many_better_lines_as_worse_give_an_interval_around_zero(some: list[int]) -> None:
    one = [wrong + 1 for wrong in some]
    other = [wrong + (-1) ** place for place, wrong in enumerate(one)]

    found = difference(results(other), results(one))

    assert found.low < 0 < found.high


def test_the_interval_is_as_wide_as_the_central_limit_says() -> None:
    wrong = [1] * 80 + [0] * 320  # of 400 equally long lines; a deviation of 0.4 errors a line

    found = difference(results(wrong), results([0] * 400))

    half = 1.96 * 0.4 / 400**0.5 / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)


def test_a_comparison_is_deterministic(some: list[int]) -> None:
    first, second = results(some), results(some[::-1])

    assert difference(first, second) == difference(first, second)


def test_a_long_list_is_resampled_in_parts_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = results([1, 0] * 50), results([0] * 100)
    expected = difference(first, second)
    monkeypatch.setattr("training.evaluate.comparison._DRAWN_AT_ONCE", 700)

    parted = difference(first, second)

    assert parted == expected


def test_readings_of_other_lines_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same lines"):
        difference(results([0, 1]), results([0]))


def test_each_language_is_compared_by_itself() -> None:
    first = results([1] * 10, "en") + results([0] * 10, "zh")
    second = results([0] * 10, "en") + results([0] * 10, "zh")

    found = differences(first, second)

    assert {name: (d.lines, d.cer) for name, d in found.items()} == {
        "en": (10, 0.05),
        "zh": (10, 0),
    }
