"""The files that come with the program: networks, word list, config.yaml.

A wheel has them in the package, in `daemon/shipped`; in a checkout they lie where they are kept.
"""

from __future__ import annotations

from pathlib import Path

from daemon.core.errors import Misconfigured

SHIPPED = Path("shipped")  # the value of a key of the config that means the file of this version
RECOGNISER = "crnn-zh-en-4"  # NAME.onnx and NAME.pt
DETECTOR = "db-ppocr-v6-tiny.onnx"
LEXICON = "words-en.txt"

_PACKAGE = Path(__file__).parents[1]


def shipped_file(name: str) -> Path:
    """Return a file by its path in the repository, such as `models/words-en.txt`."""
    packaged = _PACKAGE / "shipped"
    return (packaged if packaged.is_dir() else _PACKAGE.parent) / name


def shipped_model(name: str) -> Path:
    """Return a file of `models/`."""
    return shipped_file(f"models/{name}")


def shipped_digest(name: str) -> str:
    """Return the SHA-256 that a file of `models/` had when it was released.

    Raises Misconfigured if the installation lacks the list of them.
    """
    sums = shipped_model("SHA256SUMS")
    try:
        digests = dict(line.split()[::-1] for line in sums.read_text("ascii").splitlines())
        return digests[name]
    except (OSError, ValueError, KeyError) as error:
        remedy = f"the installation is incomplete ({error}); install ocr-daemon again"
        raise Misconfigured("SHA256SUMS", sums, remedy) from error
