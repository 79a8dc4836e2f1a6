"""The file that weights ship in: network, alphabet and card in one, checked when loaded.

Two formats of the same network, TorchScript (`.pt`) and ONNX (`.onnx`); each needs its own package,
and neither is imported before a file of its kind is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from daemon.core import checksummed_file
from daemon.ocr.model import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.core.options import Weights
    from daemon.ocr.model.card import Card
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import CRNN
    from daemon.ocr.model.types import Frames, Network, Steps


_BACKENDS = {
    "torchscript": "daemon.ocr.model.torchscript",
    "onnxruntime": "daemon.ocr.model.onnx_graph",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """Weights ready to read with, and what their file says of them."""

    card: Card
    charset: Charset
    sha256: str
    precision: str
    network: Network

    def steps(self, frames: Frames) -> Steps:
        """Return the `CANDIDATES` best classes of each step, best first, and their probabilities.

        Both are N,T,CANDIDATES; `frames` are N,1,H,W.
        """
        labels, probabilities, _ = self.network(frames)
        return labels, probabilities


def load(weights: Weights) -> Artifact:
    """Load the artifact that `weights` names and read an empty line with it.

    Raises Misconfigured when it is missing, altered, not ours, or its backend is not installed.
    """
    content, sha256 = checksummed_file.read("model", weights.file, weights.sha256)
    backend = import_module(_BACKENDS[weights.backend])
    network, properties, precision = backend.load(content, weights)
    card, charset = metadata.read(properties, weights)
    _check_classes(network, card, charset, weights)
    return Artifact(card, charset, sha256, precision, network)


def _check_classes(network: Network, card: Card, charset: Charset, weights: Weights) -> None:
    empty = np.zeros((1, 1, card.framing.height, card.framing.min_width), np.float32)
    *_, classes = network(empty)
    if classes != charset.classes:
        told = f"its network tells {classes} classes apart, its charset {charset.classes}"
        raise metadata.foreign(weights, told)


def restore(path: Path) -> tuple[CRNN, Charset, Card]:
    """Return the network inside a TorchScript artifact of ours, to go on training with it.

    Its normalisations are folded. Raises Misconfigured when the file is not ours.
    """
    from daemon.core.options import Weights
    from daemon.ocr.model import torchscript

    content, _ = checksummed_file.read("model", path, None)
    return torchscript.restore(content, Weights(file=path))
