"""A training run: trains on a stream of samples, evaluates in intervals, saves checkpoints.

The folder of a run has `last.pt` (to resume from), `best.pt` (to export), `history.jsonl` and
`curve.png`. A run that was killed resumes from its last checkpoint and continues its schedule.
"""

from __future__ import annotations

import platform
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import structlog
import torch

from daemon.core.options import Weights
from daemon.ocr.model.artifact import Artifact
from daemon.ocr.model.crnn import TopKNetwork
from daemon.ocr.model.torchscript import native_bf16
from daemon.ocr.recognizer import Recognizer
from training.evaluate.error_rate import error_counts, read_lines
from training.train import history
from training.train.batching import training_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daemon.ocr.model.card import ModelCard
    from daemon.ocr.model.charset import Charset
    from training.evaluate.error_rate import LabelledLine
    from training.records import Sample
    from training.train.trainer import Trainer

log = structlog.get_logger()

SAVE_MINUTES = 3.0  # of training that a killed run may lose


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """The lines to evaluate on every `minutes`: held-out drawn ones, and real ones if given.

    `dev` lines are of a source that is not trained on, `real` ones of documents held out of the
    archives that are trained on.
    """

    heldout: Sequence[LabelledLine]
    dev: Sequence[LabelledLine] = ()
    minutes: float = 8.0
    real: Sequence[LabelledLine] = ()


@dataclass(slots=True)
class TrainingRun:
    """A trainer with its folder, its clock and its best result."""

    folder: Path
    trainer: Trainer
    charset: Charset
    card: ModelCard
    evaluation: EvaluationPlan
    minutes_spent: float = 0.0  # resumed runs included
    best: float = float("inf")  # mean CER
    losses: list[float] = field(default_factory=list)
    stopping: bool = False

    @property
    def progress(self) -> float:
        """The share of the time that is over, 0..1."""
        return self.minutes_spent / self.trainer.hyperparameters.minutes

    def resume(self) -> bool:
        """Resume from the last checkpoint; return whether there was one."""
        last = self.folder / "last.pt"
        if last.exists():
            state = self.trainer.resume(last)
            self.minutes_spent, self.best = state["spent"], state["best"]
        return last.exists()

    def train(self, samples: Iterable[Sample]) -> None:
        """Train until the time is over or a signal arrives; evaluate and save in intervals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        columns = self.trainer.hyperparameters.batch_columns
        batches = training_batches(samples, self.charset, self.card.framing, columns)
        due = self.minutes_spent + self.evaluation.minutes
        saved = self.minutes_spent
        began = time.monotonic() - 60 * self.minutes_spent
        for batch in batches:
            self.losses.append(self.trainer.step(batch, self.progress))
            self.minutes_spent = (time.monotonic() - began) / 60
            is_over = self.progress >= 1 or self.stopping
            if self.minutes_spent >= due or is_over:
                self.checkpoint()
                due = self.minutes_spent + self.evaluation.minutes
                saved = self.minutes_spent
            elif self.minutes_spent >= saved + SAVE_MINUTES:
                self._save("last.pt")
                saved = self.minutes_spent
            if is_over:
                return

    def checkpoint(self) -> None:
        """Evaluate the network, append to the history, save it, also as the best if it is."""
        heldout = error_rates(self.recognizer(), self.evaluation.heldout)
        dev = error_rates(self.recognizer(), self.evaluation.dev)
        real = error_rates(self.recognizer(), self.evaluation.real)
        deciding = dev or heldout
        mean = sum(deciding.values()) / max(1, len(deciding))
        row: dict[str, Any] = {
            "minutes": round(self.minutes_spent, 2),
            "steps": self.trainer.steps,
            "lines": self.trainer.lines,
            "loss": round(fmean(self.losses), 4) if self.losses else None,
            "rate": round(self.trainer.hyperparameters.rate(self.progress), 7),
            "heldout": heldout,
            "dev": dev,
            **({"real": real} if real else {}),
            "hardware": hardware(self.trainer.device),
        }
        self.losses.clear()
        log.info("train.interval", **row)
        rows = self.folder / "history.jsonl"
        history.append(rows, row)
        history.plot(rows, self.folder / "curve.png")
        if mean <= self.best:
            self.best = mean
            self._save("best.pt")
        self._save("last.pt")

    def recognizer(self) -> Recognizer:
        """Return a recogniser with the averaged weights."""
        return live_recognizer(
            TopKNetwork(self.trainer.average), self.charset, self.card, self.trainer.device
        )

    def _save(self, name: str) -> None:
        more = {"spent": self.minutes_spent, "best": self.best, "charset": self.charset.characters}
        self.trainer.save(self.folder / name, **more, card=self.card.to_json())

    def _stop(self, *_: object) -> None:
        self.stopping = True


def hardware(device: torch.device) -> str:
    """Return the name of the hardware of a run."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    half = "with" if native_bf16() else "without"
    return f"{torch.get_num_threads()} cores of {platform.machine()} {half} bf16"


def live_recognizer(
    reader: TopKNetwork, charset: Charset, card: ModelCard, device: torch.device
) -> Recognizer:
    """Return a recogniser around a network in memory, without a file."""

    def read(frames: Any) -> Any:
        with torch.inference_mode():
            lines = torch.from_numpy(frames).to(device, memory_format=torch.channels_last)
            labels, probabilities, classes = reader(lines)
            return labels.cpu().numpy(), probabilities.cpu().numpy(), int(classes)

    return Recognizer(Artifact(card, charset, "", "fp32", read), Weights(file=Path(card.name)))


def error_rates(recognizer: Recognizer, lines: Sequence[LabelledLine]) -> Mapping[str, float]:
    """Return the character error rate of each language in `lines`."""
    found = error_counts(read_lines(recognizer, lines))
    return {language: round(counts.cer, 5) for language, counts in found.items()}
