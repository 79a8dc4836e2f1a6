"""How well a page was read: lines against labelled boxes, text against the truth.

Text is folded as by `score_pages.py`, the scorer of the labelled pages (NFKC, straight quotes and
dashes, white space to one space), and CER and F1 are summed up as there; `bench.pages --scorer`
lets that script print its own figures of the same texts beside these.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Levenshtein

if TYPE_CHECKING:
    from bench.damage import Points

CJK = re.compile(r"[㐀-鿿豈-﫿]")
TOKEN = re.compile(r"[㐀-鿿豈-﫿]|[^\W_]+")
SIMPLE = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
FOUND = 0.5  # IoU from which a line counts as found
WITHIN = 0.7  # share of a box that lies within another when it was merged into it or split off it
ROW = 1.75  # height of a found box over a label's up to which it is one row, not two


@dataclass
class ScoreTotals:
    """What one reader did on some pages; sums, so that totals_by_reader can be added."""

    pages: int = 0
    labelled: int = 0
    hit: int = 0
    found: int = 0
    joined: int = 0
    merged: int = 0
    split: int = 0
    errors: int = 0
    characters: int = 0
    tokens_right: int = 0
    tokens_true: int = 0
    tokens_read: int = 0
    seconds: Counter[str] = field(default_factory=Counter)

    def add(self, other: ScoreTotals) -> None:
        """Count what `other` counted."""
        for name in (f.name for f in dataclasses.fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def recall(self) -> float:
        """The share of labelled lines that were found."""
        return self.hit / max(1, self.labelled)

    @property
    def in_rows(self) -> float:
        """The share of labelled lines that were found, alone or joined with their neighbours."""
        return (self.hit + self.joined) / max(1, self.labelled)

    @property
    def precision(self) -> float:
        """The share of found lines that are labelled ones."""
        return self.hit / max(1, self.found)

    @property
    def cer(self) -> float:
        """Character errors in reading order, by true characters."""
        return self.errors / max(1, self.characters)

    @property
    def f1(self) -> float:
        """Of words and single Chinese characters, in any order."""
        return 2 * self.tokens_right / max(1, self.tokens_true + self.tokens_read)

    @property
    def cpu(self) -> float:
        """CPU seconds a page."""
        return sum(self.seconds.values()) / max(1, self.pages)


def compare_lines(labels: Points, found: Points, totals: ScoreTotals) -> None:
    """Count lines found at IoU 0.5, one found box to one label; boxes are N,4.

    A label that was missed is joined (70 % of it within a found box of one row: labels cut lines
    where forms have cells, and some where a number stands), merged (so, but with other rows) or
    split (70 % of each of two or more found boxes within it). Boxes are upright, so those of
    slanted lines overlap their neighbours': there the text tells more than the boxes.
    """
    totals.labelled, totals.found = len(labels), len(found)
    if not len(labels) or not len(found):
        return
    low = np.maximum(labels[:, None, :2], found[None, :, :2])
    high = np.minimum(labels[:, None, 2:], found[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area, found_area = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (labels, found))
    hit = _matched(shared / (area[:, None] + found_area - shared))
    totals.hit = int(hit.sum())
    heights, found_heights = labels[:, 3] - labels[:, 1], found[:, 3] - found[:, 1]
    within = ~hit[:, None] & (shared > WITHIN * area[:, None])
    joined = (within & (found_heights[None] <= ROW * heights[:, None])).any(axis=1)
    totals.joined, totals.merged = int(joined.sum()), int((within.any(axis=1) & ~joined).sum())
    totals.split = int((~hit & ((shared > WITHIN * found_area).sum(axis=1) >= 2)).sum())


def _matched(overlaps: Points) -> np.ndarray:
    """Return which rows of N,M overlaps get a column of their own, the largest overlaps first."""
    matched, taken = (np.zeros(count, bool) for count in overlaps.shape)
    rows, columns = np.nonzero(overlaps >= FOUND)
    for place in np.argsort(-overlaps[rows, columns], kind="stable"):
        row, column = rows[place], columns[place]
        if not matched[row] and not taken[column]:
            matched[row] = taken[column] = True
    return matched


def compare_text(truth: str, text: str, totals: ScoreTotals) -> None:
    """Count character errors in reading order and tokens in any order."""
    truth, text = folded(truth), folded(text)
    totals.errors, totals.characters = Levenshtein.distance(truth, text), len(truth)
    true, said = (Counter(TOKEN.findall(t.lower())) for t in (truth, text))
    totals.tokens_right = sum((true & said).values())
    totals.tokens_true, totals.tokens_read = sum(true.values()), sum(said.values())


def folded(text: str) -> str:
    """Return the text with NFKC, straight quotes and dashes, and single spaces."""
    text = unicodedata.normalize("NFKC", text).translate(SIMPLE)
    return re.sub(r"\s+", " ", text).strip()


def language(truth: str) -> str:
    """Return zh where more than a tenth of the characters are Chinese, else en."""
    truth = folded(truth)
    return "zh" if len(CJK.findall(truth)) > 0.1 * max(1, len(truth)) else "en"
