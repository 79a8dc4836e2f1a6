"""Model artifacts: files that hold network, character set and card, verified when they are loaded.

There are two formats of the same network, TorchScript (`.pt`) and ONNX (`.onnx`). Each needs its
own package, and neither is imported before a file of its kind is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from daemon.core import checksummed_file
from daemon.core.errors import Misconfigured
from daemon.ocr.model import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.core.options import Weights
    from daemon.ocr.model.card import ModelCard
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import CRNN
    from daemon.ocr.model.types import InputBatch, NetworkFunction, StepCandidates


_BACKENDS = {
    "torchscript": "daemon.ocr.model.torchscript",
    "onnxruntime": "daemon.ocr.model.onnx_graph",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A network ready for inference, and the metadata of its file."""

    card: ModelCard
    charset: Charset
    sha256: str
    precision: str
    network: NetworkFunction

    def steps(self, lines: InputBatch) -> StepCandidates:
        """Return the `CANDIDATES` best classes of each step, best first, and their probabilities.

        Both are N,T,CANDIDATES; `lines` are N,1,H,W.
        """
        labels, probabilities, _ = self.network(lines)
        return labels, probabilities


def load(weights: Weights) -> Artifact:
    """Load the artifact that `weights` names and run it on an empty line.

    Raises Misconfigured when it is missing, altered, or not an artifact of ours, or when its
    backend is not installed.
    """
    content, sha256 = checksummed_file.read("model", weights.file, weights.sha256)
    backend = _imported(weights)
    network, properties, precision = backend.load(content, weights)
    card, charset = metadata.read(properties, weights)
    _check_classes(network, card, charset, weights)
    return Artifact(card, charset, sha256, precision, network)


def _imported(weights: Weights) -> ModuleType:
    try:
        return import_module(_BACKENDS[weights.backend])
    except ModuleNotFoundError as error:
        remedy = f"{error.name} is not installed; install the extra [torch], or use auto"
        raise Misconfigured("model.backend", weights.backend, remedy) from error


def _check_classes(
    network: NetworkFunction, card: ModelCard, charset: Charset, weights: Weights
) -> None:
    empty = np.zeros((1, 1, card.framing.height, card.framing.min_width), np.float32)
    *_, classes = network(empty)
    if classes != charset.classes:
        mismatch = f"its network has {classes} classes, its charset {charset.classes}"
        raise metadata.invalid_artifact(weights, mismatch)


def restore(path: Path) -> tuple[CRNN, Charset, ModelCard]:
    """Return the network in a TorchScript artifact of ours, to continue its training.

    Its normalisation layers are folded. Raises Misconfigured when the file is not ours.
    """
    from daemon.core.options import Weights
    from daemon.ocr.model import torchscript

    content, _ = checksummed_file.read("model", path, None)
    return torchscript.restore(content, Weights(file=path))
