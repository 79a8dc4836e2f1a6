"""The card that a person reads: what the weights are, how they came to be, how good they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from training.data import sources
from training.data.phrases.mixture import DRILLS, LANGUAGES, MIXTURE
from training.evaluate.evaluate import (
    ErrorCounts,
    error_counts,
    evaluate,
    labelled_lines,
    weights_in,
)
from training.evaluate.figures import ALL, Figures
from training.synth import augment
from training.train import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from training.evaluate.evaluate import Labelled, Outcome
    from training.release.release import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What was written, and what was found on the way on `heldout`, drawn lines.

    `losses` is by how much each precision raises CER there.
    """

    files: Sequence[Path]
    temperature: float
    losses: Mapping[str, float]
    heldout: Sequence[Labelled]


def write(order: Order, shipped: Shipped, measured_on: Sequence[Path]) -> Path:
    """Write `<name>.md` beside the artifacts, with the curve of the first run; return its path."""
    card = order.into / f"{order.name}.md"
    history.plot(order.runs[0] / "history.jsonl", order.into / f"{order.name}-curve.png")
    rows = [
        f"# {order.name}: figures",
        "",
        "Written by `python -m training export`; README.md beside it says what they mean.",
        "",
        *_files(shipped.files),
        "",
        *_making(order, shipped),
        "",
        *_data(order.supplies / "fonts"),
    ]
    for lines_dir in measured_on:
        rows += ["", *_measured(labelled_lines(lines_dir), lines_dir.name, shipped.files)]
    rows += ["", *_drawn(shipped)]
    card.write_text("\n".join(rows) + "\n", "utf-8")
    return card


def _files(files: Sequence[Path]) -> Iterator[str]:
    yield "| file | MB | sha256 |"
    yield "|---|---|---|"
    for path in files:
        content = path.read_bytes()
        yield f"| `{path.name}` | {len(content) / 1e6:.2f} | `{sha256(content).hexdigest()}` |"


def _making(order: Order, shipped: Shipped) -> Iterator[str]:
    yield f"- Start: `{order.start.name}`, {order.share:.0%} of it blended into the result."
    for run in order.runs:
        last = history.rows(run / "history.jsonl")[-1]
        yield (
            f"- Run `{run.name}`: {last['lines']} lines in {last['steps']} steps and "
            f"{last['minutes']:.0f} minutes on {last['hardware']}, loss {last['loss']}; "
            f"its {order.checkpoint} checkpoint was taken."
        )
    yield f"- Temperature of the confidences, fitted on drawn lines: {shipped.temperature:.3f}."
    for precision, loss in shipped.losses.items():
        yield f"- CER lost by {precision} on the drawn lines: {100 * loss:.3f} points."
    yield f"- ![The first run's curve]({order.name}-curve.png)"


def _data(fonts: Path) -> Iterator[str]:
    """Yield what lines are drawn as now: texts, faces, damage."""
    yield "## Drawn from, when the run ended"
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
    yield "Faces (`training/data/sources.yaml` names their packages); held-out ones never train:"
    yield ""
    faces = sources.faces(fonts)
    for script in dict.fromkeys(script for face in faces for script in face.scripts):
        mine = [face for face in faces if script in face.scripts]
        styles = Counter(face.styles[0] if face.styles else "other" for face in mine)
        listed = ", ".join(f"{style} {n}" for style, n in styles.most_common())
        yield f"- {script}: {len(mine)}, {sum(face.heldout for face in mine)} held out; {listed}."
    yield ""
    yield "Damage, and the share of harsh Latin, harsh Chinese and mild lines that it befalls, %:"
    yield ""
    for befall, shares in augment.HARSH.items():
        described = (befall.__doc__ or "").split("\n")[0].rstrip(".")
        yield f"- {befall.__name__} ({described}): " + ", ".join(f"{100 * s:.0f}" for s in shares)


def _measured(lines: Sequence[Labelled], name: str, files: Sequence[Path]) -> Iterator[str]:
    """Yield the figures on labelled crops, read by each of the files, the first in detail."""
    figures = Figures.of(evaluate(weights_in(files[0]), lines))
    precision = figures.evaluation.precision
    yield f"## {len(lines)} lines of `{name}`, by `{files[0].name}` in {precision}"
    yield ""
    yield "| language | source | lines | CER % | exact % |"
    yield "|---|---|---|---|---|"
    for language, by_source in figures.error_counts.items():
        for source, counts in by_source.items():
            yield _row(language, "all" if source == ALL else source, counts)
    yield ""
    yield f"Expected calibration error of characters: {figures.calibration.error:.4f}."
    for path in files[1:]:
        errors = error_counts(evaluate(weights_in(path), lines).outcomes)
        listed = ", ".join(f"{k} {100 * counts.cer:.2f} %" for k, counts in errors.items())
        yield f"The same by `{path.name}`: {listed}."


def _drawn(shipped: Shipped) -> Iterator[str]:
    """Yield the figures on drawn lines by script: those that documents have, and drills."""
    outcomes = evaluate(weights_in(shipped.files[0]), shipped.heldout).outcomes
    yield f"## {len(outcomes)} drawn lines, in faces and of texts never trained on"
    yield ""
    yield f"Drills are rare and random characters ({', '.join(DRILLS)}), which no document has."
    yield ""
    yield "| script | kinds | lines | CER % | exact % |"
    yield "|---|---|---|---|---|"
    for language in error_counts(outcomes):
        mine = [one for one in outcomes if one.labelled.rule.language == language]
        for name, kept in (("of documents", [o for o in mine if not _drill(o)]),
                           ("drills", [o for o in mine if _drill(o)])):  # fmt: skip
            if kept:
                yield _row(language, name, ErrorCounts.of(kept))


def _drill(outcome: Outcome) -> bool:
    return outcome.labelled.rule.source in DRILLS


def _row(language: str, source: str, counts: ErrorCounts) -> str:
    error, exact = 100 * counts.cer, 100 * counts.exact / counts.lines
    return f"| {language} | {source} | {counts.lines} | {error:.2f} | {exact:.1f} |"
