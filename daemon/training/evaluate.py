"""How far off is a recogniser: its readings of labelled line crops, and their error rate.

The rules are those that line readings are scored by: both sides in NFKC with punctuation folded;
case is ignored and spaces are dropped only where the meta table says that the label lost them.
"""

from __future__ import annotations

import csv
import re
import time
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from daemon.ocr.recognizer import Recognizer
from daemon.records import Box, Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from daemon.recipe import Weights

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


@dataclass(slots=True)
class Tally:
    """What was read of one language or source."""

    lines: int = 0
    exact: int = 0
    wrong: int = 0
    length: int = 0

    def add(self, truth: str, said: str) -> None:
        """Count one line."""
        distance = Levenshtein.distance(truth, said)
        self.lines += 1
        self.exact += distance == 0
        self.wrong += distance
        self.length += len(truth)


def evaluate(lines_dir: Path, weights: Weights, predictions: Path) -> Iterator[str]:
    """Read every crop of `lines_dir`/labels.tsv, write `predictions`, yield a report line by line.

    One thread. Crops that are missing raise FileNotFoundError; weights that cannot be used raise
    Misconfigured.
    """
    labels = {name: text for name, text, *_ in _rows(lines_dir / "labels.tsv")}
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    recognizer = Recognizer.load(weights)
    lines = [_line(lines_dir / name) for name in labels]
    recognizer.read(lines[:16])  # the first batches pay for compilation
    began = time.process_time()
    texts = [reading.text for reading in recognizer.read(lines)]
    seconds = time.process_time() - began
    said = dict(zip(labels, texts, strict=True))
    predictions.write_text("".join(f"{name}\t{text}\n" for name, text in said.items()), "utf-8")
    yield from _report(labels, said, _rules(lines_dir / "meta.tsv"))
    yield f"{len(lines) / seconds:.1f} lines per CPU-second with {recognizer.weights.backend}"


def _report(
    labels: Mapping[str, str], said: Mapping[str, str], rules: Mapping[str, Rule]
) -> Iterator[str]:
    tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    for name, text in labels.items():
        rule = rules.get(name, Rule())
        for source in ("ALL", rule.source):
            tallies[rule.language, source].add(rule.folded(text), rule.folded(said[name]))
    for (language, source), tally in sorted(tallies.items()):
        error, exact = tally.wrong / max(1, tally.length), tally.exact / tally.lines
        yield f"{language:4s} {source:16s} lines {tally.lines:5d} cer {error:.4f} exact {exact:.3f}"


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


def _line(path: Path) -> Line:
    """Read a crop as the daemon would cut it from a page: gray."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path} is no image")
    height, width = image.shape
    return Line(Box(0, 0, width, height), image.astype(np.uint8))
