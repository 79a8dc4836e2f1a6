"""The loss compared with its plain form: softmax over all classes, CTC of torch, cross-entropy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from training.train import loss
from training.train.loss import BatchTargets, fits, recognition_loss

LABELS = ((3, 4, 4), (7, 3), (9, 10, 11, 49))
LINES, STEPS, FEATURES, CLASSES = len(LABELS), 20, 8, 50


@pytest.fixture
def operands() -> tuple[Tensor, Tensor, Tensor]:
    """Features as the recurrence returns them: steps before lines in memory."""
    torch.manual_seed(0)
    shapes = ((STEPS, LINES, FEATURES), (CLASSES, FEATURES), (CLASSES,))
    features, weight, bias = (torch.randn(shape, requires_grad=True) for shape in shapes)
    return features.transpose(0, 1), weight, bias


def plain_loss(features: Tensor, weight: Tensor, bias: Tensor, targets: BatchTargets) -> Tensor:
    scores = (features @ weight.t() + bias).log_softmax(2)
    classes = torch.tensor([label for line in LABELS for label in line])
    lengths = torch.tensor([len(line) for line in LABELS])
    steps = torch.full((LINES,), STEPS)
    plain = ctc_loss(scores.transpose(0, 1), classes, steps, lengths, reduction="sum")
    if targets.teacher_probabilities is not None:
        known = targets.teacher_probabilities.shape[2]
        plain = (
            plain
            - targets.teacher_weight
            * (targets.teacher_probabilities * scores[targets.teacher_lines, :, :known]).sum()
        )
    return plain / len(classes)


def gradients(of: Tensor, operands: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(of, operands)


@pytest.mark.parametrize("lines_at_once", [1, LINES], ids=["line by line", "all at once"])
@pytest.mark.parametrize("with_teacher", [False, True], ids=["labels alone", "with a teacher"])
def test_the_loss_and_its_gradients_are_those_of_the_plain_form(
    operands: tuple[Tensor, Tensor, Tensor],
    with_teacher: bool,
    lines_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loss, "_lines_at_once", lambda _: lines_at_once)
    teacher_probabilities = torch.randn(2, STEPS, 40).softmax(2)
    targets = (
        BatchTargets(LABELS, torch.tensor([0, 2]), teacher_probabilities)
        if with_teacher
        else BatchTargets(LABELS)
    )

    ours, plain = recognition_loss(*operands, targets), plain_loss(*operands, targets)

    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(
        gradients(ours, operands), gradients(plain, operands), rtol=1e-3, atol=1e-4
    )


def test_a_doubled_character_needs_a_step_for_the_blank_between() -> None:
    assert fits((5, 5), 3)
    assert not fits((5, 5), 2)


def test_a_line_without_characters_does_not_fit() -> None:
    assert not fits((), 10)
