"""Calibration beside sums done by hand."""

from __future__ import annotations

import math

import pytest

from training.evaluate.calibration import (
    Calibration,
    area_under_curve,
    character_hits,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from training.evaluate.evaluate import Outcome, Rule

from .outcomes import outcome, reading


def right(truth: str, said: str, rule: Rule | None = None) -> list[bool]:
    return [hit for _, hit in character_hits(outcome(truth, reading(said), rule))]


# --- which characters are right -----------------------------------------------------------------


def test_a_character_that_is_another_in_the_truth_is_wrong() -> None:
    assert right("Total 42", "Tota1 42") == [True] * 4 + [False] + [True] * 3


def test_a_character_too_many_is_wrong_and_those_after_it_are_right() -> None:
    assert right("abcd", "abXcd") == [True, True, False, True, True]


def test_a_character_that_was_missed_makes_no_other_wrong() -> None:
    assert right("abcd", "acd") == [True] * 3


def test_each_character_keeps_its_own_confidence() -> None:
    said = reading("ab", [0.8, 0.3])

    assert character_hits(outcome("aX", said)) == [(0.8, True), (0.3, False)]


def test_what_the_rule_folds_is_right() -> None:
    assert right("TOTAL：“42”", 'total:"42"', Rule(ignore_case=True)) == [True] * 10


def test_a_character_that_folds_into_several_is_one_hit() -> None:
    assert right("№1", "№1") == [True, True]
    assert right("N01", "№1") == [False, True]


def test_a_space_that_does_not_count_is_no_hit() -> None:
    assert right("ab", "a b", Rule(strip_spaces=True)) == [True, True]


def test_of_several_spaces_one_counts_and_of_those_at_the_ends_none() -> None:
    assert right("a b", " a  b ") == [True] * 3


def test_a_space_that_counts_and_is_not_in_the_truth_is_wrong() -> None:
    assert right("ab", "a b") == [True, False, True]


def test_what_folds_to_a_space_and_a_mark_does_not_lose_the_place_of_its_neighbours() -> None:
    assert right("a¨b", "a¨X") == [True, True, False]


def test_an_empty_reading_has_no_hits() -> None:
    assert right("abc", "") == []


# --- how far confidences are from shares --------------------------------------------------------


def test_the_calibration_error_is_the_one_worked_out_by_hand() -> None:
    half = [(0.5, True), (0.5, False), (0.5, False), (0.5, False)]  # a quarter right: off by 0.25
    sure = [(0.99, True)] * 6  # all right: off by 0.01

    assert expected_calibration_error(half + sure) == pytest.approx((4 * 0.25 + 6 * 0.01) / 10)


def test_errors_of_two_bins_do_not_cancel_out() -> None:
    timid, bold = [(0.2, True)] * 5, [(0.8, False)] * 5  # mean confidence 0.5, half of them right

    assert expected_calibration_error(timid + bold) == pytest.approx(0.8)


def test_nine_of_ten_right_at_nine_tenths_is_no_error() -> None:
    assert expected_calibration_error([(0.9, True)] * 9 + [(0.9, False)]) == pytest.approx(0)


def test_a_bin_holds_its_upper_edge_and_the_first_one_zero() -> None:
    counts = [
        found.characters for found in reliability([(0.0, False), (0.5, True), (1.0, True)], 2)
    ]

    assert counts == [2, 1]


def test_a_bin_tells_mean_confidence_and_share_of_right_ones() -> None:
    (found,) = reliability([(0.4, True), (0.8, False)], 1)

    assert (found.confidence, found.right) == pytest.approx((0.6, 0.5))


def test_surprise_is_the_log_of_what_came_true() -> None:
    surprise = negative_log_likelihood([(0.8, True), (0.8, False)])

    assert surprise == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)


def test_a_wrong_character_that_was_certain_costs_a_bounded_surprise() -> None:
    assert 10 < negative_log_likelihood([(1.0, False)]) < 20


def test_without_hits_there_is_no_error_to_speak_of() -> None:
    assert expected_calibration_error([]) == negative_log_likelihood([]) == 0


# --- lines --------------------------------------------------------------------------------------


def test_the_area_is_the_share_of_pairs_in_order_equal_ones_half() -> None:
    good, bad = (0.9, 0.5, 0.3), (0.5, 0.2)  # in order: 2, 1 and a half, 1 of 2 pairs each

    area = area_under_curve([(c, True) for c in good] + [(c, False) for c in bad])

    assert area == pytest.approx((2 + 1.5 + 1) / 6)


def test_lines_that_are_all_exact_have_no_area() -> None:
    assert area_under_curve([(0.9, True), (0.8, True)]) is None


def test_a_line_is_exact_when_nothing_is_wrong_whatever_its_characters() -> None:
    missed = outcome("abc", reading("ab", line=0.2), wrong=1)  # all of its hits are right
    whole = outcome("abc", reading("abc", line=0.9), wrong=0)

    assert Calibration.of([missed, whole]).area == 1


# --- temperature --------------------------------------------------------------------------------


def too_sure(temperature: float) -> list[Outcome]:
    """Say 98 % for ten characters of which eight are right, and less when it is hotter."""
    odds = math.log(0.98 / 0.02) / temperature
    return [outcome("aaaaaaaaXX", reading("a" * 10, 1 / (1 + math.exp(-odds))), wrong=2)]


def test_the_fitted_temperature_makes_confidence_the_share_of_right_ones() -> None:
    fitted = fit_temperature(too_sure)

    assert fitted == pytest.approx(math.log(49) / math.log(4), rel=0.02)  # where 98 % becomes 80 %
    assert too_sure(fitted)[0].reading.characters[0].confidence == pytest.approx(0.8, abs=0.005)


def test_a_recogniser_is_asked_no_more_often_than_it_was_said() -> None:
    asked: list[float] = []

    def noted(temperature: float) -> list[Outcome]:
        asked.append(temperature)
        return too_sure(temperature)

    fit_temperature(noted, probes=5)

    assert len(asked) == 6
