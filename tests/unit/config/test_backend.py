"""Which file of the recogniser is read, and by which library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.config.backend import Choice, choose
from daemon.config.load import load
from daemon.config.sections import Model
from daemon.core.errors import Misconfigured
from daemon.supervisor import preflight

DIGESTS = {"onnx": "a" * 64, "pt": "b" * 64}


def chosen(file: str = "/m/crnn-1.5", **values: Any) -> Choice:
    return choose(Model(file=Path(file), **values))


def refused(**values: Any) -> Misconfigured:
    with pytest.raises(Misconfigured) as error:
        chosen(**values)
    return error.value


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        ("auto", "onnxruntime"),
        ("fp32", "onnxruntime"),
        ("bf16", "torchscript"),  # which refuses it where it would only be emulated
    ],
)
def test_auto_is_onnxruntime_unless_bf16_is_asked_for(precision: str, expected: str) -> None:
    assert chosen(precision=precision).weights.backend == expected


def test_the_reason_names_what_decided() -> None:
    assert "half of the memory" in chosen().reason
    assert "model.precision" in chosen(precision="bf16").reason
    assert "model.backend" in chosen(backend="onnxruntime").reason
    assert "model.file" in chosen(file="/m/crnn.pt").reason


@pytest.mark.parametrize(
    ("backend", "name"), [("onnxruntime", "crnn-1.5.onnx"), ("torchscript", "crnn-1.5.pt")]
)
def test_a_name_without_suffix_is_the_file_of_the_backend(backend: str, name: str) -> None:
    weights = chosen(backend=backend, sha256=DIGESTS).weights

    assert (weights.backend, weights.file) == (backend, Path("/m") / name)
    assert weights.sha256 == DIGESTS[name.rsplit(".", 1)[1]]


@pytest.mark.parametrize("file", ["/m/crnn.pt", "/m/crnn.onnx", "/m/crnn.int8.onnx"])
def test_a_name_with_suffix_is_that_file(file: str) -> None:
    weights = chosen(file, sha256="c" * 64).weights

    assert (str(weights.file), weights.sha256) == (file, "c" * 64)
    assert weights.backend == ("torchscript" if file.endswith(".pt") else "onnxruntime")


def test_a_file_takes_its_digest_from_the_table() -> None:
    assert chosen(file="/m/crnn.pt", sha256=DIGESTS).weights.sha256 == DIGESTS["pt"]
    assert chosen(file="/m/crnn.onnx", sha256={"pt": "b"}).weights.sha256 is None


def test_one_digest_is_accepted_where_one_file_can_be_read() -> None:
    assert chosen(backend="torchscript", sha256="b" * 64).weights.sha256 == "b" * 64


@pytest.mark.parametrize(
    ("values", "key", "remedy"),
    [
        ({"sha256": "c" * 64}, "model.sha256", "{onnx: DIGEST, pt: DIGEST}"),
        ({"sha256": {"tp": "c"}}, "model.sha256.tp", "onnx and pt"),
        ({"file": "a.pt", "backend": "onnxruntime"}, "model.backend", "reads .onnx files"),
        ({"file": "a.onnx", "backend": "torchscript"}, "model.backend", "reads .pt files"),
        ({"file": "a.onnx", "precision": "bf16"}, "model.precision", "or torchscript"),
        ({"backend": "onnxruntime", "precision": "bf16"}, "model.precision", "or torchscript"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    values: dict[str, Any], key: str, remedy: str
) -> None:
    error = refused(**values)

    assert error.key == key
    assert remedy in error.remedy


# --- in a config file ---------------------------------------------------------------------------

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(**model: Any) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(f"model: {json.dumps({'file': 'crnn', **model})}\n")
        return path

    return to_file


def finding(path: Path) -> preflight.Finding:
    """Return what preflight finds about the recogniser."""
    return next(each for each in preflight.findings(load(path)) if each.key.startswith("model."))


def test_contradictions_are_refused_when_the_config_is_loaded(write: Write) -> None:
    with pytest.raises(Misconfigured, match=r"reads \.onnx files"):
        load(write(file="crnn.pt", backend="onnxruntime"))


def test_the_environment_can_name_another_backend_file_and_digest(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write(sha256=DIGESTS)
    monkeypatch.setenv("OCR_DAEMON__MODEL__BACKEND", "torchscript")
    assert load(path).weights.file == tmp_path / "crnn.pt"
    monkeypatch.setenv("OCR_DAEMON__MODEL__SHA256__PT", "d" * 64)
    assert load(path).weights.sha256 == "d" * 64
    monkeypatch.setenv("OCR_DAEMON__MODEL__FILE", "other.pt")
    monkeypatch.delenv("OCR_DAEMON__MODEL__SHA256__PT")
    monkeypatch.setenv("OCR_DAEMON__MODEL__SHA256", "e" * 64)
    weights = load(path).weights
    assert (weights.file, weights.sha256) == (tmp_path / "other.pt", "e" * 64)


@pytest.mark.parametrize(
    ("backend", "missing", "other"),
    [("onnxruntime", "crnn.onnx", "crnn.pt"), ("torchscript", "crnn.pt", "crnn.onnx")],
)
def test_a_missing_file_is_named_and_the_other_one_where_it_is_there(
    write: Write, tmp_path: Path, backend: str, missing: str, other: str
) -> None:
    path = write(backend=backend)
    without = finding(path)
    (tmp_path / other).write_bytes(b"")
    beside = finding(path)

    for each in (without, beside):
        assert (each.is_fatal, each.key, each.value) == (True, "model.file", tmp_path / missing)
    assert "model.backend" not in without.remedy
    assert f"which reads {tmp_path / other}" in beside.remedy


def test_the_digest_that_differs_is_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "crnn.onnx").write_bytes(b"another network")

    found = finding(write(backend="onnxruntime", sha256=DIGESTS))

    assert (found.is_fatal, found.key, found.value) == (True, "model.sha256.onnx", "a" * 64)
