"""Samples are what their labels say, equal for equal seeds, and written as evaluation reads."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.training.drawn import TEXTS, synth
from training.evaluate.evaluate import _rows, _rules
from training.synth import contact_sheet, dataset_stream


def test_a_sample_is_a_gray_crop_labelled_with_its_phrase(tmp_path: Path) -> None:
    source, chance = synth(tmp_path), np.random.default_rng(0)
    for _ in range(100):
        sample = source.sample(chance)

        height, width = sample.crop.shape
        assert sample.label in TEXTS
        assert 14 <= height <= 80
        assert width >= 4
        assert sample.crop.dtype == np.uint8
        assert int(sample.crop.max()) - int(sample.crop.min()) > 40


def test_equal_seeds_give_equal_samples(tmp_path: Path) -> None:
    source = synth(tmp_path)
    one, other = np.random.default_rng(7), np.random.default_rng(7)
    for _ in range(50):
        a, b = source.sample(one), source.sample(other)

        assert (a.label, a.face) == (b.label, b.face)
        assert np.array_equal(a.crop, b.crop)


def test_written_lines_are_read_by_evaluation(tmp_path: Path) -> None:
    source, chance = synth(tmp_path), np.random.default_rng(1)
    samples = [source.sample(chance) for _ in range(5)]

    assert contact_sheet.write_lines(samples, tmp_path / "lines") == 5

    rows = _rows(tmp_path / "lines/labels.tsv")
    assert [text for _, text in rows] == [sample.label for sample in samples]
    rules = _rules(tmp_path / "lines/meta.tsv")
    for (name, _), sample in zip(rows, samples, strict=True):
        assert (rules[name].language, rules[name].source) == (sample.language, sample.kind)
        assert not rules[name].strip_spaces
        image = cv2.imread(str(tmp_path / "lines" / name), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(image, sample.crop)


def test_a_contact_sheet_is_a_picture_with_a_row_for_each_three(tmp_path: Path) -> None:
    source, chance = synth(tmp_path), np.random.default_rng(1)
    contact_sheet.contact_sheet([source.sample(chance) for _ in range(7)], tmp_path / "sheet.png")

    image = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.shape[0] % 3 == 0
    assert image.min() < 100


def test_a_worker_that_dies_is_told_and_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_stream, "_PATIENCE", 0.2)
    samples = dataset_stream.stream(tmp_path / "nothing", "abc", seed=1, workers=1)

    with pytest.raises(RuntimeError, match="worker died"):
        next(samples)

    assert not multiprocessing.active_children()
