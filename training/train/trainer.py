"""The trainer: optimisation steps, averaged weights, saving and resuming."""

from __future__ import annotations

import math
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from daemon.ocr.model.torchscript import native_bf16
from training.train.depthwise import kernel, use_fast_depthwise
from training.train.loss import BatchTargets, recognition_loss

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from daemon.ocr.model.crnn import CRNN
    from training.train.batching import TrainingBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Learning rates, regularisation, batch size and duration of a run.

    `peak_rate` is the highest learning rate of one cosine over the whole time (a restart was
    measured to cost 0.1 to 1.3 points of CER until it had decayed again); `head_factor` multiplies
    it for the classifier, where `head_epsilon` is the epsilon of Adam: with its default, Adam would
    amplify the faint gradient that the softmax gives each of thousands of absent characters, and
    rare ones would be forgotten. The stem and the first `frozen_layers` - 1 blocks are not trained.

    `teacher_weight` weighs the teacher against the label, on the lines of `teacher_languages`: a
    network of another shape than its teacher has to learn all languages from it.
    `teacher_batches` is the share of the batches that the teacher reads, which takes longer than
    the training step of a small network. For the first share `hint_time` of the time, the
    convolutions alone are trained, on hints: the features that the teacher computes.
    """

    minutes: float
    peak_rate: float = 6e-4
    head_factor: float = 3.0
    head_epsilon: float = 3e-4
    warm_up: float = 0.03
    weight_decay: float = 0.01
    average_decay: float = 0.998
    max_gradient_norm: float = 5.0
    teacher_weight: float = 0.5
    teacher_languages: Literal["zh", "all"] = "zh"
    teacher_batches: float = 1.0
    hint_time: float = 0.0
    batch_columns: int = 5120
    frozen_layers: int = 0

    def rate(self, progress: float) -> float:
        """Return the learning rate when `progress` (0..1) of the time is over."""
        if progress < self.warm_up:
            return self.peak_rate * progress / self.warm_up
        decay = min(1.0, (progress - self.warm_up) / (1 - self.warm_up))
        return self.peak_rate * (1 + math.cos(math.pi * decay)) / 2


class Trainer:
    """A network in training, its running average (evaluated and released), and its teacher."""

    network: CRNN
    average: CRNN

    def __init__(
        self,
        network: CRNN,
        teacher: CRNN | None,
        hyperparameters: Hyperparameters,
        device: torch.device,
    ) -> None:
        self.hyperparameters = hyperparameters
        self.device = device
        self.network = use_fast_depthwise(_on_device(network, device)).train()
        self.average = deepcopy(network).eval().requires_grad_(False)
        self.teacher = teacher
        if teacher is not None:
            _on_device(teacher, device).eval().requires_grad_(False)
        for layer in (network.stem, *network.blocks)[: hyperparameters.frozen_layers]:
            layer.requires_grad_(False)
        head = list(network.classifier.parameters())
        trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        body = [p for name, p in trained if not name.startswith("classifier")]
        groups = [
            {"params": body, "factor": 1.0},
            {
                "params": head,
                "factor": hyperparameters.head_factor,
                "eps": hyperparameters.head_epsilon,
            },
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=0.0, weight_decay=hyperparameters.weight_decay
        )
        self.steps = 0
        self.lines = 0

    def step(self, batch: TrainingBatch, progress: float) -> float:
        """Train on one batch; return its loss per character, or its loss on hints."""
        pixels = torch.from_numpy(batch.pixels).to(self.device, non_blocking=True)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        if self.teacher is not None and progress < self.hyperparameters.hint_time:
            loss = self._hint_loss(self.teacher, pixels)
        else:
            loss = self._label_loss(batch, pixels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.hyperparameters.max_gradient_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.hyperparameters.rate(progress) * group["factor"]
        self.optimizer.step()
        self.steps += 1
        self.lines += len(batch.labels)
        self._update_average()
        return float(loss.detach())

    def _label_loss(self, batch: TrainingBatch, pixels: Tensor) -> Tensor:
        targets = self._targets(batch, pixels)
        with self._precision():
            features = self.network.features(pixels)
        classifier = self.network.classifier
        return recognition_loss(features.float(), classifier.weight, classifier.bias, targets)

    def _hint_loss(self, teacher: CRNN, pixels: Tensor) -> Tensor:
        """Return the squared distance of the convolutional features from those of the teacher.

        It is a share of the square of the latter. Hints: Romero et al. 2015, "FitNets".
        """
        with self._precision():
            with torch.no_grad():
                wanted = teacher.columns(pixels).float()
            found = self.network.columns(pixels).float()
        return (found - wanted).square().mean() / wanted.square().mean()

    def _targets(self, batch: TrainingBatch, pixels: Tensor) -> BatchTargets:
        """Return the targets of a batch, with the teacher for its lines that it reads right."""
        rows = self._teacher_rows(batch)
        if self.teacher is None or not rows:
            return BatchTargets(batch.labels)
        with torch.no_grad(), self._precision():
            scores = self.teacher(pixels[rows])  # M, T, K
        readings = [_ctc_collapse(line) for line in scores.argmax(2).tolist()]
        right = [place for place, row in enumerate(rows) if readings[place] == batch.labels[row]]
        if not right:
            return BatchTargets(batch.labels)
        return BatchTargets(
            batch.labels,
            torch.tensor([rows[place] for place in right], device=self.device),
            scores[right].float().softmax(2),
            self.hyperparameters.teacher_weight,
        )

    def _teacher_rows(self, batch: TrainingBatch) -> list[int]:
        """Return the lines for the teacher; none of a batch beyond its share of the batches."""
        share = self.hyperparameters.teacher_batches
        if int(self.steps * share) == int((self.steps + 1) * share):
            return []
        every = self.hyperparameters.teacher_languages == "all"
        return [row for row, language in enumerate(batch.languages) if every or language == "zh"]

    def _precision(self) -> AbstractContextManager[Any]:
        """Use bf16 where it is faster: on an accelerator, and on a CPU with bf16 and our kernel."""
        if self.device.type == "cpu" and not (native_bf16() and kernel()):
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Update the running average, which follows the network closely at first."""
        share = 1 - min(self.hyperparameters.average_decay, (1 + self.steps) / (10 + self.steps))
        for mean, value in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            mean.lerp_(value, share)

    # --- checkpoints ----------------------------------------------------------------------------

    def save(self, path: Path, **more: Any) -> None:
        """Write everything that `resume` needs, and `more`, replacing the file."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "lines": self.lines,
            "hyperparameters": asdict(self.hyperparameters),
            **more,
        }
        fresh = path.with_suffix(".tmp")
        torch.save(state, fresh)
        fresh.replace(path)

    def resume(self, path: Path) -> dict[str, Any]:
        """Restore the state that `save` wrote; return it."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.lines = state["steps"], state["lines"]
        return state


def _on_device(network: CRNN, device: torch.device) -> CRNN:
    """Move `network` to `device` in channels-last format, as the daemon runs it."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _ctc_collapse(labels: list[int]) -> tuple[int, ...]:
    """Merge repeats and drop blanks."""
    return tuple(b for a, b in zip([0, *labels], labels, strict=False) if b not in (0, a))
