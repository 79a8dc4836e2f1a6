"""The loss: CTC over thousands of classes, with distillation from a teacher for some lines.

The softmax is exact over all classes, but the recursion of CTC runs only over the classes that
occur in the batch: all others have a posterior of zero, so their gradient is their probability.
The classifier is part of the function, so that only one N*T by classes matrix is allocated, not
four.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from daemon.ocr.model.charset import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class BatchTargets:
    """The targets of a batch of N lines.

    `labels` are the classes of each line. `teacher_probabilities` (M,T,K) are the output of a
    teacher over the first K classes, for the lines in `teacher_lines` (M); they count
    `teacher_weight` times as much as the label of a line.
    """

    labels: Sequence[Sequence[int]]
    teacher_lines: Tensor | None = None
    teacher_probabilities: Tensor | None = None
    teacher_weight: float = 0.5


def recognition_loss(
    features: Tensor, weight: Tensor, bias: Tensor, targets: BatchTargets
) -> Tensor:
    """Return the mean loss per character of `features` N,T,F read by a classifier C,F.

    A line needs a step per character, and one more for each doubled character.
    """
    operands = (features, weight, bias, targets)
    loss: Tensor = _RecognitionLoss.apply(*operands)  # type: ignore[no-untyped-call]
    return loss


def fits(labels: Sequence[int], steps: int) -> bool:
    """Return whether CTC has a path of `steps` steps for `labels`."""
    doubled = sum(one == following for one, following in pairwise(labels))
    return 0 < len(labels) + doubled <= steps


class _RecognitionLoss(torch.autograd.Function):
    """Computes the gradient in the forward pass, while it has the probabilities."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: BatchTargets
    ) -> Tensor:
        features, weight, bias = features.detach().float(), weight.detach(), bias.detach()
        lines_at_once = _lines_at_once(features)
        characters = sum(map(len, targets.labels))
        classifier = (torch.zeros_like(weight), torch.zeros_like(bias))
        before, loss = torch.empty(features.shape, device=features.device), features.new_zeros(())
        for first in range(0, len(features), lines_at_once):
            part = slice(first, first + lines_at_once)
            flat = features[part].flatten(0, 1)  # n * T, F
            part_loss, gradient = _loss_and_gradient(flat, weight, bias, _slice(targets, part))
            loss += part_loss
            torch.mm(gradient, weight, out=before[part].flatten(0, 1))
            classifier[0].addmm_(gradient.t(), flat)
            classifier[1].add_(gradient.sum(0))
        saved = (each.div_(characters) for each in (before, *classifier))
        ctx.save_for_backward(*saved)
        return loss / characters

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = gradients
        features, weight, bias = ctx.saved_tensors
        return features * scale, weight * scale, bias * scale, None


def _lines_at_once(features: Tensor) -> int:
    """Return the lines per part: one on a CPU, so that its T by C matrix fits the cache."""
    return 1 if features.device.type == "cpu" else len(features)


def _slice(targets: BatchTargets, part: slice) -> BatchTargets:
    """Return the targets of the lines in `part`."""
    labels = targets.labels[part]
    if targets.teacher_lines is None or targets.teacher_probabilities is None:
        return BatchTargets(labels)
    within = (targets.teacher_lines >= part.start) & (
        targets.teacher_lines < part.start + len(labels)
    )
    teacher_lines = targets.teacher_lines[within] - part.start
    return BatchTargets(
        labels, teacher_lines, targets.teacher_probabilities[within], targets.teacher_weight
    )


def _loss_and_gradient(
    flat: Tensor, weight: Tensor, bias: Tensor, targets: BatchTargets
) -> tuple[Tensor, Tensor]:
    """Return the summed loss and its gradient n*T,C for the scores of the classifier."""
    scores = torch.addmm(bias, flat, weight.t())  # n * T, C
    classes = _classes(targets.labels, scores.device)
    active = scores[:, classes]  # n * T, classes in the batch
    highest = scores.amax(1, keepdim=True)
    total = scores.sub_(highest).exp_().sum(1, keepdim=True)  # in place: it is large
    lines, steps = len(targets.labels), len(flat) // len(targets.labels)
    probabilities = scores.div_(total).view(lines, steps, -1)
    active = (active - highest - total.log()).view(lines, steps, -1)
    loss, ctc_gradient = _ctc(active, classes, targets.labels)
    if targets.teacher_lines is not None and len(targets.teacher_lines):
        loss = loss + _add_teacher(probabilities, ctc_gradient, classes, targets)
    else:
        probabilities[:, :, classes] = ctc_gradient
    return loss, probabilities.flatten(0, 1)


def _classes(labels: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Return the blank and then the classes that occur, sorted."""
    return torch.tensor([BLANK, *sorted({label for line in labels for label in line})]).to(device)


def _ctc(active: Tensor, classes: Tensor, labels: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the summed loss and its gradient N,T,classes for the scores before the softmax.

    The gradient that torch returns for log-probabilities is that: probability minus posterior.
    """
    places = {int(label): place for place, label in enumerate(classes)}
    targets = torch.tensor([places[label] for line in labels for label in line])
    lengths = torch.tensor([len(line) for line in labels])
    lines, steps, _ = active.shape
    with torch.enable_grad():
        log_probabilities = active.detach().transpose(0, 1).requires_grad_()  # T, N, active
        sizes = torch.full((lines,), steps)
        nll = ctc_loss(
            log_probabilities, targets.to(active.device), sizes, lengths, reduction="sum"
        )
        (ctc_gradient,) = torch.autograd.grad(nll, log_probabilities)
    return nll.detach(), ctc_gradient.transpose(0, 1)


def _add_teacher(
    probabilities: Tensor, ctc_gradient: Tensor, classes: Tensor, targets: BatchTargets
) -> Tensor:
    """Turn `probabilities` in place into the gradient of both losses; return the teacher loss."""
    lines, teacher = targets.teacher_lines, targets.teacher_probabilities
    assert lines is not None
    assert teacher is not None
    known = teacher.shape[2]
    student = probabilities[lines]  # M, T, C; a copy
    divergence = (teacher * student[:, :, :known].clamp_min(1e-12).log()).sum().neg()
    student[:, :, :known] -= teacher  # the gradient of the divergence
    probabilities[:, :, classes] = ctc_gradient
    probabilities[lines] += targets.teacher_weight * student
    return targets.teacher_weight * divergence
