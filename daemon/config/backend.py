"""Which file of the recogniser is read, and by which library: `model.backend` and `model.file`.

A recogniser is two files of one name, NAME.onnx for ONNX Runtime and NAME.pt for TorchScript. A
`model.file` with one of these suffixes is that file; without, `model.backend` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.config.sections import Model
from daemon.core.errors import Misconfigured
from daemon.core.options import Weights

Backend = Literal["torchscript", "onnxruntime"]

SUFFIXES: dict[Backend, str] = {"torchscript": ".pt", "onnxruntime": ".onnx"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that is read, with its backend and digest, and why it is this one."""

    weights: Weights
    reason: str


def choose(model: Model) -> Choice:
    """Return the choice; Misconfigured where the keys contradict each other."""
    backend, reason = _backend(model)
    if model.precision == "bf16" and backend == "onnxruntime":
        remedy = "ONNX Runtime computes in the precision of its file; use auto, or torchscript"
        raise Misconfigured("model.precision", model.precision, remedy)
    weights = Weights(
        file=_file(model.file, backend),
        sha256=_digest(model, SUFFIXES[backend]),
        backend=backend,
        precision=model.precision,
        batch_size=model.batch_size,
        beam=model.beam,
        lexicon=model.lexicon,
    )
    return Choice(weights, reason)


def sibling(file: Path) -> tuple[Backend, Path]:
    """Return the backend that does not read `file`, and its file of the same name."""
    other: Backend = "onnxruntime" if file.suffix == SUFFIXES["torchscript"] else "torchscript"
    return other, file.with_suffix(SUFFIXES[other])


def _backend(model: Model) -> tuple[Backend, str]:
    named = _named_backend(model.file)
    if model.backend != "auto":
        if named not in (None, model.backend):
            remedy = (
                f"reads {SUFFIXES[model.backend]} files, and model.file is {model.file}; "
                "leave out its suffix, or use auto"
            )
            raise Misconfigured("model.backend", model.backend, remedy)
        return model.backend, "model.backend names it"
    if named:
        return named, f"model.file names a {model.file.suffix} file"
    if model.precision == "bf16":
        return "torchscript", "model.precision is bf16"
    return "onnxruntime", "it is at least as fast as TorchScript, and needs half of the memory"


def _named_backend(file: Path) -> Backend | None:
    """Return the backend that a suffix names; None for a file without one of the suffixes."""
    return next((each for each, suffix in SUFFIXES.items() if file.suffix == suffix), None)


def _file(file: Path, backend: Backend) -> Path:
    # not with_suffix: a name may have dots
    return file if _named_backend(file) else file.with_name(file.name + SUFFIXES[backend])


def _digest(model: Model, suffix: str) -> str | None:
    """Return the digest of the file with `suffix`, None where there is none."""
    sha256, known = model.sha256, {each.removeprefix(".") for each in SUFFIXES.values()}
    if isinstance(sha256, dict):
        for key in sha256.keys() - known:
            remedy = f"there is no such key; the files are {' and '.join(sorted(known))}"
            raise Misconfigured(f"model.sha256.{key}", sha256[key], remedy)
        return sha256.get(suffix.removeprefix("."))
    if sha256 and model.backend == "auto" and not _named_backend(model.file):
        remedy = (
            f"is one digest, and {model.file} may be read as .onnx or as .pt; "
            "write {onnx: DIGEST, pt: DIGEST}"
        )
        raise Misconfigured("model.sha256", sha256, remedy)
    return sha256
