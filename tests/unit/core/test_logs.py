"""Untrusted text in logs: one JSON object per line, and no control characters on a terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import structlog

from daemon.core import logs

ESCAPES = "\x1b[2J\x1b]0;owned\x07"
HOSTILE = [
    ESCAPES + "scan.png",
    'a\n{"event": "daemon.stopped"}\n.png',
    "a\r\x08\x7f.png",
    "invoice\u202egnp.exe",
    "line\u2028paragraph\u2029.png",
    "a\x9b31m.png",  # CSI in one character
    os.fsdecode(b"caf\xe9.png"),
    "%s%n{name}{0}.png",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A readable log on a terminal, and JSON lines in a folder."""
    root, screen = logging.getLogger(), Terminal()
    handlers, level, raises = root.handlers, root.level, logging.raiseExceptions
    monkeypatch.setattr(sys, "stderr", screen)
    logs.set_up(tmp_path, "INFO", 1 << 20, 1)
    yield screen
    for handler in root.handlers:
        handler.close()
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    structlog.reset_defaults()


def said(folder: Path) -> list[dict[str, str]]:
    lines = (folder / logs.LOG_NAME).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_within_its_line_and_sends_no_control_characters(
    name: str, terminal: Terminal, tmp_path: Path
) -> None:
    structlog.get_logger().warning("file.blocked", name=name, reason=f"{name} is odd")
    logs.drain()

    shown = terminal.getvalue()
    assert len(shown.splitlines()) == 1
    for sign in ("\x1b[2J", "\x1b]", "\x07", "\x08", "\x9b", "\r", "\u202e", "\u2028"):
        assert sign not in shown
    (event,) = said(tmp_path)
    assert event["event"] == "file.blocked"
    assert event["name"] == name.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("name", HOSTILE)
def test_control_characters_in_messages_and_tracebacks_are_escaped(
    name: str, terminal: Terminal, tmp_path: Path
) -> None:
    try:
        raise ValueError(name)
    except ValueError:
        logging.getLogger("some.library").exception("over %s", name)
    logs.drain()

    shown = terminal.getvalue()
    for sign in ("\x1b[2J", "\x1b]", "\x07", "\x08", "\x9b", "\r", "\u202e", "\u2028"):
        assert sign not in shown
    assert "ValueError" in shown
    (event,) = said(tmp_path)
    assert "ValueError" in event["exception"]


def test_surrogates_are_escaped_in_the_file(terminal: Terminal, tmp_path: Path) -> None:
    """A surrogate is legal in JSON's grammar, but Rust's and Go's readers refuse or replace it."""
    structlog.get_logger().info("document.done", name=os.fsdecode(b"caf\xe9.png"))
    logs.drain()

    assert b"\\ud" not in (tmp_path / logs.LOG_NAME).read_bytes().replace(b"\\\\ud", b"")


def test_text_on_a_terminal_keeps_line_breaks_and_tabs() -> None:
    shown = logs.escape_controls("a\tb\nc\x1b[2J", keep="\n\t")

    assert shown == "a\tb\nc\\x1b[2J"


@pytest.mark.slow
def test_a_stalled_log_volume_blocks_nothing(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(Terminal, "write", lambda *_: gate.wait())

    for number in range(logs.MAX_QUEUED + 10):
        structlog.get_logger().info("document.done", number=number)

    gate.set()
    logs.drain(30.0)
    assert len(said(tmp_path)) >= logs.MAX_QUEUED


def test_the_log_file_is_rotated_by_size(tmp_path: Path) -> None:
    import structlog

    logs.set_up(tmp_path, "INFO", file_bytes=2000, files=2)
    try:
        for number in range(100):
            structlog.get_logger().info("document.done", number=number)
    finally:
        logs.set_up(None, "INFO", 0, 0)

    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [logs.LOG_NAME, f"{logs.LOG_NAME}.1", f"{logs.LOG_NAME}.2"]
    lines = (tmp_path / logs.LOG_NAME).read_text().splitlines()
    assert json.loads(lines[-1])["number"] == 99


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers, root.level, logging.raiseExceptions
    yield root
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "is_json"),
    [
        ("auto", True, False), ("auto", False, True), ("json", True, True),
        ("console", False, False),
    ],
)  # fmt: skip
def test_standard_error_has_the_format_that_is_set(
    log_format: str, is_terminal: bool, is_json: bool, root_logger: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    stream = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(None, "INFO", log_format=log_format)  # type: ignore[arg-type]

    structlog.get_logger().info("document.started", name="a.png")

    shown = stream.getvalue()
    assert shown.startswith("{") == is_json
    assert "document.started" in shown
    assert ("\x1b[" in shown) == (is_terminal and not is_json)


def test_people_get_local_time_and_programs_utc(
    root_logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "XYZ-05:30")
    monkeypatch.setenv("NO_COLOR", "1")
    time.tzset()
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    logs.set_up(tmp_path, "INFO", 1 << 20, 1)
    try:
        structlog.get_logger().info("document.started")
        logs.drain()
    finally:
        for handler in root_logger.handlers:
            handler.close()
        monkeypatch.undo()
        time.tzset()

    (event,) = said(tmp_path)
    at = datetime.fromisoformat(event["timestamp"])
    local = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert at.utcoffset() == timedelta(0)
    assert screen.getvalue().startswith(local.strftime("%Y-%m-%d %H:%M:%S [info"))
