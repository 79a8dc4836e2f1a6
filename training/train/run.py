"""A training run: samples stream in, the network learns, and the best of it is kept.

A run is a folder: `last.pt` (to go on with), `best.pt` (to export), `history.jsonl`, `curve.png`.
Killed at any time, it goes on from its last checkpoint with the schedule where it was.
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
from training.evaluate.evaluate import error_counts, outcomes_of
from training.train import history
from training.train.batching import training_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daemon.ocr.model.card import ModelCard
    from daemon.ocr.model.charset import Charset
    from training.evaluate.evaluate import Labelled
    from training.synth.sample import Sample
    from training.train.trainer import Trainer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the network is asked every `minutes`: held-out drawn lines, and real ones if given."""

    heldout: Sequence[Labelled]
    dev: Sequence[Labelled] = ()
    minutes: float = 8.0


@dataclass(slots=True)
class Run:
    """A trainer with its folder, its clock and its marks."""

    folder: Path
    trainer: Trainer
    charset: Charset
    card: ModelCard
    examination: Examination
    spent: float = 0.0  # minutes, over all attempts
    best: float = float("inf")
    losses: list[float] = field(default_factory=list)
    stopping: bool = False

    @property
    def progress(self) -> float:
        """How much of the time is over, 0..1."""
        return self.spent / self.trainer.course.minutes

    def resume(self) -> bool:
        """Go on where an earlier attempt stopped, if there was one."""
        last = self.folder / "last.pt"
        if last.exists():
            state = self.trainer.resume(last)
            self.spent, self.best = state["spent"], state["best"]
        return last.exists()

    def go(self, samples: Iterable[Sample]) -> None:
        """Learn until the time is over or a signal says stop; examine and save on the way."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        columns = self.trainer.course.columns
        batches = training_batches(samples, self.charset, self.card.framing, columns)
        due = self.spent + self.examination.minutes
        began = time.monotonic() - 60 * self.spent
        for batch in batches:
            self.losses.append(self.trainer.step(batch, self.progress))
            self.spent = (time.monotonic() - began) / 60
            over = self.progress >= 1 or self.stopping
            if self.spent >= due or over:
                self.mark()
                due = self.spent + self.examination.minutes
            if over:
                return

    def mark(self) -> None:
        """Examine the network, write the record, and keep it where it is the best so far."""
        heldout = error_rates(self.recognizer(), self.examination.heldout)
        dev = error_rates(self.recognizer(), self.examination.dev)
        decisive = dev or heldout
        mean = sum(decisive.values()) / max(1, len(decisive))
        row: dict[str, Any] = {
            "minutes": round(self.spent, 2),
            "steps": self.trainer.steps,
            "lines": self.trainer.lines,
            "loss": round(fmean(self.losses), 4) if self.losses else None,
            "rate": round(self.trainer.course.rate(self.progress), 7),
            "heldout": heldout,
            "dev": dev,
            "hardware": hardware(self.trainer.device),
        }
        self.losses.clear()
        log.info("train.interval", **row)
        record = self.folder / "history.jsonl"
        history.append(record, row)
        history.plot(record, self.folder / "curve.png")
        if mean <= self.best:
            self.best = mean
            self._save("best.pt")
        self._save("last.pt")

    def recognizer(self) -> Recognizer:
        """Return a recogniser that reads with the averaged weights."""
        return live(TopKNetwork(self.trainer.average), self.charset, self.card, self.trainer.device)

    def _save(self, name: str) -> None:
        more = {"spent": self.spent, "best": self.best, "charset": self.charset.characters}
        self.trainer.save(self.folder / name, **more, card=self.card.to_json())

    def _stop(self, *_: object) -> None:
        self.stopping = True


def hardware(device: torch.device) -> str:
    """Name what a network learns on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    half = "with" if native_bf16() else "without"
    return f"{torch.get_num_threads()} cores of {platform.machine()} {half} bf16"


def live(
    reader: TopKNetwork, charset: Charset, card: ModelCard, device: torch.device
) -> Recognizer:
    """Return a recogniser around a network that is still in training."""

    def read(frames: Any) -> Any:
        with torch.inference_mode():
            lines = torch.from_numpy(frames).to(device, memory_format=torch.channels_last)
            labels, probabilities, classes = reader(lines)
            return labels.cpu().numpy(), probabilities.cpu().numpy(), int(classes)

    return Recognizer(Artifact(card, charset, "", "fp32", read), Weights(file=Path(card.name)))


def error_rates(recognizer: Recognizer, lines: Sequence[Labelled]) -> Mapping[str, float]:
    """Return the character error rate of each language in `lines`."""
    found = error_counts(outcomes_of(recognizer, lines))
    return {language: round(counts.cer, 5) for language, counts in found.items()}
