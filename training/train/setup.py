"""Sets up a training run: weights extended to the alphabet, lines to train and evaluate on."""

from __future__ import annotations

from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from daemon.ocr.model import artifact
from daemon.ocr.model.shape import NAMED_SHAPES
from training.data.alphabet import extended
from training.evaluate.error_rate import as_labelled_lines, labelled_lines
from training.synth import dataset_stream
from training.train.real_lines import RealLines, mix
from training.train.run import EvaluationPlan, TrainingRun
from training.train.trainer import Trainer
from training.train.widen import add_classes, character_crops, look_alikes, reshaped, widen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.evaluate.error_rate import LabelledLine
    from training.train.trainer import Hyperparameters

GRAIN = 0.2  # largest share of padding in a line: fewer shapes, 20 to 40 MB less of kernels
_HELDOUT_SEED = 7
_REAL_SEED = 1  # beside the seeds of the workers that draw lines


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Resources of a run: `device` as in torch or "auto", `workers` processes that draw lines.

    `heldout` is the number of drawn lines, of held-out faces and texts, in an evaluation, and the
    highest number of real ones. `real` are archives of real lines, which are `real_share` of the
    lines trained on. `network` is a shape, if not that of the start; `teacher` is an artifact with
    the classes of the start, if the start does not teach.
    """

    device: str
    threads: int
    workers: int
    seed: int
    supplies: Path
    heldout: int = 800
    real: Sequence[Path] = ()
    real_share: float = 0.15
    network: str | None = None
    teacher: Path | None = None


def train(
    folder: Path,
    start: Path,
    hyperparameters: Hyperparameters,
    options: RunOptions,
    dev: Path | None,
    every: float,
) -> None:
    """Train from `start` in `folder`, or resume the run that it contains.

    Raises Misconfigured when `start` or the teacher is not an artifact of ours, FileNotFoundError
    without fonts or texts, ValueError when `options.network` is not a shape.
    """
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    device = _device(options.device)
    network, charset, card = artifact.restore(start)
    teacher = artifact.restore(options.teacher)[0] if options.teacher else deepcopy(network)
    alphabet = extended(charset)
    added = alphabet.characters[charset.classes - 1 :]
    glyphs = dict(character_crops(options.supplies / "fonts", added))
    widen(network)
    add_classes(network, alphabet, look_alikes(network, charset, glyphs, card.framing))
    if options.network:
        card = replace(card, network=NAMED_SHAPES.get(options.network, options.network))
        network = reshaped(network, card.shape)
    real = RealLines.load(options.real)
    folder.mkdir(parents=True, exist_ok=True)
    run = TrainingRun(
        folder=folder,
        trainer=Trainer(network, teacher, hyperparameters, device),
        charset=alphabet,
        card=replace(card, name=folder.name, framing=replace(card.framing, grain=GRAIN)),
        evaluation=EvaluationPlan(
            heldout=_heldout(options, alphabet.characters),
            dev=labelled_lines(dev) if dev else (),
            minutes=every,
            real=real.labelled(options.heldout),
        ),
    )
    resumed = run.resume()
    run.checkpoint()
    seed = options.seed + run.trainer.steps if resumed else options.seed
    samples = dataset_stream.stream(options.supplies, alphabet.characters, seed, options.workers)
    rng = np.random.default_rng([seed, _REAL_SEED])
    with closing(samples):
        run.train(mix(samples, real, options.real_share, rng) if real.train else samples)


def _heldout(options: RunOptions, alphabet: str) -> list[LabelledLine]:
    drawn = dataset_stream.stream(options.supplies, alphabet, _HELDOUT_SEED, heldout=True)
    return as_labelled_lines(islice(drawn, options.heldout))


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
