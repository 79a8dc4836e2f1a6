"""How fast and how well recognisers read lines: ours, by backend and precision, and their peers.

    python -m bench.recognizer [LINES_DIR] [--weights models/NAME.pt] [--rounds N]

All candidates read the same pages of 45 lines in one process and on one thread, taking turns, from
crop to text: framing, batching, network, decoding. A page costs a candidate the least CPU time of
its rounds. The table gives lines per CPU-second and their ratio to PP-OCRv6 small, the character
error rate of each language in %, and the megabytes that a process of its own keeps after 8 pages.

LINES_DIR holds labelled crops as `python -m training evaluate` takes them; ours read them gray, as
the daemon cuts them, the peers in colour, as they expect them. Without it there are only drawn
lines and no error rates. `NAME.int8.onnx` beside the weights is a candidate too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import psutil

from daemon.config.load import load
from daemon.engine.local_pool import ENVIRONMENT

os.environ.update(ENVIRONMENT)  # oneDNN's part is read with torch, glibc's was read before

from bench.peers import PEERS, Missing, Peer
from daemon.core.errors import Misconfigured
from daemon.core.options import Weights
from daemon.core.records import Box
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop, RecognizedLine
from training.commands import LEXICON

if TYPE_CHECKING:
    from bench.peers import Crop
    from training.evaluate.evaluate import Labelled

REPOSITORY = Path(__file__).parents[1]
OURS = (
    ("torchscript", "fp32", ".pt"),
    ("torchscript", "bf16", ".pt"),
    ("onnxruntime", "fp32", ".onnx"),
    ("onnxruntime", "int8", ".int8.onnx"),
)
RIVAL = "PP-OCRv6 small"
PAGE = 45  # lines of a clean A4 page
PAGES = 8  # to draw, and to read before memory is looked at

Read = Callable[[Sequence["Specimen"]], list[str]]


@dataclass(frozen=True)
class Specimen:
    """One line, as ours get it and as the peers do (H,W,3 in BGR)."""

    line: LineCrop
    coloured: Crop


@dataclass(frozen=True)
class Candidate:
    """Who reads, and in what; a peer has no `weights` of ours."""

    name: str
    backend: str
    precision: str
    weights: Weights | None = None

    def load(self) -> Read:
        """Return a warm reader; raises Misconfigured or Missing where it cannot read here."""
        cv2.setNumThreads(1)
        if self.weights is None:
            peer = Peer.load(self.name)
            return lambda page: peer.read([specimen.coloured for specimen in page])
        if self.backend == "torchscript":
            import torch

            torch.set_num_threads(1)
        ours = Recognizer.load(self.weights)
        return lambda page: [one.text for one in ours.read([specimen.line for specimen in page])]


@dataclass
class Score:
    """What the pages so far cost a candidate in CPU-seconds, and what it read on them."""

    seconds: float
    texts: list[str]


def candidates(weights: Path) -> Iterator[Candidate]:
    """Yield the peers, then each backend and precision that has a file of ours."""
    for name in PEERS:
        yield Candidate(name, "onnxruntime", "fp32")
    for backend, precision, suffix in OURS:
        file = weights.with_suffix(suffix)
        if file.exists():
            chosen = Weights(file=file, backend=backend, precision=precision, lexicon=LEXICON)
            yield Candidate(weights.stem, backend, precision, chosen)


def labelled(lines_dir: Path) -> list[Labelled]:
    """Return the lines of `lines_dir` shuffled, so that every page mixes the sources."""
    from training.evaluate.evaluate import labelled_lines  # brings torch: only where it is wanted

    lines = labelled_lines(lines_dir)
    return [lines[place] for place in np.random.default_rng(0).permutation(len(lines))]


def coloured(path: Path) -> Crop:
    """Return the H,W,3 pixels of `path` in BGR."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def drawn() -> list[Specimen]:
    """Return pages of noise as wide as lines are."""
    chance = np.random.default_rng(0)
    widths = chance.integers(60, 1320, PAGES * PAGE)
    crops = [chance.integers(0, 256, (50, width), np.uint8) for width in widths]
    return [
        Specimen(
            LineCrop(Box(0, 0, crop.shape[1], 50), crop), cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR)
        )
        for crop in crops
    ]


def pages(specimens: Sequence[Specimen]) -> Iterator[Sequence[Specimen]]:
    """Yield 45 lines at a time."""
    return (specimens[start : start + PAGE] for start in range(0, len(specimens), PAGE))


def race(readers: Sequence[Read], specimens: Sequence[Specimen], rounds: int) -> list[Score]:
    """Let each read each page `rounds` times, in turns, so that noise hits all alike."""
    scores = [Score(0.0, []) for _ in readers]
    for page in pages(specimens):
        least = [float("inf")] * len(readers)
        for _ in range(rounds):
            said = []
            for place, read in enumerate(readers):
                began = process_time()
                said.append(read(page))
                least[place] = min(least[place], process_time() - began)
        for score, seconds, texts in zip(scores, least, said, strict=True):
            score.seconds += seconds
            score.texts += texts
    return scores


def resident(candidate: Candidate, specimens: Sequence[Specimen]) -> int:
    """Return the MB that a fresh process keeps after some pages, less those of the lines."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_kept, (candidate, specimens))


def _kept(candidate: Candidate, specimens: Sequence[Specimen]) -> int:
    read = candidate.load()
    for page in pages(specimens):
        read(page)
    held = sum(one.coloured.nbytes + one.line.image.nbytes for one in specimens)
    return round((psutil.Process().memory_info().rss - held) / 2**20)


@dataclass(frozen=True)
class Said:
    """A recogniser that has read already, for `outcomes_of`."""

    texts: Sequence[str]

    def read(self, _: Sequence[LineCrop]) -> list[RecognizedLine]:
        """Return what was read."""
        return [RecognizedLine(text, 0.0, ()) for text in self.texts]


def languages(lines: Iterable[Labelled]) -> list[str]:
    """Return the languages and scripts of `lines` in order."""
    return sorted({line.rule.language for line in lines})


def error_rates(lines: Sequence[Labelled], texts: Sequence[str]) -> list[str]:
    """Return the CER % of each of the lines' languages."""
    from training.evaluate.evaluate import error_counts, outcomes_of

    found = error_counts(outcomes_of(Said(texts), lines))
    return [f"{100 * found[language].cer:.2f}" for language in languages(lines)]


def warmed(chosen: Iterable[Candidate]) -> dict[Candidate, Read]:
    """Load those that can read here; say why the others cannot."""
    readers = {}
    for one in chosen:
        try:
            readers[one] = one.load()
        except (Misconfigured, Missing) as unfit:
            print(f"left out: {one.name}, {one.backend} {one.precision}: {unfit}")
    return readers


def arguments() -> argparse.Namespace:
    shipped = load(REPOSITORY / "config.yaml").model.file
    parser = argparse.ArgumentParser("python -m bench.recognizer")
    parser.add_argument("lines_dir", nargs="?", type=Path, help="labelled crops; else drawn ones")
    parser.add_argument("--weights", type=Path, default=shipped, help="ours")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def report(
    scores: dict[Candidate, Score], specimens: list[Specimen], lines: list[Labelled]
) -> None:
    """Print a row for each candidate, as its memory becomes known."""
    rival = next((score.seconds for one, score in scores.items() if one.name == RIVAL), None)
    heads = [f"CER {language}" for language in languages(lines)]
    _row("candidate", "backend", "precision", "lines/CPU-s", "ratio", *heads, "MB")
    for one, score in scores.items():
        speed = f"{len(specimens) / score.seconds:.1f}"
        ratio = f"{rival / score.seconds:.2f}" if rival else "-"
        rates = error_rates(lines, score.texts)
        kept = str(resident(one, specimens[: PAGES * PAGE]))
        _row(one.name, one.backend, one.precision, speed, ratio, *rates, kept)


def _row(*cells: str) -> None:
    words, figures = cells[:3], cells[3:]
    print(*(f"{cell:14}" for cell in words), *(f"{cell:>11}" for cell in figures), flush=True)


def main() -> None:
    asked = arguments()
    lines = labelled(asked.lines_dir) if asked.lines_dir else []
    specimens = [Specimen(one.line, coloured(asked.lines_dir / one.name)) for one in lines]
    specimens = specimens or drawn()
    readers = warmed(candidates(asked.weights))
    results = race(list(readers.values()), specimens, asked.rounds)
    report(dict(zip(readers, results, strict=True)), specimens, lines)


if __name__ == "__main__":
    main()
