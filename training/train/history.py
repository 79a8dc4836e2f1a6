"""The history of a run: JSON lines, one per interval, and a plot of them."""

from __future__ import annotations

import json
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append one interval to the history."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the intervals so far; empty if the file does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def plot(path: Path, picture: Path) -> None:
    """Plot the loss and the CER of held-out and real lines, by language, over the lines seen."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    record = rows(path)
    seen = [row["lines"] / 1000 for row in record]
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 8), dpi=110)
    above.plot(seen, [row["loss"] or nan for row in record], color="black")
    above.set(ylabel="loss per character")
    for kind, style in (("heldout", ":"), ("dev", "-")):
        for language in sorted({name for row in record for name in row.get(kind, {})}):
            errors = [100 * row.get(kind, {}).get(language, 0) or nan for row in record]
            below.plot(seen, errors, style, label=f"{language}, {kind}")
    below.set(xlabel="thousand lines", ylabel="CER %", yscale="log")
    below.legend()
    below.grid(visible=True, which="both", alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture)
    pyplot.close(figure)
