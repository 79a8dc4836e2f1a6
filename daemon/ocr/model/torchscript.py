"""The network as TorchScript.

torch.jit is deprecated since 2.11 and remains the backend by decision: it is used only here, and
its warning is silenced only here.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

import torch

from daemon.core import cpu
from daemon.core.errors import Misconfigured
from daemon.ocr.model import metadata
from daemon.ocr.model.crnn import from_folded_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.core.options import Weights
    from daemon.ocr.model.card import ModelCard
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import CRNN, TopKNetwork
    from daemon.ocr.model.types import InputBatch, LoadedNetwork, NetworkOutputs

MAX_BF16_LOSS = 0.0005  # CER that "auto" trades for the speed of bf16: one character in 2 000


def save(network: TopKNetwork, path: Path, charset: Charset, card: ModelCard) -> None:
    """Write `network` with charset and card inside, and without paths of this machine."""
    buffer = io.BytesIO()
    extra = metadata.to_properties(charset, card)
    with _quiet_jit():
        torch.jit.save(torch.jit.script(network.eval()), buffer, _extra_files=extra)
    with zipfile.ZipFile(buffer) as full, zipfile.ZipFile(path, "w") as stripped:
        for entry in full.infolist():
            if not entry.filename.endswith(".debug_pkl"):  # which holds source paths
                stripped.writestr(entry, full.read(entry), zipfile.ZIP_DEFLATED, 9)  # 7 % less


def load(content: bytes, weights: Weights) -> LoadedNetwork:
    """Return the network in `content`, ready for inference, with its metadata and precision.

    Raises Misconfigured when it is not ours, or in a precision that this processor lacks.
    """
    module, properties = _module(content, weights)
    card, _ = metadata.read(properties, weights)
    precision = _precision(weights, card)
    with _quiet_jit():
        module = module.eval().to(precision, memory_format=torch.channels_last)
        module = torch.jit.freeze(module)

    def network(lines: InputBatch) -> NetworkOutputs:
        with torch.inference_mode():
            batch = torch.from_numpy(lines).to(precision)
            labels, probabilities, classes = module(batch)
            return labels.numpy(), probabilities.numpy(), int(classes)

    return network, properties, "bf16" if precision == torch.bfloat16 else "fp32"


def restore(content: bytes, weights: Weights) -> tuple[CRNN, Charset, ModelCard]:
    """Return the network in `content`, its normalisation layers folded, to continue its training.

    Raises Misconfigured when it is not ours.
    """
    module, properties = _module(content, weights)
    card, charset = metadata.read(properties, weights)
    return from_folded_state(module.network.state_dict(), card.shape), charset, card


def _module(content: bytes, weights: Weights) -> tuple[Any, dict[str, str]]:
    extra: dict[str, Any] = {metadata.CARD: "", metadata.CHARSET: ""}
    try:
        with _quiet_jit():
            module = torch.jit.load(io.BytesIO(content), "cpu", extra)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise metadata.invalid_artifact(weights, "TorchScript cannot load it") from error
    return module, {key: value.decode() for key, value in extra.items()}


def _precision(weights: Weights, card: ModelCard) -> torch.dtype:
    """Return the precision to compute in; "auto" is bf16 where that is native and accurate.

    Raises Misconfigured for bf16 where the processor emulates it: there it is 20 times slower.
    """
    is_native = native_bf16()
    if weights.precision == "bf16" and not is_native:
        remedy = "this CPU does not support bf16; use auto or fp32"
        raise Misconfigured("model.precision", weights.precision, remedy)
    is_worthwhile = is_native and card.losses.get("bf16", inf) <= MAX_BF16_LOSS
    use_bf16 = weights.precision == "bf16" or (weights.precision == "auto" and is_worthwhile)
    return torch.bfloat16 if use_bf16 else torch.float32


def native_bf16() -> bool:
    """Tell whether this processor computes in bf16 natively (AVX-512 BF16, AMX, ARM's BFMMLA).

    oneDNN's own answer is not enough: it is true wherever it can emulate bf16 with AVX-512.
    """
    return bool(cpu.bf16_instructions()) and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@contextmanager
def _quiet_jit() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        yield
