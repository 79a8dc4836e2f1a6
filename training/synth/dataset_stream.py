"""An endless stream of samples, generated in this process or by worker processes."""

from __future__ import annotations

import multiprocessing
import queue
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from training.synth.font_choice import FontSelector
from training.synth.glyphs import coverage
from training.synth.line_generator import LineGenerator

if TYPE_CHECKING:
    from collections.abc import Generator
    from multiprocessing.queues import Queue
    from pathlib import Path

    from training.records import Sample

_BATCH = 64
_QUEUED_BATCHES = 16  # per worker
_POLL_SECONDS = 5.0  # between two checks that the worker is alive


def line_generator(folder: Path, alphabet: str, heldout: bool = False) -> LineGenerator:
    """Return a generator of lines in `alphabet` from the fonts and texts under `folder`.

    `heldout` selects the faces and texts that are never trained on. Raises FileNotFoundError when
    there are no fonts or texts.
    """
    from training.data import corpus, sources
    from training.data.phrases import Phrases

    phrases = Phrases(corpus.load(folder / "texts" / "corpus", heldout=heldout), alphabet)
    fonts = folder / "fonts"
    faces = [face for face in sources.faces(fonts) if face.heldout == heldout]
    if not faces:
        raise FileNotFoundError(f"no faces under {fonts}; run `make fonts`")
    return LineGenerator(
        lambda rng: phrases.draw(Random(int(rng.integers(1 << 62)))),  # noqa: S311
        FontSelector(faces, coverage(faces, fonts)),
    )


def stream(
    folder: Path, alphabet: str, seed: int, workers: int = 0, heldout: bool = False
) -> Generator[Sample]:
    """Yield samples without end, generated from `folder`; close the iterator to stop the workers.

    Equal seeds and numbers of workers give equal samples in the same order. Raises RuntimeError
    when a worker dies.
    """
    if not workers:
        return _in_process(folder, alphabet, [seed], heldout)
    return _from_workers(folder, alphabet, seed, workers, heldout)


def _in_process(folder: Path, alphabet: str, seed: list[int], heldout: bool) -> Generator[Sample]:
    generator, rng = line_generator(folder, alphabet, heldout), np.random.default_rng(seed)
    while True:
        yield generator.sample(rng)


def _produce(
    folder: Path, alphabet: str, seed: list[int], heldout: bool, batches: Queue[list[Sample]]
) -> None:
    samples = _in_process(folder, alphabet, seed, heldout)
    while True:
        batches.put([next(samples) for _ in range(_BATCH)])


def _from_workers(
    folder: Path, alphabet: str, seed: int, workers: int, heldout: bool
) -> Generator[Sample]:
    context = multiprocessing.get_context("spawn")
    queues: list[Queue[list[Sample]]] = [context.Queue(_QUEUED_BATCHES) for _ in range(workers)]
    processes = [
        context.Process(
            target=_produce,
            args=(folder, alphabet, [seed, number], heldout, batch_queue),
            daemon=True,
        )
        for number, batch_queue in enumerate(queues)
    ]
    for process in processes:
        process.start()
    try:
        while True:
            for process, batch_queue in zip(processes, queues, strict=True):
                yield from _next_batch(process, batch_queue)
    finally:
        for process, batch_queue in zip(processes, queues, strict=True):
            process.terminate()
            process.join()
            batch_queue.cancel_join_thread()
            batch_queue.close()


def _next_batch(
    process: multiprocessing.process.BaseProcess, batch_queue: Queue[list[Sample]]
) -> list[Sample]:
    """Return the next batch of this worker; workers take turns, so that the order is fixed."""
    while True:
        try:
            return batch_queue.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if not process.is_alive():
                raise RuntimeError(
                    f"a line generator worker died with exit code {process.exitcode}"
                ) from None
