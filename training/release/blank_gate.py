"""Two steps of three stand between characters: a small layer learns to tell them (`BlankGate`)."""

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
    from training.evaluate.evaluate import Labelled

SURE = 0.99  # a step is silent where the blank is likelier; a beam tries nothing else there either
MISSED = 1e-4  # the share of steps with a character that may be taken for silent
_DEAR = 5.0  # how much more a step that speaks counts in learning
_ROUNDS = 3000
_BATCH = 4096  # steps
_RATE = 1e-2


def fit_silence(
    reader: TopKNetwork, framing: Framing, learned: Iterable[Labelled], judged: Iterable[Labelled]
) -> BlankGate:
    """Return what tells the silent steps of `reader`: fitted on lines, made careful on others.

    Its threshold lets at most `MISSED` of the steps of `judged` that name a character be silent.
    """
    described, blank, _ = _steps(reader, framing, learned)
    silence = _fitted(described, (blank > SURE).float())
    described, _, labels = _steps(reader, framing, judged)
    with torch.inference_mode():
        speaking = silence(described)[labels != BLANK].sort(descending=True).values
    if len(speaking):
        allowed = speaking[int(MISSED * len(speaking))]
        with torch.no_grad():
            silence.judge.bias.sub_(allowed.clamp(min=0))
    return silence.eval()


def _fitted(described: Tensor, silent: Tensor) -> BlankGate:
    """Return a layer that learned which of S steps (S,b) are silent (S, 0 or 1)."""
    torch.manual_seed(0)
    silence = BlankGate(described.shape[1])
    weights = 1 + (_DEAR - 1) * (1 - silent)
    optimizer = torch.optim.Adam(silence.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, _ROUNDS)
    for _ in range(_ROUNDS):
        rows = torch.randint(len(described), (_BATCH,))
        loss = binary_cross_entropy_with_logits(
            silence(described[rows]), silent[rows], weights[rows]
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return silence


def _steps(
    reader: TopKNetwork, framing: Framing, lines: Iterable[Labelled]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return all steps of `lines`: S,b described, S how likely blank, S the best label."""
    parts = zip(*_batches(reader, framing, lines), strict=True)
    described, blank, labels = (torch.cat(part) for part in parts)
    return described, blank, labels


@torch.no_grad()
def _batches(
    reader: TopKNetwork, framing: Framing, lines: Iterable[Labelled]
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    for batch in make_batches([one.line.image for one in lines], framing, 16):
        described = reader.network.features(torch.from_numpy(batch.pixels)).flatten(0, 1)
        scores = reader.network.classifier(described) / reader.temperature
        yield described, scores.softmax(-1)[:, BLANK], scores.argmax(-1)
