"""Which face draws a phrase, and what a drawing says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.drawn import built_in
from training.synth import render
from training.synth.font_choice import Faces
from training.synth.glyphs import coverage, covers
from training.synth.sample import Phrase


@pytest.fixture
def faces(tmp_path: Path) -> Faces:
    face = built_in(tmp_path)
    return Faces([face], coverage([face], tmp_path))


def test_a_phrase_with_a_letter_that_no_face_has_is_not_drawn(faces: Faces) -> None:
    chance = np.random.default_rng(0)

    assert faces.choose(Phrase("abc", "en", "word"), chance) is not None
    assert faces.choose(Phrase("ab錢", "en", "word"), chance) is None
    assert faces.choose(Phrase("abc", "zh", "word"), chance) is None


def test_coverage_is_read_from_disk_the_second_time(tmp_path: Path) -> None:
    face = built_in(tmp_path)
    first = coverage([face], tmp_path)
    [kept] = (tmp_path / ".coverage").iterdir()
    kept.write_bytes(np.packbits(~first[0]).tobytes())

    assert (coverage([face], tmp_path) == ~first).all()


def test_a_face_covers_latin_and_no_chinese(tmp_path: Path) -> None:
    [row] = coverage([built_in(tmp_path)], tmp_path)

    assert covers(row, "Total 42.50")
    assert not covers(row, "總 42.50")


def test_the_ink_box_holds_all_ink_and_nothing_else(tmp_path: Path) -> None:
    font = render.opened(str(built_in(tmp_path).path), 0, 28)

    for seed in range(20):
        drawing = render.draw("Total gap 42", font, None, "", np.random.default_rng(seed))

        rows, columns = np.nonzero(255 - drawing.image)
        box = drawing.ink
        assert (rows.min(), rows.max() + 1) == (box.top, box.bottom)
        assert (columns.min(), columns.max() + 1) == (box.left, box.right)
        assert drawing.band[0] < drawing.band[1]


def test_every_letter_is_drawn_whatever_the_spacing(tmp_path: Path) -> None:
    font = render.opened(str(built_in(tmp_path).path), 0, 40)

    for seed in range(40):
        drawing = render.draw("I I I I", font, None, "", np.random.default_rng(seed))

        inked = (drawing.image < 200).any(axis=0)
        assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == 4


def test_a_drawing_without_ink_is_refused(tmp_path: Path) -> None:
    font = render.opened(str(built_in(tmp_path).path), 0, 28)

    with pytest.raises(ValueError, match="no visible"):
        render.draw(" ", font, None, "", np.random.default_rng(0))
