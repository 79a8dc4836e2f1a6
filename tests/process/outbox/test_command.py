"""Command hooks with real programs that read, fail, hang and leave children behind."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from threading import Event, Timer

import psutil
import pytest

from daemon.config.hook import Hook
from daemon.core.errors import Undelivered
from daemon.outbox.hooks.command import call
from tests.support.hooks.sidecars import notification
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import until

NEVER = Event()


def shell(script: str, *arguments: str, seconds: float = 20.0) -> Hook:
    command = ("/bin/sh", "-c", script, "sh", *arguments)
    return Hook(name="sh", command=command, timeout_seconds=seconds)


def run(hook: Hook, stop: Event = NEVER, **changes: object) -> None:
    call(hook, notification(hook, **changes), Path("/srv/outbox"), stop)


def test_a_program_gets_the_notification_on_its_standard_input_whatever_its_size(
    tmp_path: Path,
) -> None:
    hook = shell('cat > "$1"', str(tmp_path / "said"))
    text = "长" * 300_000

    run(Hook(name="sh", command=hook.command, text_characters=1_000_000), text=text)

    assert json.loads((tmp_path / "said").read_text())["data"]["text"] == text


def test_a_program_finds_the_facts_in_its_environment_and_nothing_else_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")

    run(shell('env -0 > "$1"', str(tmp_path / "env")))

    said = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    assert (said["OCR_ID"], said["OCR_EVENT"]) == ("c1-sh", "document.done")
    assert said["OCR_ANSWER"] == "/srv/outbox/in/scan.png.json"
    assert (said["OCR_NAME"], said["OCR_PAGES"], said["OCR_ATTEMPT"]) == ("scan.png", "3", "1")
    assert "DATABASE_PASSWORD" not in said


def test_nothing_of_an_argument_is_taken_for_a_shell_s(tmp_path: Path) -> None:
    marker = tmp_path / "$(touch gone)"

    run(Hook(name="touch", command=("touch", "--", str(marker))))

    assert [path.name for path in tmp_path.iterdir()] == ["$(touch gone)"]


def test_a_program_inherits_no_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)

        run(shell('ls -l /proc/self/fd > "$1"', str(tmp_path / "open")))

    assert "ours" not in (tmp_path / "open").read_text()


def test_the_output_of_a_failed_program_is_reported_up_to_a_limit() -> None:
    with pytest.raises(Undelivered) as failure:
        run(shell('head -c 300000 /dev/zero | tr "\\0" x; echo " no such table" >&2; exit 3'))

    said = str(failure.value)
    assert (said[:14], said[-13:], len(said) < 2100) == ("exit code 3: x", "no such table", True)


def test_a_missing_program_is_reported() -> None:
    with pytest.raises(Undelivered, match="/nowhere/tell cannot be started: No such file"):
        run(Hook(name="gone", command=("/nowhere/tell",)))


def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = 'trap "" TERM; sleep 600 & echo $! > "$1"; echo $$ >> "$1"; wait; wait'

    with pytest.raises(Undelivered, match=r"ended after 0\.5 s"):
        run(shell(script, str(tmp_path / "pids"), seconds=0.5))

    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    until(lambda: not any(map(is_running, pids)), 5)


def test_a_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    began = time.monotonic()

    run(shell("sleep 5 &"))

    assert time.monotonic() - began < 4


def test_a_stop_ends_a_program_soon_and_costs_no_attempt() -> None:
    stop, began = Event(), time.monotonic()
    Timer(0.2, stop.set).start()

    with pytest.raises(Undelivered, match="the daemon stops") as broken:
        run(shell("sleep 600", seconds=600.0), stop)

    assert not broken.value.counts
    assert time.monotonic() - began < 20


def test_a_program_of_another_session_hears_no_interrupt_of_ours(tmp_path: Path) -> None:
    run(shell('ps -o sid= -p $$ > "$1"', str(tmp_path / "sid")))

    assert int((tmp_path / "sid").read_text()) != os.getsid(0)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_example_of_the_documentation_is_a_program_that_works(tmp_path: Path) -> None:
    documented = (REPOSITORY / "docs/hooks.md").read_text()
    script = documented.split("```sh\n#!/bin/sh")[1].split("```")[0].strip()
    program = tmp_path / "tell"
    program.write_text(f"#!/bin/sh\n{script.replace('/var/lib/scans', str(tmp_path))}\n")
    program.chmod(0o755)

    for claim in ("c1", "c1", "c2"):
        run(Hook(name="tell", command=(str(program),)), claim=claim)

    assert subprocess.run(["wc", "-l", tmp_path / "events"], capture_output=True).stdout[:1] == b"2"
