"""Is one recogniser better than another, or only luckier with these lines: a paired bootstrap.

Lines are drawn again with replacement, the same ones for both, and the difference in error rate is
taken anew (Bisani, Ney 2004; Koehn 2004). The interval holds for lines like these, not for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.evaluate.evaluate import Outcome

RESAMPLES = 10_000
_SEED = 0
_DRAWN_AT_ONCE = 4_000_000  # lines; of indices and gathered numbers: about 100 MB


@dataclass(frozen=True, slots=True)
class Difference:
    """What the first recogniser's error rate is above the second's; below 0 the first is better.

    `low` and `high` bound the difference in 95 % of the resamples; `changed` is the share of lines
    whose text is another.
    """

    lines: int
    cer: float
    low: float
    high: float
    changed: float


def difference(
    first: Sequence[Outcome], second: Sequence[Outcome], resamples: int = RESAMPLES
) -> Difference:
    """Compare two readings of the same lines; the same answer each time.

    Raises ValueError when they are not of the same lines in the same order, or of none.
    """
    if not first or [o.labelled.name for o in first] != [o.labelled.name for o in second]:
        raise ValueError("a comparison wants two readings of the same lines, and some lines")
    pairs = list(zip(first, second, strict=True))
    more = np.array([one.wrong - other.wrong for one, other in pairs])
    lengths = np.array([one.length for one in first])
    rates = _resampled(more, lengths, resamples)
    low, high = np.percentile(rates, (2.5, 97.5))
    changed = sum(one.reading.text != other.reading.text for one, other in pairs)
    cer = more.sum() / max(1, lengths.sum())
    return Difference(len(pairs), float(cer), float(low), float(high), changed / len(pairs))


def differences(first: Sequence[Outcome], second: Sequence[Outcome]) -> Mapping[str, Difference]:
    """Compare language by language, in order; raises ValueError as `difference` does."""
    languages = sorted({outcome.labelled.rule.language for outcome in (*first, *second)})
    return {
        language: difference(_of(first, language), _of(second, language)) for language in languages
    }


def _of(outcomes: Sequence[Outcome], language: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.labelled.rule.language == language]


def _resampled(
    more: NDArray[np.int64], lengths: NDArray[np.int64], resamples: int
) -> NDArray[np.float64]:
    """Return each resample's difference in error rate; `more` errors and `lengths` are by line."""
    chance = np.random.default_rng(_SEED)
    rows = max(1, _DRAWN_AT_ONCE // len(more))
    rates = []
    for start in range(0, resamples, rows):
        drawn = chance.integers(0, len(more), (min(rows, resamples - start), len(more)))
        rates.append(more[drawn].sum(1) / np.maximum(1, lengths[drawn].sum(1)))
    return np.concatenate(rates)
