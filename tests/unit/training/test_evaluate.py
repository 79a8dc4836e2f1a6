"""What evaluation reports and writes, on drawn lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.support.repository import SHARED
from tests.support.running_daemon import SHIPPED, SHIPPED_ONNX
from training.commands import app

WEIGHTS = SHIPPED_ONNX.file


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Three lines that read well; the label of the second has lost case and space, the third's is
    wrong."""
    labels = {"one.png": "Total 42", "two.png": "NUMBER7", "three.png": "Total 43"}
    drawn = {"one.png": "Total 42", "two.png": "Number 7", "three.png": "Total 42"}
    for name, text in drawn.items():
        image = np.full((44, 24 + 19 * len(text)), 255, np.uint8)
        cv2.putText(image, text, (8, 32), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2, cv2.LINE_AA)
        cv2.imwrite(str(tmp_path / name), image)
    rows = "".join(f"{name}\t{text}\n" for name, text in labels.items())
    (tmp_path / "labels.tsv").write_text(rows)
    (tmp_path / "meta.tsv").write_text(
        "file\tlang\tsource\tcase\tspaces\n"
        "one.png\ten\tdrawn\tcs\tkeep\ntwo.png\ten\tdrawn\tci\tstrip\nthree.png\ten\tother\tcs\tkeep\n"
    )
    return tmp_path


def evaluate(lines: Path, *more: str | Path) -> list[str]:
    arguments = ["evaluate", str(lines), "--weights", str(WEIGHTS), *map(str, more)]
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output.splitlines()


def row(report: list[str], start: str) -> list[str]:
    """Return the cells of the one row that begins with the words of `start`."""
    (found,) = (line.split() for line in report if " ".join(line.split()).startswith(start))
    return found[len(start.split()) :]


def test_readings_are_written_as_file_and_text(lines: Path, tmp_path: Path):
    evaluate(lines, "--predictions", tmp_path / "said.tsv")

    assert (tmp_path / "said.tsv").read_text().splitlines() == [
        "one.png\tTotal 42",
        "two.png\tNumber 7",
        "three.png\tTotal 42",
    ]


def test_the_error_rate_follows_the_rules_of_each_line(lines: Path):
    report = evaluate(lines)

    assert row(report, "en ALL") == ["3", f"{100 / 23:.2f}", "66.7"]
    assert row(report, "en drawn") == ["2", "0.00", "100.0"]
    assert row(report, "en other") == ["1", "12.50", "0.0"]


def test_languages_are_counted_apart(lines: Path):
    table = (lines / "meta.tsv").read_text()
    (lines / "meta.tsv").write_text(table.replace("three.png\ten", "three.png\tzh-Hant"))

    report = evaluate(lines)

    assert row(report, "en ALL") == ["2", "0.00", "100.0"]
    assert row(report, "zh-Hant ALL") == ["1", "12.50", "0.0"]


def test_a_folder_without_rules_is_compared_as_it_is(lines: Path):
    (lines / "meta.tsv").unlink()

    assert row(evaluate(lines), "? ALL")[0] == "3"


def test_speed_is_told(lines: Path):
    (speed,) = row(evaluate(lines), "lines per CPU-second")

    assert float(speed) > 0


def test_every_character_of_the_readings_is_in_the_reliability_table(lines: Path):
    table = [line.split() for line in evaluate(lines) if line.startswith("  0.")]

    assert sum(int(cells[3]) for cells in table) == len("Total 42" + "Number7" + "Total 42")


def test_two_formats_of_the_same_weights_do_not_differ(lines: Path):
    report = evaluate(lines, "--against", SHIPPED.file, "--fp32")

    assert [line.split(": ")[1] for line in report[:2]] == [
        "onnxruntime fp32, beam 1",
        "torchscript fp32, beam 1",
    ]
    assert row(report, "en other") == ["1", "12.50", "0.0", "12.50", "0.0"]
    said = "en +0.00 (+0.00 .. +0.00), 0.0 % of lines changed"
    assert " ".join(report[-1].split()) == said


def test_figures_are_written_as_json(lines: Path, tmp_path: Path):
    evaluate(lines, "--against", SHIPPED.file, "--report", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())

    other = {"lines": 1, "characters": 8, "cer": 0.125, "exact": 0.0}
    assert figures["evaluated"]["languages"]["en"]["other"] == other
    assert figures["against"]["backend"] == "torchscript"
    assert figures["differences"]["en"]["lines"] == 3


def test_it_agrees_with_the_scorer_of_releases(lines: Path, tmp_path: Path):
    scorer = SHARED / "eval/score_lines.py"
    if not scorer.exists():
        pytest.skip("the scorer of releases is not here (../shared)")
    report = evaluate(lines, "--predictions", tmp_path / "said.tsv")

    command = [sys.executable, str(scorer), str(lines), str(tmp_path / "said.tsv")]
    scored = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    for language, source, _, count, _, cer, _, exact in map(
        str.split, scored.stdout.splitlines()[:-1]
    ):
        percents = [f"{100 * float(cer):.2f}", f"{100 * float(exact):.1f}"]
        assert row(report, f"{language} {source}") == [count, *percents]
