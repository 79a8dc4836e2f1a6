"""The figures of an evaluation, as rows of text and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training.evaluate.calibration import BINS, Calibration
from training.evaluate.error_rate import ErrorCounts, error_counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from training.evaluate.comparison import Difference
    from training.evaluate.error_rate import Evaluation

ALL = "ALL"


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The figures of one artifact: error counts by language, for `ALL` lines and by source."""

    evaluation: Evaluation
    error_counts: Mapping[str, Mapping[str, ErrorCounts]]
    calibration: Calibration

    @classmethod
    def of(cls, evaluation: Evaluation) -> EvaluationReport:
        """Compute the figures of an evaluation."""
        grouped = {
            language: {ALL: total}
            | dict(
                error_counts(
                    (r for r in evaluation.results if r.labelled.rule.language == language),
                    lambda rule: rule.source,
                )
            )
            for language, total in error_counts(evaluation.results).items()
        }
        return cls(evaluation, grouped, Calibration.of(evaluation.results))


def to_json(reports: Sequence[EvaluationReport], differences: Mapping[str, Difference]) -> str:
    """Return the figures as JSON: `evaluated`, and `against` and `differences` when compared.

    Rates and shares are 0..1; CER is wrong characters per character of truth.
    """
    content = dict(zip(("evaluated", "against"), map(_plain, reports), strict=False))
    if differences:
        content["differences"] = {name: asdict(found) for name, found in differences.items()}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _plain(report: EvaluationReport) -> dict[str, Any]:
    weights, calibration = report.evaluation.weights, report.calibration
    return {
        "file": weights.file.name,
        "sha256": report.evaluation.sha256,
        "backend": weights.backend,
        "precision": report.evaluation.precision,
        "languages": {
            language: {source: _plain_counts(counts) for source, counts in sources.items()}
            for language, sources in report.error_counts.items()
        },
        "calibration": {
            "expected_calibration_error": calibration.error,
            "binning": f"{BINS} of equal width",
            "negative_log_likelihood": calibration.nll,
            "reliability": [asdict(found) for found in calibration.bins if found.characters],
            "line_area_under_curve": calibration.area,
        },
        "lines_per_cpu_second": report.evaluation.speed,
    }


def _plain_counts(counts: ErrorCounts) -> dict[str, float]:
    shares = {"cer": counts.cer, "exact": counts.exact / counts.lines}
    return {"lines": counts.lines, "characters": counts.length, **shares}


def rows(reports: Sequence[EvaluationReport]) -> Iterator[str]:
    """Yield the figures of artifacts that read the same lines, side by side."""
    for each in reports:
        weights, precision = each.evaluation.weights, each.evaluation.precision
        yield f"{weights.file}: {weights.backend} {precision}, beam {weights.beam}"
    yield f"{'':8} {'':16} {'lines':>6}" + f" {'CER %':>8} {'exact %':>8}" * len(reports)
    for language, sources in reports[0].error_counts.items():
        for source, counts in sources.items():
            beside = [each.error_counts[language][source] for each in reports]
            cells = (f" {100 * t.cer:8.2f} {100 * t.exact / t.lines:8.1f}" for t in beside)
            yield f"{language:8} {source:16} {counts.lines:6}" + "".join(cells)
    yield from _calibration_rows([each.calibration for each in reports])
    speeds = (f" {each.evaluation.speed:17.1f}" for each in reports)
    yield f"{'lines per CPU-second':32}" + "".join(speeds)


def _calibration_rows(found: Sequence[Calibration]) -> Iterator[str]:
    errors = (f" {each.error:17.4f}" for each in found)
    yield f"{'calibration error of characters':32}" + "".join(errors)
    yield f"{f'  in {BINS} bins of equal width':32}" + f" {'number':>8} {'right %':>8}" * len(found)
    for beside in zip(*(each.bins for each in found), strict=True):
        if any(each.characters for each in beside):
            place = f"  {beside[0].low:.2f} to {beside[0].high:.2f}"
            yield f"{place:32}" + "".join(
                f" {each.characters:8} {100 * each.right:8.1f}" for each in beside
            )
    areas = (f" {'-' if each.area is None else f'{each.area:.3f}':>17}" for each in found)
    yield f"{'area under curve of exact lines':32}" + "".join(areas)


def comparison_rows(differences: Mapping[str, Difference]) -> Iterator[str]:
    """Yield the error rate of the first artifact minus that of the second, in percentage points."""
    yield "CER of the first less CER of the second, with its 95 % interval"
    for language, found in differences.items():
        bounds = f"{100 * found.low:+.2f} .. {100 * found.high:+.2f}"
        changed = f"{100 * found.changed:.1f} % of lines changed"
        yield f"{language:8} {100 * found.cer:+.2f} ({bounds}), {changed}"
