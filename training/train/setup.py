"""What a training run starts from: weights grown to the alphabet, faces, texts, held-out lines."""

from __future__ import annotations

from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import torch

from daemon.ocr.model import artifact
from training.data.alphabet import grown
from training.evaluate.evaluate import drawn_lines, labelled_lines
from training.synth import dataset_stream
from training.train.run import Examination, Run
from training.train.trainer import Trainer
from training.train.widen import glyphs_of, grow, look_alikes, widen

if TYPE_CHECKING:
    from pathlib import Path

    from training.evaluate.evaluate import Labelled
    from training.train.trainer import Course

GRAIN = 0.2  # of a line's width may be padding: fewer shapes, 20 to 40 MB less of kernels
_HELDOUT_SEED = 7


@dataclass(frozen=True, slots=True)
class Means:
    """What a run may use: `device` a name of torch's or "auto", `workers` processes that draw.

    `heldout` is how many drawn lines, in faces and texts never trained on, an examination has.
    """

    device: str
    threads: int
    workers: int
    seed: int
    supplies: Path
    heldout: int = 800


def train(
    folder: Path, start: Path, course: Course, means: Means, dev: Path | None, every: float
) -> None:
    """Train until the course is over; `folder` keeps the run, and is gone on with if it has one.

    Raises Misconfigured when `start` is no artifact of ours, FileNotFoundError without supplies.
    """
    torch.set_num_threads(means.threads)
    cv2.setNumThreads(1)
    device = _device(means.device)
    network, charset, card = artifact.restore(start)
    teacher = deepcopy(network)
    alphabet = grown(charset)
    fresh = alphabet.characters[charset.classes - 1 :]
    glyphs = dict(glyphs_of(means.supplies / "fonts", fresh))
    widen(network)
    grow(network, alphabet, look_alikes(network, charset, glyphs, card.framing))
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(
        folder=folder,
        trainer=Trainer(network, teacher, course, device),
        charset=alphabet,
        card=replace(card, name=folder.name, framing=replace(card.framing, grain=GRAIN)),
        examination=Examination(
            heldout=_heldout(means, alphabet.characters),
            dev=labelled_lines(dev) if dev else (),
            minutes=every,
        ),
    )
    resumed = run.resume()
    run.mark()
    seed = means.seed + run.trainer.steps if resumed else means.seed
    samples = dataset_stream.stream(means.supplies, alphabet.characters, seed, means.workers)
    with closing(samples):
        run.go(samples)


def _heldout(means: Means, alphabet: str) -> list[Labelled]:
    drawn = dataset_stream.stream(means.supplies, alphabet, _HELDOUT_SEED, heldout=True)
    return drawn_lines(islice(drawn, means.heldout))


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
