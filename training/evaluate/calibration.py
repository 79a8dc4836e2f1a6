"""Is a confidence of 0.9 right nine times of ten: how sure a recogniser says it is, and should be.

A hit is a character of a reading: its confidence, and whether it is right. What a reading leaves
out has no confidence and is in no hit; the error rate counts it, calibration cannot.
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

    from training.evaluate.evaluate import Outcome, Rule

    Hit = tuple[float, bool]

BINS = 15
_SUREST = 1 - 1e-6  # a wrong character that is surer costs no more: one must not decide all
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """The hits with a confidence above `low` up to `high`: their number, mean and share right.

    Without hits, `confidence` and `right` are 0.
    """

    low: float
    high: float
    characters: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidences can be trusted: those of characters, and those of whole lines.

    `error` is the expected calibration error over `bins`, `likelihood` the mean negative log
    likelihood, `area` that under the curve of line confidence for exact lines (None when all lines
    are exact or none is).
    """

    error: float
    likelihood: float
    bins: tuple[Bin, ...]
    area: float | None

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Calibration:
        """Calibrate what was read."""
        hits = [hit for outcome in outcomes for hit in character_hits(outcome)]
        lines = [(outcome.reading.confidence, outcome.wrong == 0) for outcome in outcomes]
        found = tuple(reliability(hits))
        error, likelihood = expected_calibration_error(hits), negative_log_likelihood(hits)
        return cls(error, likelihood, found, area_under_curve(lines))


def character_hits(outcome: Outcome) -> list[Hit]:
    """Return the hits of one line: those characters that an alignment with the truth keeps.

    The alignment is one of the shortest (there may be others) between both texts as the line's
    rule folds them. A character that folds into several is right when all of them are; one that
    folds into nothing, a space that does not count, is no hit.
    """
    rule, reading = outcome.labelled.rule, outcome.reading
    folded = _folded([character.text for character in reading.characters], rule)
    said = "".join(text for text, _ in folded)
    edits = Levenshtein.editops(said, rule.folded(outcome.labelled.truth))
    edited = {folded[edit.src_pos][1] for edit in edits if edit.tag != "insert"}
    counted = dict.fromkeys(place for _, place in folded)
    return [(reading.characters[place].confidence, place not in edited) for place in counted]


def _folded(characters: Sequence[str], rule: Rule) -> list[tuple[str, int]]:
    """Return what `rule` makes of the text, one by one, each with the place that it comes from.

    Characters that NFKC would compose with their neighbour stay apart: no class is such a mark.
    """
    folded: list[tuple[str, int]] = []
    for place, character in enumerate(characters):
        # between digits, that compose with nothing, a space is neither leading nor trailing
        for text in rule.folded(f"0{character}0")[1:-1]:
            if text != " " or (folded and folded[-1][0] != " "):
                folded.append((text, place))
    return folded[:-1] if folded and folded[-1][0] == " " else folded


def reliability(hits: Sequence[Hit], bins: int = BINS) -> list[Bin]:
    """Return the hits in `bins` bins of equal width between 0 and 1, the empty ones too."""
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
    """Return how far the share of right ones is from the mean confidence, bin by bin, 0..1.

    Each bin counts by its hits; the bins are of equal width (Naeini, Cooper, Hauskrecht 2015,
    with the 15 bins of Guo, Pleiss, Sun, Weinberger 2017). 0 for no hits.
    """
    found = reliability(hits, bins)
    gaps = (each.characters * abs(each.right - each.confidence) for each in found)
    return sum(gaps) / max(1, len(hits))


def negative_log_likelihood(hits: Sequence[Hit]) -> float:
    """Return the mean surprise, in nats, at which characters were right; 0 for no hits."""
    confidences, right = _columns(hits)
    sure = np.clip(confidences, 1 - _SUREST, _SUREST)
    surprises = -np.log(np.where(right > 0, sure, 1 - sure))
    return float(surprises.sum()) / max(1, len(hits))


def area_under_curve(scored: Iterable[Hit]) -> float | None:
    """Return how often a right one is surer than a wrong one, equals counted half (Mann, Whitney).

    None without a right or without a wrong one.
    """
    confidences, right = _columns(list(scored))
    good, bad = confidences[right > 0], np.sort(confidences[right == 0])
    if not len(good) or not len(bad):
        return None
    below = np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")
    return float(below.mean() / 2 / len(bad))


def fit_temperature(
    evaluate_at: Callable[[float], Sequence[Outcome]],
    low: float = 0.25,
    high: float = 4.0,
    probes: int = 12,
) -> float:
    """Return the temperature at which characters' confidences are the most likely (Guo 2017).

    `evaluate_at` says what is read of held-out lines, the network's scores divided by the
    temperature it gets; it is asked `probes` + 1 times. A golden-section search over the logarithm,
    for one minimum between `low` and `high`: 12 probes of the default range find it to 1 %.
    """

    def surprise(exponent: float) -> float:
        outcomes = evaluate_at(math.exp(exponent))
        return negative_log_likelihood([h for o in outcomes for h in character_hits(o)])

    left, right = math.log(low), math.log(high)
    inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    at_inner, at_outer = surprise(inner), surprise(outer)
    for _ in range(probes - 1):
        if at_inner < at_outer:
            right, outer, at_outer = outer, inner, at_inner
            inner = right - _GOLDEN * (right - left)
            at_inner = surprise(inner)
        else:
            left, inner, at_inner = inner, outer, at_outer
            outer = left + _GOLDEN * (right - left)
            at_outer = surprise(outer)
    return math.exp((left + right) / 2)


def _columns(hits: Sequence[Hit]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return confidences and 1 for right, 0 for wrong, as float64 each."""
    table = np.array(hits, np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
