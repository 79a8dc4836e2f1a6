"""What stops a start, and what the supervising process is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.config.load import load
from daemon.core.errors import Misconfigured
from daemon.core.shipped import DETECTOR as DETECTOR_NAME
from daemon.core.shipped import LEXICON, RECOGNISER
from daemon.supervisor import preflight
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import DETECTOR, MODEL, Workspace

PAGES = 6


@pytest.mark.parametrize(
    ("section", "values", "remedy"),
    [
        ("model", {"file": "/nowhere/crnn.pt"}, "model.file"),
        ("model", {"sha256": "0" * 64}, "model.sha256"),
        ("model", MODEL | {"file": DETECTOR["file"], "sha256": None}, "model.file"),
        ("detector", {"file": "/nowhere/db.onnx"}, "detector.file"),
        (
            "detector",
            {"sha256": "0" * 64},
            "detector.sha256",
        ),
        ("detector", {"file": str(REPOSITORY / "config.yaml"), "sha256": None}, "detector.file"),
    ],
)
def test_networks_that_are_not_what_they_say_stop_the_start(
    tmp_path: Path, section: str, values: dict, remedy: str
) -> None:
    refused = Workspace(tmp_path, **{section: values}).command("run")

    assert refused.returncode == 78
    assert remedy in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused as root")
def test_root_is_refused_by_default_and_check_reports_the_same_error(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, allow_root=False)

    refused, checked = workspace.command("run"), workspace.command("check")

    assert refused.returncode == 78
    assert "allow_root = False: the daemon does not run as root by default" in refused.stderr
    assert (checked.returncode, "error: allow_root" in checked.stdout) == (78, True)
    assert workspace.command("once", str(workspace.inbox), "--text").returncode == 0


def test_the_daemon_stays_light_and_free_of_decoders(tmp_path: Path) -> None:
    """What the supervising process imports cannot crash it: no torch, cv2, pymupdf, numpy."""
    listed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, daemon.cli.app, daemon.supervisor.main; print(*sys.modules)",
        ],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    heavy = {"torch", "cv2", "pymupdf", "numpy", "onnxruntime", "training"}
    assert heavy & set(listed.stdout.split()) == set()


def test_the_help_loads_nothing_that_only_commands_need() -> None:
    listed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import atexit, sys; from daemon.__main__ import main; "
            "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
            "sys.argv = ['ocr-daemon', '--help']; main()",
        ],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    slow = {"rich", "pydantic", "structlog", "yaml", "msgspec", "jsonschema_rs", "asyncio"}
    assert slow & set(listed.stderr.split()) == set()
    for command in ("run", "once", "list", "retry", "reread", "logs", "reload", "completion"):
        assert f"  {command} " in listed.stdout


def test_a_word_list_that_is_not_the_shipped_one_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in (f"{RECOGNISER}.onnx", DETECTOR_NAME, "SHA256SUMS"):
        shutil.copyfile(REPOSITORY / "models" / name, models / name)
    (models / LEXICON).write_text("altered\n")
    monkeypatch.setattr("daemon.core.shipped.shipped_file", lambda name: tmp_path / name)

    with pytest.raises(Misconfigured, match=r"model\.lexicon.*is not the list of this version"):
        preflight.refuse_bad_weights(load(None, base=tmp_path))


def test_the_daemon_says_at_its_start_that_the_list_is_missing(tmp_path: Path):
    said = Workspace(tmp_path, model={"lexicon": "nowhere.txt"}).command("run")

    assert said.returncode == 78
    assert f"model.lexicon = {tmp_path}/nowhere.txt: cannot be read" in said.stdout + said.stderr
