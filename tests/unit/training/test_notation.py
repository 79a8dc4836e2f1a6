"""Identifiers, formulas and note marks: what they contain, and how small digits are drawn."""

from __future__ import annotations

import string
from pathlib import Path
from random import Random

import numpy as np
import pytest

from daemon.ocr.model.charset import Charset
from tests.unit.training.drawn import built_in
from training.data.alphabet import extended
from training.data.phrases import notation
from training.data.phrases.coverage import drawable
from training.records import Phrase
from training.synth import line_generator, perspective, render
from training.synth.font_choice import FontSelector
from training.synth.glyphs import coverage

ASCII = Charset.of(map(chr, range(0x20, 0x7F)))
ALPHABET = set(filter(drawable, extended(ASCII).characters)) | {" "}


def _identifiers(number: int) -> list[str]:
    rng = Random(0)
    return [notation.identifier(lambda _: "window's", rng) for _ in range(number)]


def _notations(number: int) -> list[str]:
    rng = Random(1)
    return [notation.notation(lambda _: "the water of the sea", rng) for _ in range(number)]


def test_every_character_of_identifiers_and_notations_is_in_the_alphabet() -> None:
    assert set("".join((*_identifiers(3000), *_notations(3000)))) - ALPHABET == set()


def test_most_identifiers_have_an_underscore_and_some_are_windows_paths() -> None:
    drawn = _identifiers(1000)

    assert sum("_" in text for text in drawn) > 600
    assert any(text.startswith("C:\\") for text in drawn)
    assert any(text.startswith("__") for text in drawn)


@pytest.mark.parametrize("sign", [*notation.LOWERED, *notation.RAISED, *"©®™℃§¶½⁺⁻"])
def test_every_sign_occurs_in_notations(sign: str) -> None:
    assert any(sign in text for text in _notations(6000))


def test_small_digits_are_new_classes_at_the_end() -> None:
    known = "".join(extended(ASCII).characters)
    added = "⁰⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉"

    assert known.endswith(added)


def test_a_face_without_small_digits_draws_them_from_its_digits(tmp_path: Path) -> None:
    face = built_in(tmp_path)
    table = coverage([face], tmp_path)
    table[:, [ord(one) for one in render.SCALED]] = False

    choice = FontSelector([face], table).choose(
        Phrase("H₂O m²", "en", "notation"), np.random.default_rng(0)
    )

    assert choice is not None
    assert choice.small == "²₂"


@pytest.mark.parametrize("seed", range(12))
def test_a_raised_digit_ends_above_the_baseline_and_a_lowered_one_below(
    tmp_path: Path, seed: int
) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 40)

    heights = {
        text: _ink_rows(render.draw(text, font, None, "", np.random.default_rng(seed), small))
        for text, small in (("8", ""), ("⁸", "⁸"), ("₈", "₈"))
    }

    (top, foot), (raised_top, raised_foot), (low_top, low_foot) = heights.values()
    assert raised_foot - raised_top < 0.8 * (foot - top)
    assert low_foot - low_top < 0.8 * (foot - top)
    assert raised_foot < foot - 4
    assert low_foot > foot + 2


def _ink_rows(line: render.DrawnLine) -> tuple[int, int]:
    """Return the first and last rows of ink, relative to the tops of tall letters."""
    return line.ink.top - line.band[0], line.ink.bottom - line.band[0]


@pytest.mark.parametrize("seed", range(40))
def test_an_underscore_is_whole_in_its_crop(tmp_path: Path, seed: int) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 40)
    rng = np.random.default_rng(seed)
    line = render.draw("n__n", font, None, "", rng)

    crop = perspective.crop_line(line, line.image, 0, rng, whole=True)

    middle = crop[:, 2 * crop.shape[1] // 5 : 3 * crop.shape[1] // 5]
    dark = np.flatnonzero((middle < 128).any(axis=1))
    assert len(dark) >= 1
    assert dark[-1] < crop.shape[0] - 1


def test_no_rule_is_drawn_under_a_line_with_underscores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 28)
    ruled: list[str] = []
    monkeypatch.setattr(line_generator, "UNDERLINE", 1.0)

    for text in ("user_name", "user name"):
        monkeypatch.setattr(
            line_generator.line_context, "underline", lambda *_, text=text: ruled.append(text)
        )
        line = render.draw(text, font, None, "", np.random.default_rng(0))
        phrase = Phrase(text, "en", "identifier")
        line_generator.with_context(line, phrase, True, np.random.default_rng(0))

    assert ruled == ["user name"]


def test_a_text_with_brackets_or_letters_does_not_stand_in_a_column() -> None:
    assert render.stands_in_a_column("民国三年，四月。")
    assert not any(map(render.stands_in_a_column, ("（三）", "共5kg", "——", "三 四", "“三”")))


def test_cells_keep_the_order_of_the_characters_with_gaps_between_them(tmp_path: Path) -> None:
    font = render.open_font(str(built_in(tmp_path).path), 0, 40)

    for seed in range(30):
        line = render.draw_cells("1111", font, np.random.default_rng(seed))

        inked = (line.image < 128).any(axis=0).astype(int)
        starts = np.flatnonzero(np.diff(inked) == 1)
        assert len(starts) == 4
        assert np.diff(starts).min() >= 38
        assert np.diff(starts).max() <= 1.5 * 40 + 4 * 0.12 * 40


def test_only_chinese_lines_are_set_in_cells() -> None:
    rng = np.random.default_rng(0)
    chinese = Phrase("我们在安装软件之前", "zh", "prose")
    english = Phrase(string.digits, "en", "prose")

    share = sum(line_generator.in_cells(chinese, rng) for _ in range(4000)) / 4000

    assert share == pytest.approx(line_generator.CELLS, abs=0.02)
    assert not any(line_generator.in_cells(english, rng) for _ in range(1000))
