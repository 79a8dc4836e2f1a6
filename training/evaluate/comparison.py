"""Compares two recognisers on the same lines by a paired bootstrap.

Lines are resampled with replacement, the same ones for both, and the difference in error rate is
computed for each resample (Bisani, Ney 2004; Koehn 2004). The interval holds for lines like these,
not for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.evaluate.error_rate import LineResult

RESAMPLES = 10_000
_SEED = 0
_DRAWN_AT_ONCE = 4_000_000  # lines; indices and gathered numbers take about 100 MB


@dataclass(frozen=True, slots=True)
class Difference:
    """The error rate of the first recogniser minus that of the second; below 0 the first is better.

    `low` and `high` bound the difference in 95 % of the resamples; `changed` is the share of lines
    with different texts.
    """

    lines: int
    cer: float
    low: float
    high: float
    changed: float


def difference(
    first: Sequence[LineResult], second: Sequence[LineResult], resamples: int = RESAMPLES
) -> Difference:
    """Compare two readings of the same lines; deterministic.

    Raises ValueError unless both are of the same lines, in the same order, and not empty.
    """
    if not first or [r.labelled.name for r in first] != [r.labelled.name for r in second]:
        raise ValueError("a comparison needs two readings of the same lines, at least one line")
    pairs = list(zip(first, second, strict=True))
    errors = np.array([one.wrong - other.wrong for one, other in pairs])
    lengths = np.array([one.length for one in first])
    rates = _resampled(errors, lengths, resamples)
    low, high = np.percentile(rates, (2.5, 97.5))
    changed = sum(one.reading.text != other.reading.text for one, other in pairs)
    cer = errors.sum() / max(1, lengths.sum())
    return Difference(len(pairs), float(cer), float(low), float(high), changed / len(pairs))


def differences(
    first: Sequence[LineResult], second: Sequence[LineResult]
) -> Mapping[str, Difference]:
    """Compare each language, sorted by name; raises ValueError as `difference` does."""
    languages = sorted({result.labelled.rule.language for result in (*first, *second)})
    return {
        language: difference(_of(first, language), _of(second, language)) for language in languages
    }


def _of(results: Sequence[LineResult], language: str) -> list[LineResult]:
    return [result for result in results if result.labelled.rule.language == language]


def _resampled(
    errors: NDArray[np.int64], lengths: NDArray[np.int64], resamples: int
) -> NDArray[np.float64]:
    """Return the difference in error rate of each resample; `errors` is the difference by line."""
    rng = np.random.default_rng(_SEED)
    rows = max(1, _DRAWN_AT_ONCE // len(errors))
    rates = []
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, len(errors), (min(rows, resamples - start), len(errors)))
        rates.append(errors[drawn].sum(1) / np.maximum(1, lengths[drawn].sum(1)))
    return np.concatenate(rates)
