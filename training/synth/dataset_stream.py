"""Samples without end: made in this process, or by workers that hand them over in batches."""

from __future__ import annotations

import multiprocessing
import queue
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from training.synth.font_choice import Faces
from training.synth.glyphs import coverage
from training.synth.synth import Synth

if TYPE_CHECKING:
    from collections.abc import Generator
    from multiprocessing.queues import Queue
    from pathlib import Path

    from training.synth.sample import Sample

_BATCH = 64
_WAITING = 16  # batches a worker may be ahead
_PATIENCE = 5.0  # seconds between two looks whether the workers live


def synth(folder: Path, alphabet: str, heldout: bool = False) -> Synth:
    """Return the source made of the fonts and texts under `folder`, writing `alphabet` only.

    `heldout` takes the faces and texts that training never sees. Raises FileNotFoundError.
    """
    from training.data import corpus, sources
    from training.data.phrases import Phrases

    phrases = Phrases(corpus.load(folder / "texts" / "corpus", heldout=heldout), alphabet)
    fonts = folder / "fonts"
    faces = [face for face in sources.faces(fonts) if face.heldout == heldout]
    if not faces:
        raise FileNotFoundError(f"no faces under {fonts}; run `make fonts`")
    return Synth(
        lambda chance: phrases.draw(Random(int(chance.integers(1 << 62)))),  # noqa: S311
        Faces(faces, coverage(faces, fonts)),
    )


def stream(
    folder: Path, alphabet: str, seed: int, workers: int = 0, heldout: bool = False
) -> Generator[Sample]:
    """Yield samples for ever, made from `folder`; close the iterator to stop the workers.

    Equal seeds and numbers of workers give equal samples in equal order. Raises RuntimeError when
    a worker dies.
    """
    if not workers:
        return _alone(folder, alphabet, [seed], heldout)
    return _together(folder, alphabet, seed, workers, heldout)


def _alone(folder: Path, alphabet: str, seed: list[int], heldout: bool) -> Generator[Sample]:
    source, chance = synth(folder, alphabet, heldout), np.random.default_rng(seed)
    while True:
        yield source.sample(chance)


def _work(
    folder: Path, alphabet: str, seed: list[int], heldout: bool, batches: Queue[list[Sample]]
) -> None:
    samples = _alone(folder, alphabet, seed, heldout)
    while True:
        batches.put([next(samples) for _ in range(_BATCH)])


def _together(
    folder: Path, alphabet: str, seed: int, workers: int, heldout: bool
) -> Generator[Sample]:
    context = multiprocessing.get_context("spawn")
    lanes: list[Queue[list[Sample]]] = [context.Queue(_WAITING) for _ in range(workers)]
    hands = [
        context.Process(
            target=_work, args=(folder, alphabet, [seed, number], heldout, lane), daemon=True
        )
        for number, lane in enumerate(lanes)
    ]
    for hand in hands:
        hand.start()
    try:
        while True:
            for hand, lane in zip(hands, lanes, strict=True):
                yield from _next(hand, lane)
    finally:
        for hand, lane in zip(hands, lanes, strict=True):
            hand.terminate()
            hand.join()
            lane.cancel_join_thread()
            lane.close()


def _next(hand: multiprocessing.process.BaseProcess, lane: Queue[list[Sample]]) -> list[Sample]:
    """Return the worker's next batch; its turn is waited for, so that order does not vary."""
    while True:
        try:
            return lane.get(timeout=_PATIENCE)
        except queue.Empty:
            if not hand.is_alive():
                raise RuntimeError(f"a rendering worker died ({hand.exitcode})") from None
