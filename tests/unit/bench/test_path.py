"""The bench of the path, as far as it can be told without its seconds."""

from __future__ import annotations

from pathlib import Path

from bench.path import write_config
from daemon.config.load import load
from daemon.ocr.pipeline import Pipeline
from tests.support.running_daemon import SHIPPED


def test_the_bench_reads_with_what_ships_wherever_its_config_lies(tmp_path: Path):
    recipe = load(write_config(tmp_path, workers=1)).recipe

    pipeline = Pipeline.load(recipe)

    assert recipe.weights.file == SHIPPED.file
    assert pipeline.recognizer.speller is not None
