"""Calibration of confidences: is a character with a confidence of 0.9 right nine times of ten?

A hit is a character of a reading: its confidence, and whether it is right. Characters missing from
a reading have no confidence and are no hits; the error rate counts them, calibration cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Levenshtein

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from training.evaluate.error_rate import ComparisonRule, LineResult

    Hit = tuple[float, bool]

BINS = 15
_MAX_CONFIDENCE = 1 - 1e-6  # bounds the cost of one confident wrong character
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """The hits with a confidence above `low` up to `high`: number, mean confidence, share right.

    Without hits, `confidence` and `right` are 0.
    """

    low: float
    high: float
    characters: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How reliable the confidences of characters and of lines are.

    `error` is the expected calibration error over `bins`, `nll` the mean negative log likelihood,
    `area` the area under the ROC curve of line confidence for exact lines (None when all lines or
    none are exact).
    """

    error: float
    nll: float
    bins: tuple[Bin, ...]
    area: float | None

    @classmethod
    def of(cls, results: Sequence[LineResult]) -> Calibration:
        """Compute the calibration of results."""
        hits = [hit for result in results for hit in character_hits(result)]
        lines = [(result.reading.confidence, result.wrong == 0) for result in results]
        found = tuple(reliability(hits))
        error, nll = expected_calibration_error(hits), negative_log_likelihood(hits)
        return cls(error, nll, found, area_under_curve(lines))


def character_hits(result: LineResult) -> list[Hit]:
    """Return the hits of one line, from an alignment of the reading with the truth.

    The alignment is one of the shortest (there may be others) between both texts, folded by the
    rule of the line. A character that folds into several is right when all of them are; one that
    folds into nothing (a space that does not count) is no hit.
    """
    rule, reading = result.labelled.rule, result.reading
    folded = _folded([character.text for character in reading.characters], rule)
    text = "".join(text for text, _ in folded)
    edits = Levenshtein.editops(text, rule.folded(result.labelled.truth))
    edited = {folded[edit.src_pos][1] for edit in edits if edit.tag != "insert"}
    counted = dict.fromkeys(place for _, place in folded)
    return [(reading.characters[place].confidence, place not in edited) for place in counted]


def _folded(characters: Sequence[str], rule: ComparisonRule) -> list[tuple[str, int]]:
    """Return the folded characters, each with the index of the character that it comes from.

    Characters are folded one by one: NFKC composes none of our classes with its neighbour.
    """
    folded: list[tuple[str, int]] = []
    for place, character in enumerate(characters):
        # between digits, which compose with nothing, a space is neither leading nor trailing
        for text in rule.folded(f"0{character}0")[1:-1]:
            if text != " " or (folded and folded[-1][0] != " "):
                folded.append((text, place))
    return folded[:-1] if folded and folded[-1][0] == " " else folded


def reliability(hits: Sequence[Hit], bins: int = BINS) -> list[Bin]:
    """Return the hits in `bins` bins of equal width between 0 and 1, including empty ones."""
    confidences, right = _columns(hits)
    places = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    many = np.maximum(counts, 1)
    means = np.bincount(places, confidences, bins) / many
    shares = np.bincount(places, right, bins) / many
    return [
        Bin(place / bins, (place + 1) / bins, int(count), float(mean), float(share))
        for place, (count, mean, share) in enumerate(zip(counts, means, shares, strict=True))
    ]


def expected_calibration_error(hits: Sequence[Hit], bins: int = BINS) -> float:
    """Return the mean distance between confidence and share of right characters per bin, 0..1.

    Bins are weighted by their hits; they are of equal width (Naeini, Cooper, Hauskrecht 2015,
    with the 15 bins of Guo, Pleiss, Sun, Weinberger 2017). 0 for no hits.
    """
    found = reliability(hits, bins)
    gaps = (each.characters * abs(each.right - each.confidence) for each in found)
    return sum(gaps) / max(1, len(hits))


def negative_log_likelihood(hits: Sequence[Hit]) -> float:
    """Return the mean negative log likelihood of the outcomes, in nats; 0 without hits."""
    confidences, right = _columns(hits)
    confidence = np.clip(confidences, 1 - _MAX_CONFIDENCE, _MAX_CONFIDENCE)
    nlls = -np.log(np.where(right > 0, confidence, 1 - confidence))
    return float(nlls.sum()) / max(1, len(hits))


def area_under_curve(scored: Iterable[Hit]) -> float | None:
    """Return how often a right hit has more confidence than a wrong one (Mann, Whitney).

    Equal confidences count half. None without a right or without a wrong hit.
    """
    confidences, right = _columns(list(scored))
    good, bad = confidences[right > 0], np.sort(confidences[right == 0])
    if not len(good) or not len(bad):
        return None
    below = np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")
    return float(below.mean() / 2 / len(bad))


def fit_temperature(
    evaluate_at: Callable[[float], Sequence[LineResult]],
    low: float = 0.25,
    high: float = 4.0,
    probes: int = 12,
) -> float:
    """Return the temperature that minimises the negative log likelihood of characters (Guo 2017).

    `evaluate_at` returns the readings of held-out lines with the scores of the network divided by
    its argument; it is called `probes` + 1 times. A golden-section search over the logarithm, for
    one minimum between `low` and `high`: 12 probes of the default range find it to 1 %.
    """

    def nll(exponent: float) -> float:
        results = evaluate_at(math.exp(exponent))
        return negative_log_likelihood([h for r in results for h in character_hits(r)])

    left, right = math.log(low), math.log(high)
    inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    at_inner, at_outer = nll(inner), nll(outer)
    for _ in range(probes - 1):
        if at_inner < at_outer:
            right, outer, at_outer = outer, inner, at_inner
            inner = right - _GOLDEN * (right - left)
            at_inner = nll(inner)
        else:
            left, inner, at_inner = inner, outer, at_outer
            outer = left + _GOLDEN * (right - left)
            at_outer = nll(outer)
    return math.exp((left + right) / 2)


def _columns(hits: Sequence[Hit]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the confidences, and 1 for right or 0 for wrong, as float64."""
    table = np.array(hits, np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
