"""A trained network becomes the files that ship: the same weights as TorchScript and as ONNX."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from daemon.model import artifact
from daemon.model.crnn import BestSteps, fold_norms

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.card import Card
    from daemon.model.charset import Charset
    from daemon.model.crnn import CRNN


def export(network: CRNN, charset: Charset, card: Card, folder: Path) -> list[tuple[Path, str]]:
    """Write `<card.name>.pt` and `<card.name>.onnx` into `folder`; return path and sha256 of each.

    Folds the batch normalisations of `network` in place.
    """
    shipped = BestSteps(fold_norms(network))
    folder.mkdir(parents=True, exist_ok=True)
    torchscript, onnx = folder / f"{card.name}.pt", folder / f"{card.name}.onnx"
    artifact.save_torchscript(shipped, torchscript, charset, card)
    artifact.save_onnx(shipped, onnx, charset, card)
    return [(path, sha256(path.read_bytes()).hexdigest()) for path in (torchscript, onnx)]
