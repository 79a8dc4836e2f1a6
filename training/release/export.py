"""Exports a trained network as TorchScript and ONNX files with the same weights.

The written files are read back and rejected when they disagree with the network.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from daemon.ocr.model import artifact, onnx_graph, torchscript
from daemon.ocr.model.crnn import TopKNetwork, fold_norms
from daemon.ocr.model.types import StepCandidates
from training.evaluate.error_rate import weights_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from daemon.ocr.model.card import Framing, ModelCard
    from daemon.ocr.model.charset import Charset

_TOLERANCE = 1e-3  # largest difference of a probability between formats
_WIDTHS = (64, 160, 320, 640, 960)


class FormatMismatch(Exception):
    """A written file reads differently from its network; the message says how."""


def export(
    reader: TopKNetwork, charset: Charset, card: ModelCard, folder: Path
) -> list[tuple[Path, str]]:
    """Write `<card.name>.pt` and `<card.name>.onnx` into `folder`; return path and sha256 of each.

    Folds the batch normalisations of the network in place. Raises FormatMismatch when a
    file, read back, reads differently.
    """
    fold_norms(reader.network)
    reader.eval()
    folder.mkdir(parents=True, exist_ok=True)
    script, graph = folder / f"{card.name}.pt", folder / f"{card.name}.onnx"
    torchscript.save(reader, script, charset, card)
    onnx_graph.save(reader, graph, charset, card)
    for path in (script, graph):
        check_parity(reader, path, card.framing)
    return [(path, sha256(path.read_bytes()).hexdigest()) for path in (script, graph)]


def check_parity(reader: TopKNetwork, path: Path, framing: Framing) -> None:
    """Raise FormatMismatch unless `path`, in fp32, reads random frames as `reader` does."""
    read = artifact.load(weights_for(path, precision="fp32"))
    for frames in _frames(framing):
        with torch.inference_mode():
            lines = torch.from_numpy(frames)
            wanted = [part.numpy() for part in reader(lines)[:2]]
        _compare(path, read.steps(frames), wanted)


def _compare(path: Path, found: StepCandidates, wanted: Sequence[NDArray[Any]]) -> None:
    """Raise FormatMismatch; labels may differ only where two are about equally likely."""
    labels, probabilities = wanted
    difference = np.abs(found[1] - probabilities).max()
    if difference > _TOLERANCE:
        raise FormatMismatch(
            f"{path}: probabilities differ by up to {difference:.4f} from the network"
        )
    wrong = (found[0] != labels) & (np.asarray(probabilities) > 0.5 + _TOLERANCE)
    if wrong.any():
        raise FormatMismatch(
            f"{path}: {wrong.sum()} of {wrong.size} steps are read as another character"
        )


def _frames(framing: Framing) -> list[NDArray[np.float32]]:
    """Return frames N,1,H,W of noise at two scales: sharp, and smooth like strokes."""
    rng = np.random.default_rng(0)
    frames = []
    for width in _WIDTHS:
        sharp = rng.uniform(-1, 1, (2, 1, framing.height, width))
        coarse = rng.uniform(-1, 1, (2, 1, framing.height // 8, width // 8))
        smooth = coarse.repeat(8, 2).repeat(8, 3)
        frames.append(np.concatenate([sharp, smooth]).astype(np.float32))
    return frames


def quantize(graph: Path) -> Path:
    """Write `<name>.int8.onnx` beside `graph`: the recurrence and the classifier in 8 bits.

    The convolutions are left alone: with the depthwise ones in 8 bits, readings are useless
    (docs/training.md).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = graph.with_suffix(".int8.onnx")
    quantize_dynamic(
        graph, small, ["MatMul", "LSTM", "Gemm"], per_channel=True, reduce_range=True,
        weight_type=QuantType.QInt8,
    )  # fmt: skip
    full = artifact.load(weights_for(graph))
    card = replace(full.card, precision="int8")
    onnx_graph.save_as(small, onnx.load(small), full.charset, card)
    return small


# --- combining weights --------------------------------------------------------------------------


def averaged(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of several runs from one start (Wortsman et al. 2022)."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def blended(
    state: dict[str, torch.Tensor], start: dict[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Return `state` mixed with `share` of `start`; classes that `start` lacks are unchanged."""
    mixed = {}
    for name, value in state.items():
        known = start[name]
        mixed[name] = value.clone()
        mixed[name][: len(known)] = (1 - share) * value[: len(known)] + share * known
    return mixed
