"""The loss beside its plain form: softmax over all classes, torch's CTC, cross-entropy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from training.train import loss
from training.train.loss import Lesson, fits, loss_of

LABELS = ((3, 4, 4), (7, 3), (9, 10, 11, 49))
LINES, STEPS, FEATURES, CLASSES = len(LABELS), 20, 8, 50


@pytest.fixture
def operands() -> tuple[Tensor, Tensor, Tensor]:
    """Features as the recurrence hands them over: of steps before lines in memory."""
    torch.manual_seed(0)
    shapes = ((STEPS, LINES, FEATURES), (CLASSES, FEATURES), (CLASSES,))
    features, weight, bias = (torch.randn(shape, requires_grad=True) for shape in shapes)
    return features.transpose(0, 1), weight, bias


def plain_loss(features: Tensor, weight: Tensor, bias: Tensor, lesson: Lesson) -> Tensor:
    scores = (features @ weight.t() + bias).log_softmax(2)
    targets = torch.tensor([label for line in LABELS for label in line])
    lengths = torch.tensor([len(line) for line in LABELS])
    steps = torch.full((LINES,), STEPS)
    plain = ctc_loss(scores.transpose(0, 1), targets, steps, lengths, reduction="sum")
    if lesson.advice is not None:
        known = lesson.advice.shape[2]
        plain = plain - lesson.trust * (lesson.advice * scores[lesson.advised, :, :known]).sum()
    return plain / len(targets)


def gradients(of: Tensor, operands: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(of, operands)


@pytest.mark.parametrize("together", [1, LINES], ids=["line by line", "all at once"])
@pytest.mark.parametrize("advised", [False, True], ids=["labels alone", "with a teacher"])
def test_the_loss_and_its_gradients_are_those_of_the_plain_form(
    operands: tuple[Tensor, Tensor, Tensor],
    advised: bool,
    together: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loss, "_together", lambda _: together)
    advice = torch.randn(2, STEPS, 40).softmax(2)
    lesson = Lesson(LABELS, torch.tensor([0, 2]), advice) if advised else Lesson(LABELS)

    ours, plain = loss_of(*operands, lesson), plain_loss(*operands, lesson)

    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(
        gradients(ours, operands), gradients(plain, operands), rtol=1e-3, atol=1e-4
    )


def test_a_doubled_character_needs_a_step_for_the_blank_between() -> None:
    assert fits((5, 5), 3)
    assert not fits((5, 5), 2)


def test_a_line_without_characters_teaches_nothing() -> None:
    assert not fits((), 10)
