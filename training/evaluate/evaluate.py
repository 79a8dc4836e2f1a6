"""How far off is a recogniser: its readings of labelled line crops, and their error rate.

The rules are those that line readings are scored by: both sides in NFKC with punctuation folded;
case is ignored and spaces are dropped only where the meta table says that the label lost them.
"""

from __future__ import annotations

import csv
import re
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from daemon.core.options import Weights
from daemon.core.records import Box
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from daemon.core.records import Pixels
    from daemon.ocr.records import RecognizedLine
    from training.synth.sample import Sample

_FOLDS = {"‘’": "'", "“”": '"', "–—": "-", "。·•": ".", "、": ",", "【": "[", "】": "]"}
_FOLDS |= {"《": "<", "》": ">", "口": "□"}
_FOLD = str.maketrans({one: folded for many, folded in _FOLDS.items() for one in many})


@dataclass(frozen=True, slots=True)
class Rule:
    """How a label may be compared, as the meta table says it."""

    language: str = "?"
    source: str = "?"
    ignore_case: bool = False
    strip_spaces: bool = False

    def folded(self, text: str) -> str:
        """Return what of `text` counts."""
        text = unicodedata.normalize("NFKC", text).translate(_FOLD)
        text = re.sub(r"\s+", "" if self.strip_spaces else " ", text).strip()
        return text.upper() if self.ignore_case else text


@dataclass(frozen=True, slots=True)
class Labelled:
    """A crop, what it says, and how a reading of it is compared with that."""

    name: str
    line: LineCrop
    truth: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one labelled line: its reading and the number of wrong characters."""

    labelled: Labelled
    reading: RecognizedLine
    wrong: int
    length: int


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """What was read of one language or source."""

    lines: int
    exact: int
    wrong: int
    length: int

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> ErrorCounts:
        """Count the outcomes."""
        kept = list(outcomes)
        exact = sum(outcome.wrong == 0 for outcome in kept)
        wrong, length = sum(o.wrong for o in kept), sum(o.length for o in kept)
        return cls(len(kept), exact, wrong, length)

    @property
    def cer(self) -> float:
        """Wrong characters per character of truth, counted over all lines together."""
        return self.wrong / max(1, self.length)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an artifact made of labelled lines; `speed` is lines per CPU-second of one thread."""

    weights: Weights
    sha256: str
    precision: str
    outcomes: tuple[Outcome, ...]
    speed: float


def evaluate(weights: Weights, lines: Sequence[Labelled]) -> Evaluation:
    """Read every line, on one thread of this process.

    Raises Misconfigured for weights that cannot be used.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    recognizer = Recognizer.load(weights)
    recognizer.read([labelled.line for labelled in lines[:16]])  # the first ones pay to compile
    began = time.process_time()
    readings = recognizer.read([labelled.line for labelled in lines])
    seconds = time.process_time() - began
    outcomes = tuple(map(_outcome, lines, readings))
    loaded = recognizer.artifact
    return Evaluation(weights, loaded.sha256, loaded.precision, outcomes, len(lines) / seconds)


def weights_in(
    file: Path,
    beam: int = 1,
    precision: Literal["auto", "fp32"] = "auto",
    lexicon: Path | None = None,
) -> Weights:
    """Return how `file` is read: by the backend that its name tells."""
    backend: Literal["onnxruntime", "torchscript"]
    backend = "onnxruntime" if file.suffix == ".onnx" else "torchscript"
    return Weights(file=file, backend=backend, beam=beam, precision=precision, lexicon=lexicon)


def write_predictions(outcomes: Iterable[Outcome], path: Path) -> None:
    """Write what was read as file TAB text."""
    said = (f"{outcome.labelled.name}\t{outcome.reading.text}\n" for outcome in outcomes)
    path.write_text("".join(said), "utf-8")


def labelled_lines(lines_dir: Path) -> list[Labelled]:
    """Return the crops that `lines_dir`/labels.tsv lists, with the rules of its meta.tsv if any.

    Raises FileNotFoundError for a crop that is missing and ValueError for one that is no image.
    """
    rules = _rules(lines_dir / "meta.tsv")
    return [
        Labelled(name, _line(lines_dir / name), text, rules.get(name, Rule()))
        for name, text, *_ in _rows(lines_dir / "labels.tsv")
    ]


def drawn_lines(samples: Iterable[Sample]) -> list[Labelled]:
    """Return synthetic samples as lines to be evaluated on."""
    return [
        Labelled(f"{number}", line_of(s.crop), s.label, Rule(s.language, s.kind))
        for number, s in enumerate(samples)
    ]


def outcomes_of(recognizer: Recognizer, lines: Sequence[Labelled]) -> list[Outcome]:
    """Read every line, and compare."""
    readings = recognizer.read([labelled.line for labelled in lines])
    return [_outcome(labelled, reading) for labelled, reading in zip(lines, readings, strict=True)]


def _outcome(labelled: Labelled, reading: RecognizedLine) -> Outcome:
    truth, said = labelled.rule.folded(labelled.truth), labelled.rule.folded(reading.text)
    return Outcome(labelled, reading, Levenshtein.distance(truth, said), len(truth))


def error_counts(
    outcomes: Iterable[Outcome], key: Callable[[Rule], str] = lambda rule: rule.language
) -> Mapping[str, ErrorCounts]:
    """Return a tally for each value of `key`, in order."""
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(key(outcome.labelled.rule), []).append(outcome)
    return {name: ErrorCounts.of(grouped[name]) for name in sorted(grouped)}


def line_of(crop: Pixels) -> LineCrop:
    """Return an H,W gray crop as a line that fills its page."""
    height, width = crop.shape
    return LineCrop(Box(0, 0, width, height), crop)


def _rules(table: Path) -> dict[str, Rule]:
    """Return the rule of each file; a folder without a meta table has none."""
    if not table.exists():
        return {}
    _, *rows = _rows(table)
    return {
        name: Rule(language, source, case == "ci", spaces == "strip")
        for name, language, source, case, spaces, *_ in rows
    }


def _rows(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]


def _line(path: Path) -> LineCrop:
    """Read a crop as the daemon would cut it from a page: gray."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path} is no image")
    return line_of(image.astype(np.uint8))
