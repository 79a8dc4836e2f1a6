"""The learning itself: one step on one batch, the averaged weights, and what is kept of them."""

from __future__ import annotations

import math
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from daemon.ocr.model.torchscript import native_bf16
from training.train.depthwise import hasten, kernel
from training.train.loss import Lesson, loss_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from daemon.ocr.model.crnn import CRNN
    from training.train.batching import TrainingBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the network is taught.

    `peak` is the highest learning rate of one cosine over the whole time (a restart was measured
    to cost 0.1 to 1.3 points of CER until it had decayed again); `head` multiplies it for the
    classifier, where gradients below `head_floor` count for little: Adam would else blow up the
    faint push that the softmax gives each of thousands of absent characters, and rare ones be
    forgotten. `trust` weighs a teacher's advice against a line's own label, on Chinese lines.
    The entrance and the first `frozen` - 1 blocks stay as they are.
    """

    minutes: float
    peak: float = 6e-4
    head: float = 3.0
    head_floor: float = 3e-4
    warm_up: float = 0.03
    decay: float = 0.01
    average: float = 0.998
    clip: float = 5.0
    trust: float = 0.5
    columns: int = 5120
    frozen: int = 0

    def rate(self, progress: float) -> float:
        """Return the learning rate when `progress` (0..1) of the time is over."""
        if progress < self.warm_up:
            return self.peak * progress / self.warm_up
        along = min(1.0, (progress - self.warm_up) / (1 - self.warm_up))
        return self.peak * (1 + math.cos(math.pi * along)) / 2


class Trainer:
    """A network that learns, its running average (what is evaluated and shipped), its teacher."""

    network: CRNN
    average: CRNN

    def __init__(
        self, network: CRNN, teacher: CRNN | None, course: Course, device: torch.device
    ) -> None:
        self.course = course
        self.device = device
        self.network = hasten(_placed(network, device)).train()
        self.average = deepcopy(network).eval().requires_grad_(False)
        self.teacher = teacher
        if teacher is not None:
            _placed(teacher, device).eval().requires_grad_(False)
        for early in (network.stem, *network.blocks)[: course.frozen]:
            early.requires_grad_(False)
        head = list(network.classifier.parameters())
        learning = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        body = [p for name, p in learning if not name.startswith("classifier")]
        groups = [
            {"params": body, "factor": 1.0},
            {"params": head, "factor": course.head, "eps": course.head_floor},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=course.decay)
        self.steps = 0
        self.lines = 0

    def step(self, batch: TrainingBatch, progress: float) -> float:
        """Learn from one batch; return its loss per character."""
        pixels = torch.from_numpy(batch.pixels).to(self.device, non_blocking=True)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        lesson = self._lesson(batch, pixels)
        with self._precision():
            features = self.network.features(pixels)
        classifier = self.network.classifier
        loss = loss_of(features.float(), classifier.weight, classifier.bias, lesson)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.course.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.course.rate(progress) * group["factor"]
        self.optimizer.step()
        self.steps += 1
        self.lines += len(batch.labels)
        self._follow()
        return float(loss.detach())

    def _lesson(self, batch: TrainingBatch, pixels: Tensor) -> Lesson:
        """Ask the teacher about the Chinese lines; it advises on those that it reads right."""
        chinese = [row for row, language in enumerate(batch.languages) if language == "zh"]
        if self.teacher is None or not chinese:
            return Lesson(batch.labels)
        with torch.no_grad(), self._precision():
            advice = self.teacher(pixels[chinese]).float().softmax(2)  # M, T, K
        said = [_collapsed(row) for row in advice.argmax(2).tolist()]
        right = [place for place, row in enumerate(chinese) if said[place] == batch.labels[row]]
        if not right:
            return Lesson(batch.labels)
        advised = torch.tensor([chinese[place] for place in right], device=self.device)
        return Lesson(batch.labels, advised, advice[right], self.course.trust)

    def _precision(self) -> AbstractContextManager[Any]:
        """bf16 where it is faster: on an accelerator, and on a CPU that has it and our kernel."""
        if self.device.type == "cpu" and not (native_bf16() and kernel()):
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the average follow the network, closely at first."""
        share = 1 - min(self.course.average, (1 + self.steps) / (10 + self.steps))
        for mean, value in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            mean.lerp_(value, share)

    # --- what is kept ---------------------------------------------------------------------------

    def save(self, path: Path, **more: Any) -> None:
        """Write everything that `resume` needs, and `more`, in place of what lay there."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "lines": self.lines,
            "course": asdict(self.course),
            **more,
        }
        fresh = path.with_suffix(".tmp")
        torch.save(state, fresh)
        fresh.replace(path)

    def resume(self, path: Path) -> dict[str, Any]:
        """Go on where `save` stopped; return what was saved."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.lines = state["steps"], state["lines"]
        return state


def _placed(network: CRNN, device: torch.device) -> CRNN:
    """Move `network` to `device`, its kernels channels last (as the daemon runs it)."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _collapsed(labels: list[int]) -> tuple[int, ...]:
    """Merge repeats and drop blanks."""
    kept = (b for a, b in zip([0, *labels], labels, strict=False) if b not in (0, a))
    return tuple(kept)
