"""Scores of pages: lines found against labelled boxes, text against the truth.

Text is folded as in `score_pages.py`, the scorer of the labelled pages (NFKC, straight quotes and
dashes, white space to one space), and CER and F1 are summed as there; `bench.pages --scorer` runs
that script on the same texts.
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
FOUND = 0.5  # least IoU of a found line
WITHIN = 0.7  # share of a box within another that it was merged into or split from
ROW = 1.75  # largest height of a found box, over that of a label, for both to be in one row


@dataclass
class ScoreTotals:
    """Sums of one reader over some pages; averages are computed from them."""

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
        """Add the sums of `other`."""
        for name in (f.name for f in dataclasses.fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def recall(self) -> float:
        """The share of labelled lines that were found."""
        return self.hit / max(1, self.labelled)

    @property
    def in_rows(self) -> float:
        """The share of labelled lines that were found, alone or joined with others of their row."""
        return (self.hit + self.joined) / max(1, self.labelled)

    @property
    def precision(self) -> float:
        """The share of found lines that are labelled."""
        return self.hit / max(1, self.found)

    @property
    def cer(self) -> float:
        """Character errors in reading order per character of truth."""
        return self.errors / max(1, self.characters)

    @property
    def f1(self) -> float:
        """F1 of words and single Chinese characters, in any order."""
        return 2 * self.tokens_right / max(1, self.tokens_true + self.tokens_read)

    @property
    def cpu(self) -> float:
        """CPU seconds per page."""
        return sum(self.seconds.values()) / max(1, self.pages)


def compare_lines(labels: Points, found: Points, totals: ScoreTotals) -> None:
    """Count lines found at IoU 0.5, one found box per label; boxes are N,4.

    A missed label is joined (70 % of it within a found box of one row: labels split lines at the
    cells of forms, and some at numbers), merged (the same, but with other rows) or split (70 % of
    each of two or more found boxes within it). Boxes are upright, so the boxes of slanted lines
    overlap their neighbours: there the text is a better measure than the boxes.
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
    """Return which rows of N,M overlaps are matched with a column, largest overlaps first."""
    matched, used = (np.zeros(count, bool) for count in overlaps.shape)
    rows, columns = np.nonzero(overlaps >= FOUND)
    for place in np.argsort(-overlaps[rows, columns], kind="stable"):
        row, column = rows[place], columns[place]
        if not matched[row] and not used[column]:
            matched[row] = used[column] = True
    return matched


def compare_text(truth: str, text: str, totals: ScoreTotals) -> None:
    """Count character errors in reading order and tokens in any order."""
    truth, text = folded(truth), folded(text)
    totals.errors, totals.characters = Levenshtein.distance(truth, text), len(truth)
    true, found = (Counter(TOKEN.findall(t.lower())) for t in (truth, text))
    totals.tokens_right = sum((true & found).values())
    totals.tokens_true, totals.tokens_read = sum(true.values()), sum(found.values())


def folded(text: str) -> str:
    """Return the text with NFKC, straight quotes and dashes, and single spaces."""
    text = unicodedata.normalize("NFKC", text).translate(SIMPLE)
    return re.sub(r"\s+", " ", text).strip()


def language(truth: str) -> str:
    """Return zh where more than a tenth of the characters are Chinese, else en."""
    truth = folded(truth)
    return "zh" if len(CJK.findall(truth)) > 0.1 * max(1, len(truth)) else "en"
