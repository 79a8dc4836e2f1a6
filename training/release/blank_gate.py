"""Fits the gate that recognises blank steps, two of three, so that they need not be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from daemon.ocr.batches import make_batches
from daemon.ocr.model.charset import BLANK
from daemon.ocr.model.crnn import BlankGate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from daemon.ocr.model.card import Framing
    from daemon.ocr.model.crnn import TopKNetwork
    from training.evaluate.error_rate import LabelledLine

BLANK_THRESHOLD = 0.99  # a step is silent above it; a beam tries nothing else there either
MAX_MISSED = 1e-4  # the largest share of steps with a character that may be taken for silent
_CHARACTER_WEIGHT = 5.0  # weight of steps with a character in the loss
_ROUNDS = 3000
_BATCH = 4096  # steps
_RATE = 1e-2


def fit_blank_gate(
    reader: TopKNetwork,
    framing: Framing,
    train_lines: Iterable[LabelledLine],
    threshold_lines: Iterable[LabelledLine],
) -> BlankGate:
    """Return the gate for `reader`: fitted on some lines, its threshold set on others.

    At most `MAX_MISSED` of the steps of `threshold_lines` with a character are taken for silent.
    """
    features, blank, _ = _steps(reader, framing, train_lines)
    gate = _fit(features, (blank > BLANK_THRESHOLD).float())
    features, _, labels = _steps(reader, framing, threshold_lines)
    with torch.inference_mode():
        character_scores = gate(features)[labels != BLANK].sort(descending=True).values
    if len(character_scores):
        allowed = character_scores[int(MAX_MISSED * len(character_scores))]
        with torch.no_grad():
            gate.judge.bias.sub_(allowed.clamp(min=0))
    return gate.eval()


def _fit(features: Tensor, silent: Tensor) -> BlankGate:
    """Fit a layer to tell which of S steps (S,b) are silent (S, 0 or 1)."""
    torch.manual_seed(0)
    gate = BlankGate(features.shape[1])
    weights = 1 + (_CHARACTER_WEIGHT - 1) * (1 - silent)
    optimizer = torch.optim.Adam(gate.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, _ROUNDS)
    for _ in range(_ROUNDS):
        rows = torch.randint(len(features), (_BATCH,))
        loss = binary_cross_entropy_with_logits(gate(features[rows]), silent[rows], weights[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return gate


def _steps(
    reader: TopKNetwork, framing: Framing, lines: Iterable[LabelledLine]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return all steps of `lines`: features S,b, probability of the blank S, best label S."""
    parts = zip(*_batches(reader, framing, lines), strict=True)
    features, blank, labels = (torch.cat(part) for part in parts)
    return features, blank, labels


@torch.no_grad()
def _batches(
    reader: TopKNetwork, framing: Framing, lines: Iterable[LabelledLine]
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    for batch in make_batches([one.line.image for one in lines], framing, 16):
        features = reader.network.features(torch.from_numpy(batch.pixels)).flatten(0, 1)
        scores = reader.network.classifier(features) / reader.temperature
        yield features, scores.softmax(-1)[:, BLANK], scores.argmax(-1)
