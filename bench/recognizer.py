"""Benchmark of recognisers on lines: ours, by backend and precision, and their peers.

    python -m bench.recognizer [LINES_DIR] [--weights models/NAME.pt] [--rounds N]

All candidates read the same pages of 45 lines in one process and on one thread, alternating, from
crop to text: framing, batching, network, decoding. The cost of a page is the least CPU time of its
rounds. The table has lines per CPU-second and their ratio to PP-OCRv6 small, the character error
rate of each language in %, and the resident megabytes of a process of its own after 8 pages.

LINES_DIR has labelled crops in the format of `python -m training evaluate`; ours read them in gray,
as the daemon crops them, the peers in colour, as they expect them. Without it the lines are noise
and there are no error rates. `NAME.int8.onnx` beside the weights is a candidate too.
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
from daemon.engine.environment import SMALL

os.environ.update(SMALL)  # oneDNN reads it when torch is imported; glibc has read it before

from bench.peers import PEERS, NotInstalled, Peer
from daemon.core.errors import Misconfigured
from daemon.core.options import Weights
from daemon.core.records import Box
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop, RecognizedLine
from training.commands import LEXICON

if TYPE_CHECKING:
    from bench.peers import Crop
    from training.evaluate.error_rate import LabelledLine

REPOSITORY = Path(__file__).parents[1]
OURS = (
    ("torchscript", "fp32", ".pt"),
    ("torchscript", "bf16", ".pt"),
    ("onnxruntime", "fp32", ".onnx"),
    ("onnxruntime", "int8", ".int8.onnx"),
)
REFERENCE = "PP-OCRv6 small"
PAGE = 45  # lines of a clean A4 page
PAGES = 8  # drawn, and read before memory is measured

Read = Callable[[Sequence["LabelledCrop"]], list[str]]


@dataclass(frozen=True)
class LabelledCrop:
    """A line in gray for ours and in colour for the peers (H,W,3 in BGR)."""

    line: LineCrop
    coloured: Crop


@dataclass(frozen=True)
class Candidate:
    """A recogniser with backend and precision; a peer has no `weights`."""

    name: str
    backend: str
    precision: str
    weights: Weights | None = None

    def load(self) -> Read:
        """Return a loaded reader; raises Misconfigured or NotInstalled if it cannot run here."""
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
    """CPU seconds and texts of a candidate for the pages so far."""

    seconds: float
    texts: list[str]


def candidates(weights: Path) -> Iterator[Candidate]:
    """Yield the peers, then each backend and precision with a file of ours."""
    for name in PEERS:
        yield Candidate(name, "onnxruntime", "fp32")
    for backend, precision, suffix in OURS:
        file = weights.with_suffix(suffix)
        if file.exists():
            chosen = Weights(file=file, backend=backend, precision=precision, lexicon=LEXICON)
            yield Candidate(weights.stem, backend, precision, chosen)


def labelled(lines_dir: Path) -> list[LabelledLine]:
    """Return the lines of `lines_dir` shuffled, so that every page mixes the sources."""
    from training.evaluate.error_rate import labelled_lines  # imports torch

    lines = labelled_lines(lines_dir)
    return [lines[place] for place in np.random.default_rng(0).permutation(len(lines))]


def coloured(path: Path) -> Crop:
    """Return the H,W,3 pixels of `path` in BGR."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def noise_lines() -> list[LabelledCrop]:
    """Return pages of noise in the widths of lines."""
    rng = np.random.default_rng(0)
    widths = rng.integers(60, 1320, PAGES * PAGE)
    crops = [rng.integers(0, 256, (50, width), np.uint8) for width in widths]
    return [
        LabelledCrop(
            LineCrop(Box(0, 0, crop.shape[1], 50), crop), cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR)
        )
        for crop in crops
    ]


def pages(specimens: Sequence[LabelledCrop]) -> Iterator[Sequence[LabelledCrop]]:
    """Yield pages of 45 lines."""
    return (specimens[start : start + PAGE] for start in range(0, len(specimens), PAGE))


def measure_in_turns(
    readers: Sequence[Read], specimens: Sequence[LabelledCrop], rounds: int
) -> list[Score]:
    """Read each page `rounds` times with each reader in turn, so that load affects all alike."""
    scores = [Score(0.0, []) for _ in readers]
    for page in pages(specimens):
        least = [float("inf")] * len(readers)
        for _ in range(rounds):
            texts = []
            for place, read in enumerate(readers):
                began = process_time()
                texts.append(read(page))
                least[place] = min(least[place], process_time() - began)
        for score, seconds, read_texts in zip(scores, least, texts, strict=True):
            score.seconds += seconds
            score.texts += read_texts
    return scores


def resident(candidate: Candidate, specimens: Sequence[LabelledCrop]) -> int:
    """Return the resident MB of a new process after some pages, without those of the lines."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_resident_megabytes, (candidate, specimens))


def _resident_megabytes(candidate: Candidate, specimens: Sequence[LabelledCrop]) -> int:
    read = candidate.load()
    for page in pages(specimens):
        read(page)
    own = sum(one.coloured.nbytes + one.line.image.nbytes for one in specimens)
    return round((psutil.Process().memory_info().rss - own) / 2**20)


@dataclass(frozen=True)
class Prerecorded:
    """A recogniser that returns given texts, for `read_lines`."""

    texts: Sequence[str]

    def read(self, _: Sequence[LineCrop]) -> list[RecognizedLine]:
        """Return the given texts."""
        return [RecognizedLine(text, 0.0, ()) for text in self.texts]


def languages(lines: Iterable[LabelledLine]) -> list[str]:
    """Return the languages and scripts of `lines`, sorted."""
    return sorted({line.rule.language for line in lines})


def error_rates(lines: Sequence[LabelledLine], texts: Sequence[str]) -> list[str]:
    """Return the CER in % of each language of the lines."""
    from training.evaluate.error_rate import error_counts, read_lines

    found = error_counts(read_lines(Prerecorded(texts), lines))
    return [f"{100 * found[language].cer:.2f}" for language in languages(lines)]


def start_available(chosen: Iterable[Candidate]) -> dict[Candidate, Read]:
    """Load the candidates that can run here; print why the others are left out."""
    readers = {}
    for one in chosen:
        try:
            readers[one] = one.load()
        except (Misconfigured, NotInstalled) as error:
            print(f"left out: {one.name}, {one.backend} {one.precision}: {error}")
    return readers


def arguments() -> argparse.Namespace:
    shipped = load(REPOSITORY / "config.yaml").model.file
    parser = argparse.ArgumentParser("python -m bench.recognizer")
    parser.add_argument("lines_dir", nargs="?", type=Path, help="labelled crops (default: noise)")
    parser.add_argument("--weights", type=Path, default=shipped, help="our weights")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def report(
    scores: dict[Candidate, Score], specimens: list[LabelledCrop], lines: list[LabelledLine]
) -> None:
    """Print a row for each candidate as soon as its memory is measured."""
    reference = next(
        (score.seconds for one, score in scores.items() if one.name == REFERENCE), None
    )
    heads = [f"CER {language}" for language in languages(lines)]
    _row("candidate", "backend", "precision", "lines/CPU-s", "ratio", *heads, "MB")
    for one, score in scores.items():
        speed = f"{len(specimens) / score.seconds:.1f}"
        ratio = f"{reference / score.seconds:.2f}" if reference else "-"
        rates = error_rates(lines, score.texts)
        megabytes = str(resident(one, specimens[: PAGES * PAGE]))
        _row(one.name, one.backend, one.precision, speed, ratio, *rates, megabytes)


def _row(*cells: str) -> None:
    words, figures = cells[:3], cells[3:]
    print(*(f"{cell:14}" for cell in words), *(f"{cell:>11}" for cell in figures), flush=True)


def main() -> None:
    args = arguments()
    lines = labelled(args.lines_dir) if args.lines_dir else []
    specimens = [LabelledCrop(one.line, coloured(args.lines_dir / one.name)) for one in lines]
    specimens = specimens or noise_lines()
    readers = start_available(candidates(args.weights))
    results = measure_in_turns(list(readers.values()), specimens, args.rounds)
    report(dict(zip(readers, results, strict=True)), specimens, lines)


if __name__ == "__main__":
    main()
