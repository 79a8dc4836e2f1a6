"""A trained network becomes the files that ship: the same weights as TorchScript and as ONNX.

What is written is read again, and refused where the two formats disagree.
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
from training.evaluate.evaluate import weights_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from daemon.ocr.model.card import Framing, ModelCard
    from daemon.ocr.model.charset import Charset

_CLOSE = 1e-3  # by which a probability may differ between formats
_WIDTHS = (64, 160, 320, 640, 960)


class Unequal(Exception):
    """A written file reads otherwise than the network it was made of; it says where."""


def export(
    shipped: TopKNetwork, charset: Charset, card: ModelCard, folder: Path
) -> list[tuple[Path, str]]:
    """Write `<card.name>.pt` and `<card.name>.onnx` into `folder`; return path and sha256 of each.

    Folds the batch normalisations of the network in place. Raises Unequal when a file, read back,
    does not say what `shipped` says.
    """
    fold_norms(shipped.network)
    shipped.eval()
    folder.mkdir(parents=True, exist_ok=True)
    script, graph = folder / f"{card.name}.pt", folder / f"{card.name}.onnx"
    torchscript.save(shipped, script, charset, card)
    onnx_graph.save(shipped, graph, charset, card)
    for path in (script, graph):
        check(shipped, path, card.framing)
    return [(path, sha256(path.read_bytes()).hexdigest()) for path in (script, graph)]


def check(shipped: TopKNetwork, path: Path, framing: Framing) -> None:
    """Raise Unequal unless `path`, in fp32, reads drawn frames as `shipped` does."""
    read = artifact.load(weights_in(path, precision="fp32"))
    for frames in _frames(framing):
        with torch.inference_mode():
            lines = torch.from_numpy(frames)
            wanted = [part.numpy() for part in shipped(lines)[:2]]
        _compare(path, read.steps(frames), wanted)


def _compare(path: Path, found: StepCandidates, wanted: Sequence[NDArray[Any]]) -> None:
    """Labels may differ only where two are as good as equally likely."""
    labels, probabilities = wanted
    apart = np.abs(found[1] - probabilities).max()
    if apart > _CLOSE:
        raise Unequal(f"{path}: probabilities differ by up to {apart:.4f} from the network's")
    best = (found[0] != labels) & (np.asarray(probabilities) > 0.5 + _CLOSE)
    if best.any():
        raise Unequal(f"{path}: {best.sum()} of {best.size} steps are read as another character")


def _frames(framing: Framing) -> list[NDArray[np.float32]]:
    """Return frames N,1,H,W of noise at several scales: sharp, and smooth as strokes are."""
    chance = np.random.default_rng(0)
    frames = []
    for width in _WIDTHS:
        sharp = chance.uniform(-1, 1, (2, 1, framing.height, width))
        coarse = chance.uniform(-1, 1, (2, 1, framing.height // 8, width // 8))
        smooth = coarse.repeat(8, 2).repeat(8, 3)
        frames.append(np.concatenate([sharp, smooth]).astype(np.float32))
    return frames


def quantize(graph: Path) -> Path:
    """Write `<name>.int8.onnx` beside `graph`: the recurrence and the classifier in 8 bits.

    The convolutions stay as they are: in 8 bits the depthwise ones read gibberish
    (docs/training.md).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = graph.with_suffix(".int8.onnx")
    quantize_dynamic(
        graph, small, ["MatMul", "LSTM", "Gemm"], per_channel=True, reduce_range=True,
        weight_type=QuantType.QInt8,
    )  # fmt: skip
    whole = artifact.load(weights_in(graph))
    card = replace(whole.card, precision="int8")
    onnx_graph.save_as(small, onnx.load(small), whole.charset, card)
    return small


# --- what is exported ---------------------------------------------------------------------------


def averaged(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of several runs from one start (Wortsman et al. 2022)."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def blended(
    state: dict[str, torch.Tensor], start: dict[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Return `state` with `share` of `start` in it; classes that `start` lacks stay as they are."""
    mixed = {}
    for name, value in state.items():
        known = start[name]
        mixed[name] = value.clone()
        mixed[name][: len(known)] = (1 - share) * value[: len(known)] + share * known
    return mixed
