"""How many threads a worker computes with, whatever runs its recogniser."""

import importlib
from pathlib import Path

import pytest

from daemon.core.options import Recipe, Weights
from daemon.engine import worker


@pytest.mark.parametrize(("backend", "of_torch"), [("torchscript", [3]), ("onnxruntime", [])])
def test_both_networks_have_the_threads_of_the_config(monkeypatch, backend, of_torch):
    # named, not imported above: the worker imports them when it loads
    asked = {"torch": [], "opencv": []}
    monkeypatch.setattr("torch.set_num_threads", asked["torch"].append)
    monkeypatch.setattr("cv2.setNumThreads", asked["opencv"].append)
    monkeypatch.setattr("daemon.ocr.onnx_session._process.threads", 1)
    monkeypatch.setattr("daemon.ocr.pipeline.Pipeline.load", lambda recipe: recipe)

    worker.load_pipeline(Recipe(weights=Weights(file=Path("none"), backend=backend)), 3)

    assert asked == {"torch": of_torch, "opencv": [3]}
    onnx_session = importlib.import_module("daemon.ocr.onnx_session")
    assert onnx_session._process.threads == 3  # also of the detector, which is always ONNX
