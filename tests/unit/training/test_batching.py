"""Training batches: lines of one width, labels as classes, unusable lines dropped."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.ocr.batches import network_input
from daemon.ocr.model.card import Framing
from daemon.ocr.model.charset import Charset
from training.records import Language, Sample
from training.train.batching import TrainingBatch, training_batches

CHARSET = Charset("ab中 ")
FRAMING = Framing()


def sample(label: str, width: int = 100, language: Language = "en") -> Sample:
    crop = np.random.default_rng(width).integers(0, 255, (32, width), np.uint8)
    return Sample(crop, label, language, "word", "Face")


def batches(samples: list[Sample], columns: int = 1) -> list[TrainingBatch]:
    """Return the batches; with one column at most, every sample is a batch of its own."""
    return list(training_batches(samples, CHARSET, FRAMING, columns))


def test_labels_are_the_classes_of_the_alphabet_counted_from_one() -> None:
    (batch,) = batches([sample("a中 b")])

    assert batch.labels == ((1, 3, 4, 2),)


def test_pixels_are_framed_as_by_the_daemon() -> None:
    drawn = sample("ab")

    (batch,) = batches([drawn])

    np.testing.assert_array_equal(batch.pixels[0, 0], network_input(drawn.crop, FRAMING).pixels)


def test_a_batch_is_yielded_as_soon_as_its_columns_are_full() -> None:
    width = network_input(sample("a").crop, FRAMING).pixels.shape[1]

    found = batches([sample("a"), sample("b"), sample("a")], 2 * width)

    assert [batch.labels for batch in found] == [((1,), (2,))]  # the third line is still pending


def test_only_lines_of_one_width_share_a_batch() -> None:
    narrow, wide = sample("a", 100), sample("b", 300)

    found = batches([narrow, wide] * 6, 640)

    assert [batch.labels for batch in found].count(((2,), (2,))) == 3  # 352 columns each
    assert [batch.labels for batch in found].count(((1,),) * 5) == 1  # 128 columns each


def test_languages_stay_with_their_lines() -> None:
    width = network_input(sample("a").crop, FRAMING).pixels.shape[1]

    (batch,) = batches([sample("a"), sample("中", language="zh")], 2 * width)

    assert (batch.labels, batch.languages) == (((1,), (3,)), ("en", "zh"))


@pytest.mark.parametrize(
    "unfit",
    [sample("aXb"), sample(""), sample("a" * 60), sample("a", 2000)],
    ids=["unknown character", "no text", "too short for its text", "too wide"],
)
def test_unusable_lines_are_dropped(unfit: Sample) -> None:
    found = batches([unfit, sample("b")])

    assert [batch.labels for batch in found] == [((2,),)]
