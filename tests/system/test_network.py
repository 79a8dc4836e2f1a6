"""The daemon uses no network: it answers in a namespace that has none, and asks for no socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import MODEL, Workspace
from tests.support.samples import png, text_page

ALONE = ["unshare", "--map-root-user", "--net"]


def may(command: list[str]) -> bool:
    """Tell whether a command can be run here."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def once(workspace: Workspace, *around: str) -> subprocess.CompletedProcess[str]:
    """Read the file in the inbox with everything that reading needs, `around` in front."""
    command = [
        *around, sys.executable, "-m", "daemon", "once", str(workspace.inbox / "scan.png"),
        "--text", "--config", str(workspace.config),
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, model=MODEL)
    workspace.drop("scan.png", png(text_page(["Offline"])))
    return workspace


@pytest.mark.skipif(not may(ALONE), reason="this user may make no network namespace")
def test_a_file_is_read_where_there_is_no_network_at_all(workspace: Workspace) -> None:
    done = once(workspace, *ALONE)

    assert (done.returncode, done.stdout.strip()) == (0, "Offline"), done.stderr


@pytest.mark.skipif(not may(ALONE), reason="this user may make no network namespace")
def test_the_daemon_answers_where_there_is_no_network_at_all(workspace: Workspace) -> None:
    command = [*ALONE, sys.executable, "-m", "daemon", "run", "--config", str(workspace.config)]
    daemon = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"OCR_DAEMON__ALLOW_ROOT": "true"},
    )  # fmt: skip
    try:
        assert workspace.answer("scan.png.json")["text"] == "Offline"
    finally:
        daemon.terminate()
        daemon.wait(60)


@pytest.mark.skipif(not may(["strace", "-o/dev/null"]), reason="strace is not here or not allowed")
def test_no_process_of_it_asks_for_an_internet_socket(workspace: Workspace, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    done = once(workspace, "strace", "--follow-forks", "--trace=socket,connect", f"-o{trace}")

    assert done.stdout.strip() == "Offline", done.stderr
    assert re.findall(r"AF_(?!UNIX|LOCAL)\w+", trace.read_text()) == []
