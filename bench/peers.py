"""Other people's recognisers, to measure ours against: crops of lines in, their texts out.

Both are read by the `rapidocr` package (Apache-2.0) with its own framing, batching and decoding at
their defaults, on one thread. The weights (PaddleOCR's, Apache-2.0) lie inside the packages, so
nothing is fetched; they are read where they lie and never copied. `make bench-recognizer` installs
both; without them each peer raises Missing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rapidocr.ch_ppocr_rec import TextRecognizer

    Crop = NDArray[np.uint8]


class Missing(Exception):
    """The peer's package is not installed, or does not carry the weights any more."""


@dataclass(frozen=True)
class Peer:
    """A recogniser of `rapidocr` that is warm."""

    recogniser: TextRecognizer

    @classmethod
    def load(cls, name: str) -> Peer:
        """Load one of PEERS; raises Missing."""
        package, file = PEERS[name]
        weights = _folder(package) / "models" / file
        if not weights.is_file():
            raise Missing(f"{package} carries no {file}")
        return cls(_text_recogniser(weights))

    def read(self, crops: Sequence[Crop]) -> list[str]:
        """Read crops, each H,W gray or H,W,3 in BGR; same order, same length."""
        from rapidocr.ch_ppocr_rec import TextRecInput

        coloured = [c if c.ndim == 3 else cv2.cvtColor(c, cv2.COLOR_GRAY2BGR) for c in crops]
        return list(self.recogniser(TextRecInput(coloured)).txts)


PEERS = {
    "PP-OCRv4": ("rapidocr_onnxruntime", "ch_PP-OCRv4_rec_infer.onnx"),
    "PP-OCRv6 small": ("rapidocr", "PP-OCRv6_rec_small.onnx"),
}
"""The package that carries the weights of each, and their file."""


def _folder(package: str) -> Path:
    """Return where `package` lies without importing it: PP-OCRv4's would configure logging."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise Missing(f"{package} is not installed; make bench-recognizer installs it")
    return Path(spec.origin).parent


def _text_recogniser(weights: Path) -> TextRecognizer:
    """Return rapidocr's recogniser in the settings it ships with, except for one thread."""
    settings = _folder("rapidocr") / "config.yaml"

    from rapidocr.ch_ppocr_rec import TextRecognizer
    from rapidocr.utils.parse_parameters import ParseParams

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    config = ParseParams.load(settings)
    config.Rec.engine_cfg = config.EngineConfig[config.Rec.engine_type.value]
    config.Rec.engine_cfg.intra_op_num_threads = 1
    config.Rec.engine_cfg.inter_op_num_threads = 1
    config.Rec.font_path = None
    config.Rec.model_path = str(weights)
    return TextRecognizer(config.Rec)
