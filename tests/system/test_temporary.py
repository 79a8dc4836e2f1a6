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


@pytest.fixture
def temp() -> Iterator[Path]:
    """A folder for temporary files with a short name, as the address of a socket is limited."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


def started(workspace: Workspace, temp: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command as a session leader; return once its workers and its files are there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", *arguments, "--config", str(workspace.config)],
        cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(temp)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: list(temp.glob("*/pymp-*/listener-*")), 30, what="the fork server")
    return process


@pytest.mark.parametrize("command", ["once", "run"])
@pytest.mark.parametrize("whole_group", [False, True], ids=["the process", "its whole group"])
def test_a_killed_command_leaves_nothing(
    tmp_path: Path, temp: Path, command: str, *, whole_group: bool
) -> None:
    workspace = Workspace(tmp_path)
    for number in range(30):
        workspace.drop(f"{number}.png", png(text_page([f"Page {number}"])))
    extra = [str(workspace.inbox), "--output", "searchable_pdf"] if command == "once" else []
    process = started(workspace, temp, command, *extra)

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
        "once", str(page), "--output", "searchable_pdf", TMPDIR=str(temp), HOME=str(home)
    )

    assert (done.returncode, list(home.iterdir())) == (0, [])
    until(lambda: not list(temp.iterdir()), 5, what="removed by the shell, a moment later")


def test_a_folder_for_temporary_files_with_a_long_path_is_used_as_it_is(tmp_path: Path) -> None:
    """Else the socket in a folder within would have too long an address."""
    temp = tmp_path / "long"
    temp = temp.with_name("l" * (70 - len(str(tmp_path)) - 1)) if len(str(tmp_path)) < 65 else temp
    temp.mkdir()
    workspace = Workspace(tmp_path)
    page = workspace.drop("page.png", png(text_page(["Long"])))

    assert workspace.command("once", str(page), TMPDIR=str(temp)).returncode == 0


def test_the_next_start_removes_what_a_power_cut_left_and_nothing_that_is_in_use(
    tmp_path: Path, temp: Path
) -> None:
    left, foreign = temp / f"{temporary.PREFIX}left", temp / "of-another-program"
    for folder in (left, foreign):
        (folder / "pymp-x").mkdir(parents=True)
        (folder / "lock").touch()
    workspace = Workspace(tmp_path)
    process = started(workspace, temp, "run")
    page = workspace.root / "page.png"
    page.write_bytes(png(text_page(["Next"])))

    done = workspace.command("once", str(page), TMPDIR=str(temp))

    assert done.returncode == 0
    assert not left.exists()
    assert foreign.exists()
    assert list(temp.glob(f"{temporary.PREFIX}*/pymp-*/listener-*"))  # of the one that runs
    process.kill()
    process.wait()
