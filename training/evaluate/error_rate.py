"""Reads labelled line crops with a recogniser and computes its character error rate.

Readings and labels are compared in NFKC with punctuation folded; case and spaces are ignored only
where the meta table says that the label lost them.
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
    from training.records import Sample

_FOLDS = {"‘’": "'", "“”": '"', "–—": "-", "。·•": ".", "、": ",", "【": "[", "】": "]"}
_FOLDS |= {"《": "<", "》": ">", "口": "□"}
_FOLD = str.maketrans({one: folded for many, folded in _FOLDS.items() for one in many})


@dataclass(frozen=True, slots=True)
class ComparisonRule:
    """How readings are compared with a label, from the meta table."""

    language: str = "?"
    source: str = "?"
    ignore_case: bool = False
    strip_spaces: bool = False

    def folded(self, text: str) -> str:
        """Return `text` in the form in which it is compared."""
        text = unicodedata.normalize("NFKC", text).translate(_FOLD)
        text = re.sub(r"\s+", "" if self.strip_spaces else " ", text).strip()
        return text.upper() if self.ignore_case else text


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line crop, its true text, and the rule that readings are compared by."""

    name: str
    line: LineCrop
    truth: str
    rule: ComparisonRule


@dataclass(frozen=True, slots=True)
class LineResult:
    """The reading of a line and its number of wrong characters; `length` is of the truth."""

    labelled: LabelledLine
    reading: RecognizedLine
    wrong: int
    length: int


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Lines and errors of one language or source; `length` is in characters of truth."""

    lines: int
    exact: int
    wrong: int
    length: int

    @classmethod
    def of(cls, results: Iterable[LineResult]) -> ErrorCounts:
        """Count the results."""
        results = list(results)
        exact = sum(result.wrong == 0 for result in results)
        wrong, length = sum(r.wrong for r in results), sum(r.length for r in results)
        return cls(len(results), exact, wrong, length)

    @property
    def cer(self) -> float:
        """Wrong characters per character of truth, counted over all lines together."""
        return self.wrong / max(1, self.length)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of an artifact; `speed` is in lines per CPU-second on one thread."""

    weights: Weights
    sha256: str
    precision: str
    results: tuple[LineResult, ...]
    speed: float


def evaluate(weights: Weights, lines: Sequence[LabelledLine]) -> Evaluation:
    """Read every line, on one thread of this process.

    Raises Misconfigured for weights that cannot be used.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    recognizer = Recognizer.load(weights)
    recognizer.read([labelled.line for labelled in lines[:16]])  # warm-up: kernels are compiled
    began = time.process_time()
    readings = recognizer.read([labelled.line for labelled in lines])
    seconds = time.process_time() - began
    results = tuple(map(_result, lines, readings))
    loaded = recognizer.artifact
    return Evaluation(weights, loaded.sha256, loaded.precision, results, len(lines) / seconds)


def weights_for(
    file: Path,
    beam: int = 1,
    precision: Literal["auto", "fp32"] = "auto",
    lexicon: Path | None = None,
) -> Weights:
    """Return the options to load `file` with; the backend follows from its suffix."""
    backend: Literal["onnxruntime", "torchscript"]
    backend = "onnxruntime" if file.suffix == ".onnx" else "torchscript"
    return Weights(file=file, backend=backend, beam=beam, precision=precision, lexicon=lexicon)


def write_predictions(results: Iterable[LineResult], path: Path) -> None:
    """Write the readings as file TAB text."""
    rows = (f"{result.labelled.name}\t{result.reading.text}\n" for result in results)
    path.write_text("".join(rows), "utf-8")


def labelled_lines(lines_dir: Path) -> list[LabelledLine]:
    """Return the crops that `lines_dir`/labels.tsv lists, with the rules of its meta.tsv if any.

    Raises FileNotFoundError for a crop that is missing and ValueError for one that is no image.
    """
    rules = _rules(lines_dir / "meta.tsv")
    return [
        LabelledLine(name, _line(lines_dir / name), text, rules.get(name, ComparisonRule()))
        for name, text, *_ in _rows(lines_dir / "labels.tsv")
    ]


def as_labelled_lines(samples: Iterable[Sample]) -> list[LabelledLine]:
    """Return synthetic samples as lines to evaluate on."""
    return [
        LabelledLine(f"{number}", line_of(s.crop), s.label, ComparisonRule(s.language, s.kind))
        for number, s in enumerate(samples)
    ]


def read_lines(recognizer: Recognizer, lines: Sequence[LabelledLine]) -> list[LineResult]:
    """Read every line and compare the readings with the labels."""
    readings = recognizer.read([labelled.line for labelled in lines])
    return [_result(labelled, reading) for labelled, reading in zip(lines, readings, strict=True)]


def _result(labelled: LabelledLine, reading: RecognizedLine) -> LineResult:
    truth, text = labelled.rule.folded(labelled.truth), labelled.rule.folded(reading.text)
    return LineResult(labelled, reading, Levenshtein.distance(truth, text), len(truth))


def error_counts(
    results: Iterable[LineResult], key: Callable[[ComparisonRule], str] = lambda rule: rule.language
) -> Mapping[str, ErrorCounts]:
    """Return the counts for each value of `key`, sorted."""
    grouped: dict[str, list[LineResult]] = {}
    for result in results:
        grouped.setdefault(key(result.labelled.rule), []).append(result)
    return {name: ErrorCounts.of(grouped[name]) for name in sorted(grouped)}


def line_of(crop: Pixels) -> LineCrop:
    """Return a line for an H,W gray crop; its box is the whole crop."""
    height, width = crop.shape
    return LineCrop(Box(0, 0, width, height), crop)


def _rules(table: Path) -> dict[str, ComparisonRule]:
    """Return the rule of each file; a folder without a meta table has none."""
    if not table.exists():
        return {}
    _, *rows = _rows(table)
    return {
        name: ComparisonRule(language, source, case == "ci", spaces == "strip")
        for name, language, source, case, spaces, *_ in rows
    }


def _rows(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]


def _line(path: Path) -> LineCrop:
    """Read a crop in gray, as the daemon crops lines from pages."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path} is not an image")
    return line_of(image.astype(np.uint8))
