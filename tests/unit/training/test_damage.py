"""Every damage keeps the shape and the type of a line, changes it, and leaves it to be read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.synth import augment

LINE = np.full((36, 260), 255, np.uint8)
cv2.putText(LINE, "Total 42.50", (8, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2, cv2.LINE_AA)
ALL = [*augment.HARSH, augment.faxed]


@pytest.mark.parametrize("hurt", ALL, ids=lambda hurt: hurt.__name__)
def test_a_damage_keeps_shape_and_type_and_spares_its_input(hurt: augment.Damage) -> None:
    before = LINE.copy()
    for seed in range(20):
        after = hurt(before, np.random.default_rng(seed))

        assert (after.shape, after.dtype) == (LINE.shape, np.uint8)
    assert (before == LINE).all()


@pytest.mark.parametrize("hurt", ALL, ids=lambda hurt: hurt.__name__)
def test_a_damage_does_something_and_leaves_the_line_legible(hurt: augment.Damage) -> None:
    seen = [hurt(LINE, np.random.default_rng(seed)) for seed in range(20)]

    assert any((after != LINE).any() for after in seen)
    assert all(augment.legible(LINE, after) for after in seen)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_worn_lines_are_legible_and_the_same_for_the_same_chance(language: str) -> None:
    for seed in range(60):
        once, again = (
            augment.worn(LINE, language, False, np.random.default_rng(seed)) for _ in range(2)
        )

        assert (once == again).all()
        assert augment.legible(LINE, once)


def test_a_page_without_a_trace_of_the_line_is_not_legible() -> None:
    assert not augment.legible(LINE, np.full_like(LINE, 200))
    assert not augment.legible(LINE, np.ascontiguousarray(LINE[:, ::-1]))


def test_a_scan_has_the_rows_that_were_asked_for() -> None:
    assert augment.resolved(LINE, 18).shape == (18, 130)
    assert augment.resolved(LINE, 72).shape == (72, 520)
