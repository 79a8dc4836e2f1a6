"""The file that weights ship in: network, alphabet and card in one, checked when loaded.

Two formats of the same network, TorchScript (`.pt`) and ONNX (`.onnx`); each needs its own package,
and neither is imported before a file of its kind is loaded. torch.jit is deprecated since 2.11 and
stays the backend by decision: every use of it stands here, and its warning is silenced only here.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from daemon.errors import Misconfigured
from daemon.model.card import Card
from daemon.model.charset import Charset
from daemon.recipe import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from daemon.model.crnn import CRNN, BestSteps

    Frames = NDArray[np.float32]
    Steps = tuple[NDArray[np.int64], NDArray[np.float32]]
    Outputs = tuple[NDArray[np.int64], NDArray[np.float32], int]
    Network = Callable[[Frames], Outputs]

_CARD = "card.json"
_CHARSET = "charset.txt"


@dataclass(frozen=True, slots=True)
class Artifact:
    """Weights ready to read with, and what their file says of them."""

    card: Card
    charset: Charset
    sha256: str
    network: Network

    def best_steps(self, frames: Frames) -> Steps:
        """Return the best class of each step and its probability, both N,T; frames are N,1,H,W."""
        labels, probabilities, _ = self.network(frames)
        return labels, probabilities


def load(weights: Weights) -> Artifact:
    """Load the artifact that `weights` names and read an empty line with it.

    Raises Misconfigured when it is missing, altered, not ours, or its backend is not installed.
    """
    content = _content(weights)
    sha256 = hashlib.sha256(content).hexdigest()
    if weights.sha256 not in (None, sha256):
        remedy = f"{weights.file} has {sha256}; restore the file, or accept it by writing its hash"
        raise Misconfigured("model.sha256", weights.sha256, remedy)
    network, metadata = _BACKENDS[weights.backend](content, weights)
    card, charset = _inscription(metadata, weights)
    _check_classes(network, card, charset, weights)
    return Artifact(card, charset, sha256, network)


def _content(weights: Weights) -> bytes:
    try:
        return weights.file.read_bytes()
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}); name a file of models/ or restore it"
        raise Misconfigured("model.file", weights.file, remedy) from error


def _inscription(metadata: Mapping[str, str], weights: Weights) -> tuple[Card, Charset]:
    try:
        return Card.from_json(metadata[_CARD]), Charset.of(metadata[_CHARSET])
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(weights, "it carries no card and charset") from error


def _check_classes(network: Network, card: Card, charset: Charset, weights: Weights) -> None:
    empty = np.zeros((1, 1, card.framing.height, card.framing.min_width), np.float32)
    *_, classes = network(empty)
    if classes != charset.classes:
        told = f"its network tells {classes} classes apart, its charset {charset.classes}"
        raise _foreign(weights, told)


def _foreign(weights: Weights, complaint: str) -> Misconfigured:
    remedy = f"{complaint}: no artifact of ours for {weights.backend}; make it again with `train`"
    return Misconfigured("model.file", weights.file, remedy)


# --- TorchScript --------------------------------------------------------------------------------


@contextmanager
def _quiet_jit() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        yield


def save_torchscript(network: BestSteps, path: Path, charset: Charset, card: Card) -> None:
    """Write `network` as TorchScript with charset and card inside, and no path of this machine."""
    import torch

    buffer = io.BytesIO()
    extra = {_CHARSET: charset.characters, _CARD: card.to_json()}
    with _quiet_jit():
        torch.jit.save(torch.jit.script(network.eval()), buffer, _extra_files=extra)
    with zipfile.ZipFile(buffer) as full, zipfile.ZipFile(path, "w") as lean:
        for entry in full.infolist():
            if not entry.filename.endswith(".debug_pkl"):  # where the source code lay
                lean.writestr(entry, full.read(entry))


def restore(path: Path) -> tuple[CRNN, Charset, Card]:
    """Return the network inside a TorchScript artifact of ours, to go on training with it.

    Its normalisations are folded. Raises Misconfigured when the file is not ours.
    """
    import torch

    from daemon.model.crnn import BestSteps, folded

    weights = Weights(file=path)
    extra: dict[str, Any] = {_CARD: "", _CHARSET: ""}
    with _quiet_jit():
        module = torch.jit.load(io.BytesIO(_content(weights)), "cpu", extra)  # type: ignore[no-untyped-call]
    card, charset = _inscription({key: value.decode() for key, value in extra.items()}, weights)
    shipped = BestSteps(folded(charset.classes))
    shipped.load_state_dict(module.state_dict())
    return shipped.network, charset, card


def _precision(weights: Weights) -> torch.dtype:
    import torch

    if weights.precision == "fp32":
        return torch.float32
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # emulated, it is 20 times slower
        remedy = "this CPU does not compute in bf16; use fp32"
        raise Misconfigured("model.precision", weights.precision, remedy)
    return torch.bfloat16


def _torchscript(content: bytes, weights: Weights) -> tuple[Network, dict[str, str]]:
    import torch

    extra: dict[str, Any] = {_CHARSET: "", _CARD: ""}
    precision = _precision(weights)
    try:
        with _quiet_jit():
            module = torch.jit.load(io.BytesIO(content), "cpu", extra)  # type: ignore[no-untyped-call]
            module = module.eval().to(precision, memory_format=torch.channels_last)
            module = torch.jit.freeze(module)
    except RuntimeError as error:
        raise _foreign(weights, "TorchScript cannot load it") from error

    def network(frames: Frames) -> Outputs:
        with torch.inference_mode():
            labels, probabilities, classes = module(torch.from_numpy(frames).to(precision))
            return labels.numpy(), probabilities.numpy(), int(classes)

    return network, {key: value.decode() for key, value in extra.items()}


# --- ONNX Runtime -------------------------------------------------------------------------------


def save_onnx(network: BestSteps, path: Path, charset: Charset, card: Card) -> None:
    """Write `network` as ONNX with charset and card in its metadata."""
    import onnx
    import torch

    lines, steps = {0: "N", 3: "W"}, {0: "N", 1: "T"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # the exporter without dynamo is deprecated
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 1, card.framing.height, card.framing.min_width),),
            buffer,  # type: ignore[arg-type]  # its annotation forgets streams
            dynamo=False,  # the other one needs a package more and cannot leave W open in the LSTM
            input_names=["lines"],
            output_names=["labels", "probabilities", "classes"],
            dynamic_axes={"lines": lines, "labels": steps, "probabilities": steps},
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, {_CHARSET: charset.characters, _CARD: card.to_json()})
    path.write_bytes(model.SerializeToString())


def _onnx(content: bytes, weights: Weights) -> tuple[Network, dict[str, str]]:
    try:
        import onnxruntime
    except ImportError as error:
        remedy = "is not installed; pip install 'ocr-daemon[onnx]' or use torchscript"
        raise Misconfigured("model.backend", weights.backend, remedy) from error

    if weights.precision != "fp32":
        remedy = "onnxruntime reads in fp32; use that, or torchscript"
        raise Misconfigured("model.precision", weights.precision, remedy)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base
        raise _foreign(weights, "ONNX Runtime cannot load it") from error

    def network(frames: Frames) -> Outputs:
        labels, probabilities, classes = session.run(None, {"lines": frames})
        return labels, probabilities, int(classes)

    return network, session.get_modelmeta().custom_metadata_map


_BACKENDS = {"torchscript": _torchscript, "onnxruntime": _onnx}
