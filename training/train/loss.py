"""The loss: CTC over an alphabet of thousands, with what a teacher says of some lines mixed in.

The softmax is exact over all classes, but CTC's recursion runs only over the classes that occur in
the batch: all others have a posterior of zero, so their gradient is their probability alone.
The classifier is part of the function, so that one N*T by classes matrix is made, not four.
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
class Lesson:
    """What a batch of N lines should have been read as.

    `labels` are the classes of each line. `advice` are a teacher's probabilities (M,T,K) for the
    lines that `advised` (M) names, over the first K classes; it counts `trust` times as much as a
    line's own label.
    """

    labels: Sequence[Sequence[int]]
    advised: Tensor | None = None
    advice: Tensor | None = None
    trust: float = 0.5


def loss_of(features: Tensor, weight: Tensor, bias: Tensor, lesson: Lesson) -> Tensor:
    """Return the mean loss per character of `features` N,T,F read by a classifier C,F.

    A line must fit its steps: as many as it has characters, and one more for each doubled one.
    """
    loss: Tensor = _Loss.apply(features, weight, bias, lesson)  # type: ignore[no-untyped-call]
    return loss


def fits(labels: Sequence[int], steps: int) -> bool:
    """Tell whether CTC has a path of `steps` for `labels`."""
    doubled = sum(one == following for one, following in pairwise(labels))
    return 0 < len(labels) + doubled <= steps


class _Loss(torch.autograd.Function):
    """Forward and backward in one go: the gradient is at hand while the probabilities are."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, lesson: Lesson) -> Tensor:
        features, weight, bias = features.detach().float(), weight.detach(), bias.detach()
        together = _together(features)
        characters = sum(map(len, lesson.labels))
        sums = (torch.zeros_like(weight), torch.zeros_like(bias))
        before, loss = torch.empty(features.shape, device=features.device), features.new_zeros(())
        for first in range(0, len(features), together):
            part = slice(first, first + together)
            flat = features[part].flatten(0, 1)  # n * T, F
            said, gradient = _gradient(flat, weight, bias, _part(lesson, part))
            loss += said
            torch.mm(gradient, weight, out=before[part].flatten(0, 1))
            sums[0].addmm_(gradient.t(), flat)
            sums[1].add_(gradient.sum(0))
        saved = (gradient_of_all.div_(characters) for gradient_of_all in (before, *sums))
        ctx.save_for_backward(*saved)
        return loss / characters

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = gradients
        features, weight, bias = ctx.saved_tensors
        return features * scale, weight * scale, bias * scale, None


def _together(features: Tensor) -> int:
    """Return how many lines are taken at once: on a CPU one, whose T by C matrix fits its cache."""
    return 1 if features.device.type == "cpu" else len(features)


def _part(lesson: Lesson, part: slice) -> Lesson:
    """Return the lesson of the lines in `part` alone."""
    labels = lesson.labels[part]
    if lesson.advised is None or lesson.advice is None:
        return Lesson(labels)
    within = (lesson.advised >= part.start) & (lesson.advised < part.start + len(labels))
    advised = lesson.advised[within] - part.start
    return Lesson(labels, advised, lesson.advice[within], lesson.trust)


def _gradient(flat: Tensor, weight: Tensor, bias: Tensor, lesson: Lesson) -> tuple[Tensor, Tensor]:
    """Return the summed loss of a lesson, and its gradient n*T,C for the classifier's scores."""
    scores = torch.addmm(bias, flat, weight.t())  # n * T, C
    classes = _classes(lesson.labels, scores.device)
    few = scores[:, classes]  # n * T, few
    highest = scores.amax(1, keepdim=True)
    total = scores.sub_(highest).exp_().sum(1, keepdim=True)  # in place: it is large
    lines, steps = len(lesson.labels), len(flat) // len(lesson.labels)
    probabilities = scores.div_(total).view(lines, steps, -1)
    few = (few - highest - total.log()).view(lines, steps, -1)
    loss, toward = _ctc(few, classes, lesson.labels)
    if lesson.advised is not None and len(lesson.advised):
        loss = loss + _advise(probabilities, toward, classes, lesson)
    else:
        probabilities[:, :, classes] = toward
    return loss, probabilities.flatten(0, 1)


def _classes(labels: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Return the blank and then the classes that occur, in order."""
    return torch.tensor([BLANK, *sorted({label for line in labels for label in line})]).to(device)


def _ctc(few: Tensor, classes: Tensor, labels: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the summed loss and its gradient N,T,few for the scores before the softmax.

    What torch hands back for log-probabilities is already that: probability minus posterior.
    """
    places = {int(label): place for place, label in enumerate(classes)}
    targets = torch.tensor([places[label] for line in labels for label in line])
    lengths = torch.tensor([len(line) for line in labels])
    lines, steps, _ = few.shape
    with torch.enable_grad():
        log_probabilities = few.detach().transpose(0, 1).requires_grad_()  # T, N, few
        sizes = torch.full((lines,), steps)
        nll = ctc_loss(log_probabilities, targets.to(few.device), sizes, lengths, reduction="sum")
        (toward,) = torch.autograd.grad(nll, log_probabilities)
    return nll.detach(), toward.transpose(0, 1)


def _advise(probabilities: Tensor, toward: Tensor, classes: Tensor, lesson: Lesson) -> Tensor:
    """Turn `probabilities`, in place, into the gradient of both losses; return the teacher's."""
    advised, advice, trust = lesson.advised, lesson.advice, lesson.trust
    assert advised is not None
    assert advice is not None
    known = advice.shape[2]
    student = probabilities[advised]  # M, T, C; a copy
    divergence = (advice * student[:, :, :known].clamp_min(1e-12).log()).sum().neg()
    student[:, :, :known] -= advice  # what the advice pulls at
    probabilities[:, :, classes] = toward
    probabilities[advised] += trust * student
    return trust * divergence
