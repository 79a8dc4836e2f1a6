"""Writes the model card: files, training data and figures of a release, as Markdown."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from training.data import sources
from training.data.phrases.mixture import DRILLS, LANGUAGES, MIXTURE
from training.evaluate.error_rate import (
    ErrorCounts,
    error_counts,
    evaluate,
    labelled_lines,
    weights_for,
)
from training.evaluate.report import ALL, EvaluationReport
from training.synth import augment
from training.train import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from training.evaluate.error_rate import LabelledLine, LineResult
    from training.release.spec import ReleaseResult, ReleaseSpec


def write(spec: ReleaseSpec, result: ReleaseResult, measured_on: Sequence[Path]) -> Path:
    """Write `<name>.md` beside the artifacts, with the curve of the first run; return its path."""
    card = spec.into / f"{spec.name}.md"
    history.plot(spec.runs[0] / "history.jsonl", spec.into / f"{spec.name}-curve.png")
    rows = [
        f"# {spec.name}: figures",
        "",
        "Written by `python -m training export`; README.md explains the report.",
        "",
        *_files(result.files),
        "",
        *_training(spec, result),
        "",
        *_data(spec.supplies / "fonts"),
    ]
    for lines_dir in measured_on:
        rows += ["", *_measured(labelled_lines(lines_dir), lines_dir.name, result.files)]
    rows += ["", *_drawn_lines(result)]
    card.write_text("\n".join(rows) + "\n", "utf-8")
    return card


def _files(files: Sequence[Path]) -> Iterator[str]:
    yield "| file | MB | sha256 |"
    yield "|---|---|---|"
    for path in files:
        content = path.read_bytes()
        yield f"| `{path.name}` | {len(content) / 1e6:.2f} | `{sha256(content).hexdigest()}` |"


def _training(spec: ReleaseSpec, result: ReleaseResult) -> Iterator[str]:
    yield f"- Start: `{spec.start.name}`, {spec.share:.0%} of it blended into the result."
    for run in spec.runs:
        last = history.rows(run / "history.jsonl")[-1]
        yield (
            f"- Run `{run.name}`: {last['lines']} lines in {last['steps']} steps and "
            f"{last['minutes']:.0f} minutes on {last['hardware']}, loss {last['loss']}; "
            f"its {spec.checkpoint} checkpoint was taken."
        )
    yield f"- Temperature of the confidences, fitted on drawn lines: {result.temperature:.3f}."
    for precision, loss in result.losses.items():
        yield f"- CER lost by {precision} on the drawn lines: {100 * loss:.3f} points."
    yield f"- ![The first run's curve]({spec.name}-curve.png)"


def _data(fonts: Path) -> Iterator[str]:
    """Yield the data that lines are drawn from now: texts, faces, damage."""
    yield "## Training data at the end of the run"
    yield ""
    yield "| script | lines % | kinds of line, % |"
    yield "|---|---|---|"
    for language, share in LANGUAGES.items():
        kinds = MIXTURE[language]
        listed = ", ".join(
            f"{kind} {100 * n / sum(kinds.values()):.0f}" for kind, n in kinds.items()
        )
        yield f"| {language} | {100 * share / sum(LANGUAGES.values()):.0f} | {listed} |"
    yield ""
    yield "Faces (packages in `training/data/sources.yaml`); held-out ones are never trained on:"
    yield ""
    faces = sources.faces(fonts)
    for script in dict.fromkeys(script for face in faces for script in face.scripts):
        mine = [face for face in faces if script in face.scripts]
        styles = Counter(face.styles[0] if face.styles else "other" for face in mine)
        listed = ", ".join(f"{style} {n}" for style, n in styles.most_common())
        yield f"- {script}: {len(mine)}, {sum(face.heldout for face in mine)} held out; {listed}."
    yield ""
    yield "Damage, and its share of harsh Latin, harsh Chinese and mild lines, %:"
    yield ""
    for damage, shares in augment.DAMAGES.items():
        described = (damage.__doc__ or "").split("\n")[0].rstrip(".")
        yield f"- {damage.__name__} ({described}): " + ", ".join(f"{100 * s:.0f}" for s in shares)


def _measured(lines: Sequence[LabelledLine], name: str, files: Sequence[Path]) -> Iterator[str]:
    """Yield the figures on labelled crops for each file, for the first in detail."""
    report = EvaluationReport.of(evaluate(weights_for(files[0]), lines))
    precision = report.evaluation.precision
    yield f"## {len(lines)} lines of `{name}`, by `{files[0].name}` in {precision}"
    yield ""
    yield "| language | source | lines | CER % | exact % |"
    yield "|---|---|---|---|---|"
    for language, by_source in report.error_counts.items():
        for source, counts in by_source.items():
            yield _row(language, "all" if source == ALL else source, counts)
    yield ""
    yield f"Expected calibration error of characters: {report.calibration.error:.4f}."
    for path in files[1:]:
        errors = error_counts(evaluate(weights_for(path), lines).results)
        listed = ", ".join(f"{k} {100 * counts.cer:.2f} %" for k, counts in errors.items())
        yield f"CER by `{path.name}`: {listed}."


def _drawn_lines(result: ReleaseResult) -> Iterator[str]:
    """Yield the figures on drawn lines by script, for lines as in documents and for drills."""
    results = evaluate(weights_for(result.files[0]), result.heldout).results
    yield f"## {len(results)} drawn lines, of held-out faces and texts"
    yield ""
    yield f"Drills are rare characters in random order ({', '.join(DRILLS)}), as in no document."
    yield ""
    yield "| script | kinds | lines | CER % | exact % |"
    yield "|---|---|---|---|---|"
    for language in error_counts(results):
        mine = [one for one in results if one.labelled.rule.language == language]
        for name, is_drill in (("of documents", False), ("drills", True)):
            chosen = [one for one in mine if _is_drill(one) is is_drill]
            if chosen:
                yield _row(language, name, ErrorCounts.of(chosen))


def _is_drill(result: LineResult) -> bool:
    return result.labelled.rule.source in DRILLS


def _row(language: str, source: str, counts: ErrorCounts) -> str:
    error, exact = 100 * counts.cer, 100 * counts.exact / counts.lines
    return f"| {language} | {source} | {counts.lines} | {error:.2f} | {exact:.1f} |"
