"""What evaluation reports and writes, on drawn lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from daemon.training.commands import app

SHARED = Path(__file__).parents[2] / "../shared"
WEIGHTS = Path(__file__).parents[2] / "models/crnn-zh-en-1.onnx"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Two lines that read well; the second label has lost case and space, the third is wrong."""
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


def evaluate(lines: Path, predictions: Path) -> str:
    arguments = ["evaluate", str(lines), "--predictions", str(predictions)]
    outcome = CliRunner().invoke(app, [*arguments, "--weights", str(WEIGHTS)])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_readings_are_written_as_file_and_text(lines: Path, tmp_path: Path):
    evaluate(lines, tmp_path / "said.tsv")

    assert (tmp_path / "said.tsv").read_text().splitlines() == [
        "one.png\tTotal 42",
        "two.png\tNumber 7",
        "three.png\tTotal 42",
    ]


def test_the_error_rate_follows_the_rules_of_each_line(lines: Path, tmp_path: Path):
    report = evaluate(lines, tmp_path / "said.tsv").splitlines()

    assert report[0] == f"en   ALL              lines     3 cer {1 / 23:.4f} exact 0.667"
    assert report[1] == "en   drawn            lines     2 cer 0.0000 exact 1.000"
    assert report[2] == "en   other            lines     1 cer 0.1250 exact 0.000"
    assert "lines per CPU-second" in report[3]


def test_a_folder_without_rules_is_compared_as_it_is(lines: Path, tmp_path: Path):
    (lines / "meta.tsv").unlink()

    assert "?    ALL              lines     3" in evaluate(lines, tmp_path / "said.tsv")


def test_it_agrees_with_the_scorer_of_releases(lines: Path, tmp_path: Path):
    scorer = SHARED / "eval/score_lines.py"
    if not scorer.exists():
        pytest.skip("the scorer of releases is not here (../shared)")
    report = evaluate(lines, tmp_path / "said.tsv").splitlines()

    command = [sys.executable, str(scorer), str(lines), str(tmp_path / "said.tsv")]
    scored = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert scored.stdout.splitlines()[:-1] == report[:-1]
