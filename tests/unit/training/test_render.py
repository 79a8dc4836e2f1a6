"""The selection of faces, and the ink, band and spacing of drawn lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.drawn import built_in
from training.records import Phrase
from training.synth import render
from training.synth.font_choice import FontSelector
from training.synth.glyphs import coverage, covers


@pytest.fixture
def faces(tmp_path: Path) -> FontSelector:
    face = built_in(tmp_path)
    return FontSelector([face], coverage([face], tmp_path))


def test_a_phrase_with_a_letter_that_no_face_has_is_not_drawn(faces: FontSelector) -> None:
    rng = np.random.default_rng(0)

    assert faces.choose(Phrase("abc", "en", "word"), rng) is not None
    assert faces.choose(Phrase("ab錢", "en", "word"), rng) is None
    assert faces.choose(Phrase("abc", "zh", "word"), rng) is None


def test_coverage_is_cached_on_disk(tmp_path: Path) -> None:
    face = built_in(tmp_path)
    first = coverage([face], tmp_path)
    [cached] = (tmp_path / ".coverage").iterdir()
    cached.write_bytes(np.packbits(~first[0]).tobytes())

    assert (coverage([face], tmp_path) == ~first).all()


def test_a_latin_face_covers_latin_but_not_chinese(tmp_path: Path) -> None:
    [row] = coverage([built_in(tmp_path)], tmp_path)

    assert covers(row, "Total 42.50")
    assert not covers(row, "總 42.50")


def test_the_ink_box_is_the_bounding_box_of_the_ink(tmp_path: Path) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 28)

    for seed in range(20):
        line = render.draw("Total gap 42", font, None, "", np.random.default_rng(seed))

        rows, columns = np.nonzero(255 - line.image)
        box = line.ink
        assert (rows.min(), rows.max() + 1) == (box.top, box.bottom)
        assert (columns.min(), columns.max() + 1) == (box.left, box.right)
        assert line.band[0] < line.band[1]


def test_every_letter_is_drawn_with_any_spacing(tmp_path: Path) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 40)

    for seed in range(40):
        line = render.draw("I I I I", font, None, "", np.random.default_rng(seed))

        inked = (line.image < 200).any(axis=0)
        assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == 4


def test_a_line_without_ink_is_refused(tmp_path: Path) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 28)

    with pytest.raises(ValueError, match="no visible"):
        render.draw(" ", font, None, "", np.random.default_rng(0))
