"""The benchmark of the daemon, except its measurements."""

from __future__ import annotations

from pathlib import Path

from bench.path import write_config
from daemon.config.load import load
from daemon.ocr.pipeline import Pipeline
from tests.support.running_daemon import SHIPPED


def test_the_benchmark_uses_the_shipped_networks_from_any_folder(tmp_path: Path):
    recipe = load(write_config(tmp_path, workers=1)).recipe

    pipeline = Pipeline.load(recipe)

    assert recipe.weights.file.with_suffix(".pt") == SHIPPED.file
    assert pipeline.recognizer.corrector is not None
