"""How many threads a worker computes with, whatever runs its recogniser."""

from pathlib import Path

import cv2
import pytest
import torch

from daemon.core.options import Recipe, Weights
from daemon.engine import worker


@pytest.mark.parametrize(("backend", "of_torch"), [("torchscript", [3]), ("onnxruntime", [])])
def test_both_networks_have_the_threads_of_the_config(monkeypatch, backend, of_torch):
    # imported here: the worker imports them when it loads, and other tests import them anew
    from daemon.ocr import onnx_session
    from daemon.ocr.pipeline import Pipeline

    asked = {"torch": [], "opencv": []}
    monkeypatch.setattr(torch, "set_num_threads", asked["torch"].append)
    monkeypatch.setattr(cv2, "setNumThreads", asked["opencv"].append)
    monkeypatch.setattr(onnx_session._process, "threads", 1)
    monkeypatch.setattr(Pipeline, "load", lambda recipe: recipe)

    worker._load(Recipe(weights=Weights(file=Path("none"), backend=backend)), 3)

    assert asked == {"torch": of_torch, "opencv": [3]}
    assert onnx_session._process.threads == 3  # also of the detector, which is always ONNX
