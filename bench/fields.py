"""Benchmark of fields: precision and recall on drawn forms, and on labelled receipts.

    python -m bench.fields [--pages 200] [--receipts PAGES_DIR LABELS.json] [--out DIR]

Invoices and forms in English and Chinese (bench/drawn_forms.py) are read with `ocr-daemon once`, by
a profile of each kind; a value is right if it is that of the drawing, spaces apart. Precision is
the share of right values among all that were found (a value where the page has none is wrong),
recall the share of right values among those that the pages have. The table has a row for each
kind, layout and field, and each wrong value with its cause: `read` where the text of the page does
not contain what was drawn, `found` otherwise.

LABELS.json has, for each file of PAGES_DIR that is read, the total and the date as they are printed
(`{"a.jpg": {"total": "60.30", "date": "19/10/2018"}}`).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import drawn_forms
from daemon.ocr.fields import values
from daemon.ocr.fields.folding import fold

# forms of the words on receipts, the one that is paid first
RECEIPT_RULES = {
    "total": {
        "type": "amount", "pick": "last", "place": "right",
        "label": [
            "Total rounded", "Rounded total", "Total after rounding", "Final total", "Grand total",
            "Total payable", "Amount payable", "Total due", "Amount due", "Nett total", "Net total",
            "Total incl*", "Total inc*", "Total amount*", "Total amt", "Total sales*", "Total",
            "Subtotal",
        ],
    },
    "date": "date",
}  # fmt: skip


@dataclass
class Score:
    """Counts of values: right ones, all that were found, all that should be."""

    right: int = 0
    found: int = 0
    expected: int = 0

    def add(self, value: str | None, truth: str | None) -> bool:
        """Count a value; return whether it is as it should be."""
        is_right = value is not None and truth is not None and plain(value) == plain(truth)
        self.right += is_right
        self.found += value is not None
        self.expected += truth is not None
        return is_right or value is truth is None

    @property
    def precision(self) -> float:
        """Right values among those found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Right values among those expected."""
        return self.right / self.expected if self.expected else 1.0


def plain(text: str) -> str:
    """Return a text without spaces, full-width forms as ASCII."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def read(
    folder: Path, out: Path, rules: Mapping[str, Mapping[str, object]], profile: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and sidecar of each file of a folder, read by a profile with these fields."""
    config = out.parent / "config.yaml"
    profiles = [
        {"name": name, "folders": [name], "fields": dict(each)} for name, each in rules.items()
    ]
    config.write_text(yaml.safe_dump({"profiles": profiles}, allow_unicode=True))
    command = [
        sys.executable, "-m", "daemon", "once", str(folder), "--out", str(out),
        "--profile", profile, "--config", str(config), "--quiet",
    ]  # fmt: skip
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    for sidecar in sorted(out.rglob("*.json")):
        content = json.loads(sidecar.read_text("utf-8"))
        yield content["source"]["name"], content


def score_drawn(count: int, folder: Path) -> dict[str, Score]:
    """Draw and read pages, print what is wrong, and return the scores by kind, layout and field."""
    scores: dict[str, Score] = {}
    for kind in drawn_forms.RULES:
        pages, out = folder / kind, folder / f"{kind}.out"
        pages.mkdir()
        forms = {f"{seed:04d}.jpg": drawn_forms.draw(kind, seed) for seed in range(count // 4)}
        for name, form in forms.items():
            (pages / name).write_bytes(form.image)
        for name, sidecar in read(pages, out, drawn_forms.RULES, kind):
            form = forms[name]
            found = {each["name"]: each for each in sidecar.get("fields", ())}
            for field, truth in form.truth.items():
                value = found[field]["value"] if field in found else None
                for group in ("all", kind, f"layout {form.layout}", f"{kind}.{field}"):
                    is_right = scores.setdefault(group, Score()).add(value, truth)
                if not is_right:
                    cause = "found" if truth is None or is_in(truth, sidecar["text"]) else "read"
                    reason = found.get(field, {}).get("reason", "")
                    where = f"{kind}/{name} ({form.layout}) {field}"
                    print(f"{where}: {value!r} {reason}, not {truth!r}: {cause}")
    return scores


def is_in(truth: str, text: str) -> bool:
    """Tell whether a text contains a value, as it is or as a date or an amount."""
    if plain(truth) in plain(text):
        return True
    folded = [fold(line) for line in text.splitlines()]
    kinds = ("date", "amount")
    return any(
        each.value == truth
        for line in folded
        for kind in kinds
        for each in values.find(kind, line, "dmy")
    )


def score_receipts(pages: Path, labels: Path, folder: Path) -> Counter[str]:
    """Read receipts, print what is wrong, and return how many of each field are right, and all."""
    truth = json.loads(labels.read_text("utf-8"))
    chosen = folder / "receipts"
    chosen.mkdir()
    for name in truth:
        (chosen / name).write_bytes((pages / name).read_bytes())
    counts: Counter[str] = Counter()
    rules = {"receipts": RECEIPT_RULES}
    for name, sidecar in read(chosen, folder / "receipts.out", rules, "receipts"):
        found = {each["name"]: each["value"] for each in sidecar.get("fields", ())}
        counts["receipts"] += 1
        for field, kind in (("total", "amount"), ("date", "date")):
            printed = truth[name][field]
            expected = values.find(kind, fold(printed), "dmy")[0].value  # type: ignore[arg-type]
            counts[field] += found.get(field) == expected
            counts[f"{field} found"] += found.get(field) is not None
            if found.get(field) != expected:
                print(f"{name} {field}: {found.get(field)!r}, not {expected!r} ({printed})")
    return counts


def report(scores: Mapping[str, Score]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'':28}{'values':>8}{'precision':>11}{'recall':>9}"
    for name in sorted(scores, key=lambda each: (each != "all", "." in each, each)):
        score = scores[name]
        yield f"{name:28}{score.expected:8}{score.precision:11.3f}{score.recall:9.3f}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--receipts", type=Path, nargs=2, metavar=("PAGES_DIR", "LABELS.json"))
    parser.add_argument("--out", type=Path, help="folder for pages and sidecars; must not exist")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(exist_ok=options.out is None, parents=True)
        if options.receipts:
            counts = score_receipts(*options.receipts, folder)
            for field in ("total", "date"):
                right, found = counts[field], counts[f"{field} found"]
                print(f"{field}: {right} right of {counts['receipts']}, {found} found")
        if options.pages:
            print("\n".join(report(score_drawn(options.pages, folder))))


if __name__ == "__main__":
    main()
