"""Whatever ends a command, it leaves nothing in the folder for temporary files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core import temporary
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page

HOLDING = """
from daemon.core.temporary import temporary_folder
with temporary_folder() as folder:
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def temp() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def started(workspace: Workspace, temp: Path, path: str) -> subprocess.Popen[bytes]:
    """Start `once` as a session leader; return once a worker has begun to render an output."""
    command = ["once", path, "--out", str(workspace.root / "read"), "--output", "searchable_pdf"]
    command += ["--config", str(workspace.config)]
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", *command],
        cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(temp)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: list(temp.glob("*/*/*")), 60, what="an output in the scratch folder")
    return process


@pytest.mark.parametrize("whole_group", [False, True], ids=["the process", "its whole group"])
def test_a_killed_command_leaves_nothing(tmp_path: Path, temp: Path, *, whole_group: bool) -> None:
    workspace = Workspace(tmp_path)
    for number in range(30):
        workspace.drop(f"{number}.png", png(text_page([f"Page {number}"])))
    process = started(workspace, temp, str(workspace.inbox))

    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()

    until(lambda: not list(temp.iterdir()), 20, what="left behind")


def test_a_command_that_ends_by_itself_leaves_nothing_there_and_in_the_home_folder(
    tmp_path: Path, temp: Path
) -> None:
    """ONNX Runtime would keep an identifier in one and a session file in the other."""
    workspace = Workspace(tmp_path)
    page = workspace.drop("page.png", png(text_page(["Clean"])))
    home = tmp_path / "home"
    home.mkdir()

    done = workspace.command(
        "once",
        str(page),
        "--out",
        str(tmp_path / "read"),
        "--output",
        "searchable_pdf",
        TMPDIR=str(temp),
        HOME=str(home),
    )

    assert (done.returncode, list(home.iterdir())) == (0, [])
    until(lambda: not list(temp.iterdir()), 5, what="removed by the shell, a moment later")


def test_the_next_start_removes_what_a_power_cut_left_and_nothing_that_is_in_use(
    tmp_path: Path, temp: Path
) -> None:
    left, foreign = temp / f"{temporary.PREFIX}left", temp / "of-another-program"
    for folder in (left, foreign):
        (folder / "claim").mkdir(parents=True)
        (folder / "lock").touch()
    workspace = Workspace(tmp_path)
    page = workspace.root / "page.png"
    page.write_bytes(png(text_page(["Next"])))

    environment = os.environ | {"TMPDIR": str(temp)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING], cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    held = Path(holder.stdout.readline().strip())
    out = str(tmp_path / "read")
    done = workspace.command(
        "once", str(page), "--out", out, "--output", "searchable_pdf", TMPDIR=str(temp)
    )

    assert done.returncode == 0
    assert not left.exists()
    assert foreign.exists()
    assert held.exists()
    holder.communicate("end")
    assert not held.exists()
