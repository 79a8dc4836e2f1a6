"""The card that a person reads: what the weights are, how they came to be, how good they are."""

from __future__ import annotations

import platform
from hashlib import sha256
from typing import TYPE_CHECKING

from daemon.training import history
from daemon.training.evaluate import evaluate, labelled_lines, weights_in
from daemon.training.figures import ALL, Figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from daemon.training.shipping import Order


def write(
    order: Order,
    files: Sequence[Path],
    temperature: float,
    losses: Mapping[str, float],
    measured_on: Sequence[Path],
) -> Path:
    """Write `<name>.md` beside the artifacts, with the curve of the first run; return its path."""
    card = order.into / f"{order.name}.md"
    history.plot(order.runs[0] / "history.jsonl", order.into / f"{order.name}-curve.png")
    rows = [
        f"# {order.name}: figures",
        "",
        "Written by `ocr-daemon train export`; README.md beside it says what they mean.",
        "",
        *_files(files),
        "",
        *_making(order, temperature, losses),
    ]
    for lines_dir in measured_on:
        rows += ["", *_measured(lines_dir, files)]
    card.write_text("\n".join(rows) + "\n", "utf-8")
    return card


def _files(files: Sequence[Path]) -> Iterator[str]:
    yield "| file | MB | sha256 |"
    yield "|---|---|---|"
    for path in files:
        content = path.read_bytes()
        yield f"| `{path.name}` | {len(content) / 1e6:.2f} | `{sha256(content).hexdigest()}` |"


def _making(order: Order, temperature: float, losses: Mapping[str, float]) -> Iterator[str]:
    yield f"- Start: `{order.start.name}`, {order.share:.0%} of it blended into the result."
    for run in order.runs:
        last = history.rows(run / "history.jsonl")[-1]
        yield (
            f"- Run `{run.name}`: {last['lines']} lines in {last['steps']} steps and "
            f"{last['minutes']:.0f} minutes on {platform.machine()}, loss {last['loss']}."
        )
    yield f"- Temperature of the confidences, fitted on held-out drawn lines: {temperature:.3f}."
    for precision, loss in losses.items():
        yield f"- CER lost by {precision} on held-out drawn lines: {100 * loss:.3f} points."
    yield f"- ![The first run's curve]({order.name}-curve.png)"


def _measured(lines_dir: Path, files: Sequence[Path]) -> Iterator[str]:
    """Yield the figures on the labelled crops of `lines_dir`, read by the first of the files."""
    lines = labelled_lines(lines_dir)
    figures = Figures.of(evaluate(weights_in(files[0]), lines))
    yield f"## {len(lines)} lines of `{lines_dir.name}`, by `{files[0].name}`"
    yield ""
    yield "| language | source | lines | CER % | exact % |"
    yield "|---|---|---|---|---|"
    for language, sources in figures.tallies.items():
        for source, tally in sources.items():
            named = "all" if source == ALL else source
            error, exact = 100 * tally.cer, 100 * tally.exact / tally.lines
            yield f"| {language} | {named} | {tally.lines} | {error:.2f} | {exact:.1f} |"
    yield ""
    yield f"Expected calibration error of characters: {figures.calibration.error:.4f}."
    changed = {
        path.name: Figures.of(evaluate(weights_in(path), lines)).tallies for path in files[1:]
    }
    for name, tallies in changed.items():
        errors = ", ".join(f"{k} {100 * v[ALL].cer:.2f} %" for k, v in tallies.items())
        yield f"The same by `{name}`: {errors}."
