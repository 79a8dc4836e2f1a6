"""The record of a run survives being written in parts, and its picture can be looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.train import history

ROW = {"lines": 1000, "loss": 0.5, "heldout": {"zh": 0.1}, "dev": {"en": 0.02}}


def test_a_record_that_does_not_exist_has_no_rows(tmp_path: Path) -> None:
    assert history.rows(tmp_path / "history.jsonl") == []


def test_rows_come_back_in_the_order_they_were_added(tmp_path: Path) -> None:
    record = tmp_path / "history.jsonl"
    history.append(record, ROW)
    history.append(record, {**ROW, "lines": 2000, "note": "繁體"})

    assert history.rows(record) == [ROW, {**ROW, "lines": 2000, "note": "繁體"}]


def test_an_interval_is_one_line_of_the_record(tmp_path: Path) -> None:
    record = tmp_path / "history.jsonl"
    history.append(record, {**ROW, "note": "two\nlines"})

    assert len(record.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    "later",
    [{"lines": 2000, "loss": 0.2}, {"lines": 2000, "loss": 0.2, "heldout": {"latin": 0.1}}],
    ids=["not examined", "other languages"],
)
def test_the_picture_of_a_record_with_gaps_is_a_png_with_a_curve_in_it(
    tmp_path: Path, later: dict[str, object]
) -> None:
    record, picture = tmp_path / "history.jsonl", tmp_path / "curve.png"
    for row in (ROW, later):
        history.append(record, row)

    history.plot(record, picture)

    drawn = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR)
    assert min(drawn.shape[:2]) > 400
    assert (drawn.max(2) < 64).any()  # something black on it
