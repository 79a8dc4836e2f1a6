"""The network as ONNX, for ONNX Runtime; neither package is imported before it is needed."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from daemon.core.errors import Misconfigured
from daemon.ocr.model import metadata
from daemon.ocr.onnx_session import open_session, releasing

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from daemon.core.options import Weights
    from daemon.ocr.model.card import ModelCard
    from daemon.ocr.model.charset import Charset
    from daemon.ocr.model.crnn import TopKNetwork
    from daemon.ocr.model.types import InputBatch, LoadedNetwork, NetworkOutputs

# Columns of a batch whose memory (20 MB) is kept for the next one: all but those of one long line
# (`batches.MAX_COLUMNS`).
KEPT_COLUMNS = 1024
_OUTPUTS = ["labels", "probabilities", "classes"]


def save(network: TopKNetwork, path: Path, charset: Charset, card: ModelCard) -> None:
    """Write `network` with charset and card in its metadata."""
    import onnx
    import torch

    from daemon.ocr.model.crnn import OnnxTopKNetwork

    lines, steps = {0: "N", 3: "W"}, {0: "N", 1: "T"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # the exporter without dynamo is deprecated
        torch.onnx.export(
            OnnxTopKNetwork(network).eval(),
            (torch.zeros(1, 1, card.framing.height, card.framing.min_width),),
            buffer,  # type: ignore[arg-type]  # it accepts streams too
            dynamo=False,  # dynamo needs another package and fixes W in the LSTM
            input_names=["lines"],
            output_names=_OUTPUTS,
            dynamic_axes={"lines": lines, **dict.fromkeys(_OUTPUTS[:2], steps)},
        )
    save_as(path, onnx.load_from_string(buffer.getvalue()), charset, card)


def save_as(path: Path, model: onnx.ModelProto, charset: Charset, card: ModelCard) -> None:
    """Write `model`, the graph of a network of ours, with charset and card in its metadata."""
    import onnx

    onnx.helper.set_model_props(model, metadata.to_properties(charset, card))
    path.write_bytes(model.SerializeToString())


def load(content: bytes, weights: Weights) -> LoadedNetwork:
    """Return the network in `content`, ready for inference, with its metadata and precision.

    Raises Misconfigured when it is not ours, or ONNX Runtime is not installed.
    """
    if weights.precision == "bf16":
        remedy = "ONNX Runtime computes in the precision of its file; use auto, or torchscript"
        raise Misconfigured("model.precision", weights.precision, remedy)
    try:
        session = open_session(content)
    except ImportError as error:
        remedy = "is not installed; pip install onnxruntime, or use torchscript"
        raise Misconfigured("model.backend", weights.backend, remedy) from error
    except Exception as error:  # its errors have no common base class
        raise metadata.invalid_artifact(weights, "ONNX Runtime cannot load it") from error

    def network(lines: InputBatch) -> NetworkOutputs:
        is_large = lines.shape[0] * lines.shape[3] > KEPT_COLUMNS
        options = releasing() if is_large else None
        labels, probabilities, classes = session.run(_OUTPUTS, {"lines": lines}, options)
        return labels, probabilities, int(classes)

    properties = session.get_modelmeta().custom_metadata_map
    card, _ = metadata.read(properties, weights)
    return network, properties, card.precision
