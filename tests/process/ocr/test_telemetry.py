"""No usage data is collected by the library that runs the networks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running_daemon import SHIPPED_ONNX

PROGRAM = """
import sys, time
from pathlib import Path
if sys.argv[2] == "daemon":
    from daemon.ocr.onnx_session import open_session
    session = open_session(Path(sys.argv[1]).read_bytes())
else:
    import onnxruntime
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
time.sleep(0.5)
"""


def collected(home: Path, opened_by: str) -> list[Path]:
    """Open a session in a process with this home folder; return the files that it leaves there."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(SHIPPED_ONNX.file), opened_by],
        env=environment | {"HOME": str(home)}, check=True, timeout=120,
    )  # fmt: skip
    return [path for path in home.rglob("*") if path.is_file()]


def test_a_session_leaves_no_usage_data(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.mkdir()
    ours.mkdir()
    if not collected(plain, "itself"):
        pytest.skip("this version of ONNX Runtime collects nothing")

    assert collected(ours, "daemon") == []
