"""The trainer: which lines its teacher reads, and what hints change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from daemon.ocr.model.crnn import CRNN, fold_norms
from daemon.ocr.model.shape import NetworkShape
from training.train.batching import TrainingBatch
from training.train.trainer import Hyperparameters, Trainer
from training.train.widen import reshaped

CPU = torch.device("cpu")


@pytest.fixture
def teacher() -> CRNN:
    torch.manual_seed(0)
    return fold_norms(CRNN(classes=7, hidden=8, bottleneck=16))


@pytest.fixture
def batch() -> TrainingBatch:
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 1, 32, 96)).astype(np.float32)
    return TrainingBatch(pixels, ((1, 2), (3,)), ("en", "zh"))


def test_hints_train_only_the_convolutions(teacher: CRNN, batch: TrainingBatch) -> None:
    network = reshaped(teacher, NetworkShape.parse("narrow"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    hyperparameters = Hyperparameters(minutes=1, hint_time=0.5, peak_rate=1e-3)
    trainer = Trainer(network, teacher, hyperparameters, CPU)

    first, *_, last = [trainer.step(batch, 0.2) for _ in range(12)]

    assert last < first
    changed = {
        name for name, value in network.state_dict().items() if (value != before[name]).any()
    }
    assert {name.split(".")[0] for name in changed} == {"stem", "blocks"}


def test_after_the_hints_the_labels_train_the_classifier_too(
    teacher: CRNN, batch: TrainingBatch
) -> None:
    network = reshaped(teacher, NetworkShape.parse("narrow"))
    before = network.classifier.bias.clone()
    trainer = Trainer(network, teacher, Hyperparameters(minutes=1, hint_time=0.5), CPU)

    trainer.step(batch, 0.6)

    assert (network.classifier.bias != before).any()


@pytest.mark.parametrize(
    ("languages", "share", "read"),
    [("zh", 1.0, [1, 1, 1, 1]), ("all", 1.0, [2, 2, 2, 2]), ("all", 0.5, [2, 2])],
)
def test_the_teacher_reads_the_lines_of_its_languages_in_its_share_of_the_batches(
    monkeypatch: pytest.MonkeyPatch, teacher: CRNN, batch: TrainingBatch,
    languages: str, share: float, read: list[int],
) -> None:  # fmt: skip
    lines: list[int] = []
    hyperparameters = Hyperparameters(
        minutes=1,
        teacher_languages=languages,  # type: ignore[arg-type]
        teacher_batches=share,
    )
    network = reshaped(teacher, NetworkShape.parse("wide"))
    trainer = Trainer(network, teacher, hyperparameters, CPU)
    monkeypatch.setattr(
        teacher, "forward", lambda rows: lines.append(len(rows)) or torch.zeros(len(rows), 24, 7)
    )

    for _ in range(4):
        trainer.step(batch, 0.5)

    assert lines == read
