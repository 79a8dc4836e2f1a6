"""The network as TorchScript. torch.jit is deprecated since 2.11 and stays the backend by decision:
every use of it stands here, and its warning is silenced only here.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

import torch

from daemon.core.errors import Misconfigured
from daemon.ocr.model import metadata
from daemon.ocr.model.crnn import folded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.core.options import Weights
    from daemon.ocr.model.card import Card
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import CRNN, BestSteps
    from daemon.ocr.model.types import Frames, LoadedNetwork, Outputs

BEARABLE = 0.0005  # CER that "auto" gives for the speed of bf16: one character in 2 000


def save(network: BestSteps, path: Path, charset: Charset, card: Card) -> None:
    """Write `network` with charset and card inside, and no path of this machine."""
    buffer = io.BytesIO()
    extra = metadata.inscribed(charset, card)
    with _quiet_jit():
        torch.jit.save(torch.jit.script(network.eval()), buffer, _extra_files=extra)
    with zipfile.ZipFile(buffer) as full, zipfile.ZipFile(path, "w") as lean:
        for entry in full.infolist():
            if not entry.filename.endswith(".debug_pkl"):  # where the source code lay
                lean.writestr(entry, full.read(entry), zipfile.ZIP_DEFLATED, 9)  # 7 % less


def load(content: bytes, weights: Weights) -> LoadedNetwork:
    """Return the network in `content`, ready to read, and what is written in it.

    Raises Misconfigured when it is not ours, or in a precision that this processor lacks.
    """
    module, properties = _module(content, weights)
    card, _ = metadata.read(properties, weights)
    precision = _precision(weights, card)
    with _quiet_jit():
        module = module.eval().to(precision, memory_format=torch.channels_last)
        module = torch.jit.freeze(module)

    def network(frames: Frames) -> Outputs:
        with torch.inference_mode():
            lines = torch.from_numpy(frames).to(precision)
            labels, probabilities, classes = module(lines)
            return labels.numpy(), probabilities.numpy(), int(classes)

    return network, properties, "bf16" if precision == torch.bfloat16 else "fp32"


def restore(content: bytes, weights: Weights) -> tuple[CRNN, Charset, Card]:
    """Return the network in `content`, its normalisations folded, to go on training with it.

    Raises Misconfigured when it is not ours.
    """
    module, properties = _module(content, weights)
    card, charset = metadata.read(properties, weights)
    return folded(module.network.state_dict()), charset, card


def _module(content: bytes, weights: Weights) -> tuple[Any, dict[str, str]]:
    extra: dict[str, Any] = {metadata.CARD: "", metadata.CHARSET: ""}
    try:
        with _quiet_jit():
            module = torch.jit.load(io.BytesIO(content), "cpu", extra)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise metadata.foreign(weights, "TorchScript cannot load it") from error
    return module, {key: value.decode() for key, value in extra.items()}


def _precision(weights: Weights, card: Card) -> torch.dtype:
    """Return what to compute in; "auto" is bf16 where it is native and was measured to cost little.

    Raises Misconfigured for bf16 where the processor emulates it: there it is 20 times slower.
    """
    native = native_bf16()
    if weights.precision == "bf16" and not native:
        remedy = "this CPU does not compute in bf16; use auto or fp32"
        raise Misconfigured("model.precision", weights.precision, remedy)
    cheap = native and card.losses.get("bf16", inf) <= BEARABLE
    wanted = weights.precision == "bf16" or (weights.precision == "auto" and cheap)
    return torch.bfloat16 if wanted else torch.float32


def native_bf16() -> bool:
    """Tell whether this processor computes in bf16 itself (AVX-512 BF16, AMX)."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@contextmanager
def _quiet_jit() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        yield
