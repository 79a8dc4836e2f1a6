"""`ocr-daemon once` on a terminal: a real one, as far as the process can tell."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from daemon.cli.terminal import FileProgress
from daemon.core import logs
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace
from tests.support.samples import png, text_page

NAMES = [f"{'a long name ' * 4}{number}.png" for number in range(3)]
WIDTH = 100


def on_terminal(workspace: Workspace, *arguments: str, stdout: int | None = None) -> str:
    """Run `once` and return what its terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "once", workspace.root / "scans", *arguments,
         "--config", workspace.config],
        stdin=subprocess.DEVNULL, stdout=stdout or slave, stderr=slave, cwd=REPOSITORY,
        env=os.environ | {"TERM": "xterm-256color", "LOG_FORMAT": "console"},
    )  # fmt: skip
    os.close(slave)
    screen = b""
    while block := read(master):
        screen += block
    os.close(master)
    assert process.wait(60) == 0, screen
    return screen.decode()


def read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # Linux says EIO when the other end is closed
        return b""


def lines_of(screen: str) -> list[str]:
    """Return the lines that stay: without colours, and without the states of the bar."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\x1b", screen)
    finished = (line.split("\x1b")[-1] for line in re.split(r"\r?\n", plain))
    return [line.strip("\r") for line in finished if line.strip("\r")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    (tmp_path / "scans").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "scans" / name).write_bytes(png(text_page([f"Scan {number}"])))
    return made


def test_the_bar_names_the_file_and_breaks_no_line_of_what_is_printed(
    workspace: Workspace,
) -> None:
    screen = on_terminal(workspace)

    written = [f"{workspace.root}/scans/{name}.json" for name in NAMES]
    assert len(written[0]) > WIDTH
    assert [line for line in lines_of(screen) if line.endswith(".json")] == written
    assert "…" in screen
    assert "3 files, 3 pages in " in screen


def test_what_goes_to_a_file_does_not_go_to_the_terminal(workspace: Workspace) -> None:
    with (workspace.root / "text").open("wb") as file:
        screen = on_terminal(workspace, "--text", stdout=file.fileno())

    assert (workspace.root / "text").read_text() == "Scan 0\nScan 1\nScan 2\n"
    assert "Scan 0" not in screen


def test_what_is_logged_stands_above_the_bar_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.set_up(None, "INFO", log_format="json")
    progress = FileProgress(2)

    with progress.shown():
        progress.show("scan.png", 3, 7)
        logging.getLogger().warning("one")
        logging.getLogger().warning("two")
        progress.advance(7)

    screen = capsys.readouterr().err
    assert "scan.png (3 of 7 pages)" in screen
    logged = [json.loads(line) for line in lines_of(screen) if line.startswith("{")]
    assert [event["event"] for event in logged] == ["one", "two"]
