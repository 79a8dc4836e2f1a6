"""Scores of pages: lines found against labelled boxes, text against the truth.

Text is folded as in `score_pages.py`, the scorer of the labelled pages (NFKC, straight quotes and
dashes, white space to one space), and CER and F1 are summed as there; `bench.pages --scorer` runs
that script on the same texts. Pictures that are no tidy scans have other measures, those of
`score_wild.py`: whether each line of the truth is anywhere in the reading, how much was read that
is not in the truth, and the order.
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
FOLDED = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "、": ",", "。": ".", "‖": "|"}
)  # of pictures
GOOD = 0.1  # largest share of the characters that is lost of a picture read well
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
    good: int = 0
    wanted: int = 0
    lost: int = 0
    excess: int = 0
    displaced: int = 0
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
    def found_anywhere(self) -> float:
        """The share of the characters of the truth that were read, each line at its best place."""
        return 1 - self.lost / max(1, self.wanted)

    @property
    def read_in_excess(self) -> float:
        """The characters read that are not in the truth, per character of truth."""
        return self.excess / max(1, self.wanted)

    @property
    def in_order(self) -> float:
        """1 - CER in reading order, without white space; of no picture less than 0."""
        return 1 - self.displaced / max(1, self.wanted)

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


def compare_picture(truth: str, text: str, totals: ScoreTotals, *, is_partial: bool) -> None:
    """Count what a picture lost, what was read in excess, and errors in reading order.

    Excess is not counted where the truth is a part of the text only.
    """
    read = bare(text)
    lines = [line for line in map(bare, truth.splitlines()) if line]
    whole = "".join(lines)
    totals.wanted = len(whole)
    totals.lost = sum(min(best_fit(line, read), len(line)) for line in lines)
    totals.good = int(totals.lost <= GOOD * totals.wanted)
    totals.displaced = min(totals.wanted, Levenshtein.distance(whole, read))
    if not is_partial:
        totals.excess = sum((Counter(read) - Counter(whole)).values())


def best_fit(line: str, text: str) -> int:
    """Return the edit distance between `line` and the part of `text` that is nearest to it.

    Approximate string matching by dynamic programming, P. H. Sellers 1980, a row at a time.
    """
    letters = np.array([ord(letter) for letter in text], np.int64)
    places = np.arange(len(text) + 1)
    row = np.zeros(len(text) + 1, np.int64)  # the part may begin anywhere
    for letter in line:
        replaced = row[:-1] + (letters != ord(letter))
        row = row + 1
        row[1:] = np.minimum(row[1:], replaced)
        row = np.minimum.accumulate(row - places) + places  # insertions from the left
    return int(row.min())


def bare(text: str) -> str:
    """Return the text of a picture with NFKC, plain punctuation, and no white space."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).translate(FOLDED))


def folded(text: str) -> str:
    """Return the text with NFKC, straight quotes and dashes, and single spaces."""
    text = unicodedata.normalize("NFKC", text).translate(SIMPLE)
    return re.sub(r"\s+", " ", text).strip()


def language(truth: str) -> str:
    """Return zh where more than a tenth of the characters are Chinese, else en."""
    truth = folded(truth)
    return "zh" if len(CJK.findall(truth)) > 0.1 * max(1, len(truth)) else "en"
