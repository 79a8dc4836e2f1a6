"""`list`, `retry`, `reload` and `logs` beside a running daemon, as an operator types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.cli.reload import running_pid
from tests.support.repository import REPOSITORY
from tests.support.running_daemon import Workspace, until
from tests.support.samples import png, text_page

SCAN = png(text_page(["Read me"]))
NO_IMAGE = b"no image at all"


def found(workspace: Workspace, *arguments: str) -> Any:
    done = workspace.command(*arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def log_of(workspace: Workspace, event: str) -> list[dict[str, Any]]:
    return [each for each in workspace.events() if each["event"] == event]


def test_failed_files_are_listed_with_the_reason_and_retried_by_pattern(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        for name in ("deep/bad.png", "worse.png", "good.png"):
            workspace.drop(name, SCAN if name == "good.png" else NO_IMAGE)
        until(lambda: len(found(workspace, "list", "failed")["failed"]) == 2)
        recent = found(workspace, "list")["recent"]
        before = {each["name"]: each for each in found(workspace, "list", "failed")["failed"]}
        (workspace.failed / "deep/bad.png").write_bytes(png(text_page(["Repaired"])))

        retried = workspace.command("retry", "*/bad.png")

        until(lambda: (workspace.archive / "deep/bad.png").exists())
        answers = workspace.answers()
        after = found(workspace, "list", "failed")["failed"]
        counted = found(workspace, "status")["failed"]

    assert {each["name"]: each["status"] for each in recent} == {
        "deep/bad.png": "failed", "worse.png": "failed", "good.png": "done",
    }  # fmt: skip
    assert "not an image or a PDF" in before["deep/bad.png"]["reason"]
    assert retried.returncode == 0
    assert retried.stdout == (
        "deep/bad.png is put back into the inbox; "
        "its new answer takes the place of deep/bad.png.json\n"
    )
    assert answers["deep/bad.png.json"]["status"] == "done"
    assert answers.keys() == {"deep/bad.png.json", "worse.png.json", "good.png.json"}
    assert counted == 1
    assert [each["name"] for each in after] == ["worse.png"]
    assert workspace.files_in(workspace.failed) == {"worse.png", "worse.png.error.json"}


def test_a_failure_counts_until_its_file_and_its_answer_are_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    def failed() -> list[tuple[str, str | None]]:
        listed = found(workspace, "list", "failed")
        assert listed["number"] == found(workspace, "status")["failed"]
        return sorted((each["name"], each["answer"]) for each in listed["failed"])

    with workspace.running():
        for name in ("a.png", "b.png", "c.png"):
            workspace.drop(name, NO_IMAGE + name.encode())
        until(lambda: len(failed()) == 3)
    (workspace.outbox / "a.png.json").unlink()  # a program has collected it
    (workspace.failed / "b.png").unlink()
    (workspace.failed / "c.png").unlink()
    (workspace.outbox / "c.png.json").unlink()

    assert failed() == [("a.png", None), ("b.png", "b.png.json")]
    assert (
        "its file is gone, its answer is b.png.json" in workspace.command("list", "failed").stdout
    )


def test_a_failed_file_that_gets_another_name_keeps_no_failed_answer(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        workspace.drop("a.png", NO_IMAGE)
        until(lambda: (workspace.failed / "a.png").exists())
    workspace.drop("a.png", SCAN)

    retried = workspace.command("retry", "a.png")

    assert retried.stdout.startswith(
        "a.png is put back into the inbox under the name a.2.png; "
        "its failed answer a.png.json is removed\n"
    )
    assert workspace.answers() == {}
    assert {path.name for path in workspace.inbox.glob("*.png")} == {"a.png", "a.2.png"}


def test_retry_says_what_it_cannot_find_and_moves_nothing_in_a_dry_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.failed.mkdir()
    (workspace.failed / "a[1].png").write_bytes(NO_IMAGE)

    tried = workspace.command("retry", "a[1].png", "--dry-run")
    missing = workspace.command("retry", "b.png")
    nothing, both = workspace.command("retry"), workspace.command("retry", "a", "--all")

    assert (tried.returncode, tried.stdout) == (0, "a[1].png would be put back into the inbox\n")
    assert (missing.returncode, missing.stdout) == (1, "no failed file is named b.png\n")
    assert (nothing.returncode, both.returncode) == (2, 2)
    assert workspace.files_in(workspace.failed) == {"a[1].png"}

    done = workspace.command("retry", "--all")

    assert done.stdout.splitlines() == [
        "a[1].png is put back into the inbox",
        "the daemon is not running: it reads them when it is started",
    ]
    assert workspace.files_in(workspace.inbox) == {"a[1].png"}


def test_a_file_that_is_retried_overwrites_none_in_the_inbox(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.failed.mkdir()
    (workspace.failed / "a.png").write_bytes(b"failed")
    workspace.drop("a.png", b"new")

    assert workspace.command("retry", "--all").returncode == 0
    contents = {path.name: path.read_bytes() for path in workspace.inbox.iterdir()}
    assert contents == {"a.png": b"new", "a.2.png": b"failed"}


def test_files_that_are_read_in_place_are_retried_where_they_lie(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, claim="ledger", originals="leave")
    with workspace.running():
        workspace.drop("bad.png", NO_IMAGE)
        until(lambda: found(workspace, "list", "failed")["failed"])

        retried = workspace.command("retry", "bad.png")
        until(lambda: len(log_of(workspace, "document.failed")) == 2)

    said = "bad.png is put back into the inbox; its new answer replaces bad.png.json\n"
    assert (retried.returncode, retried.stdout) == (0, said)
    assert (workspace.inbox / "bad.png").read_bytes() == NO_IMAGE


def test_files_that_wait_are_listed_with_the_reason(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, watch={
        "quiet_seconds": 3600.0, "incomplete_seconds": 7200.0, "rescan_seconds": 3600.0,
    })  # fmt: skip
    workspace.drop("changed.png", SCAN)
    workspace.drop("empty.png", b"")
    old = workspace.drop("old.png", SCAN)
    cut = workspace.drop("cut.png", SCAN[:-20])
    for path in (old, cut):
        os.utime(path, (0, path.stat().st_mtime - 3700))

    listed = found(workspace, "list", "waiting")

    waiting = {each["name"]: each for each in listed["waiting"]}
    assert {name: each["state"] for name, each in waiting.items()} == {
        "changed.png": "unstable", "empty.png": "incomplete", "old.png": "ready",
        "cut.png": "incomplete",
    }  # fmt: skip
    assert listed["daemon"]["status"] == "down"
    assert waiting["old.png"]["reason"] == "waits for the daemon, which is down"
    assert "is taken 3600 s after its last change" in waiting["changed.png"]["reason"]


def test_reload_says_what_changes_what_waits_and_what_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running() as daemon:
        assert running_pid(workspace.state) == daemon.process.pid
        same = workspace.command("reload")
        values = yaml.safe_load(workspace.config.read_text())
        values["watch"]["quiet_seconds"] = 0.4
        values["logging"] = {"files": 7}
        workspace.config.write_text(yaml.safe_dump(values))
        changed = workspace.command("reload")
        workspace.config.write_text(yaml.safe_dump(values | {"wrokers": 2}))
        typo = workspace.command("reload")
        status = workspace.command("status")
        health = workspace.command("health")

    assert (same.returncode, same.stdout) == (0, "the config is the one that is in force\n")
    assert changed.returncode == 0
    assert "watch.quiet_seconds: 0.3 -> 0.4" in changed.stdout
    assert "after a restart:   logging.files: 5 -> 7" in changed.stdout
    assert (typo.returncode, "wrokers" in typo.stderr) == (78, True)
    assert status.returncode == 78
    assert "the daemon that runs keeps its earlier config" in status.stderr
    assert f"(pid {daemon.process.pid})" in health.stdout
    assert not log_of(workspace, "config.refused"), "the command itself has refused it"


def test_reload_reports_what_only_the_daemon_finds(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        values = yaml.safe_load(workspace.config.read_text())
        values["model"]["sha256"] = "0" * 64
        workspace.config.write_text(yaml.safe_dump(values))

        refused = workspace.command("reload")

    assert refused.returncode == 1
    assert "goes on with the old one: model.sha256" in refused.stdout


def test_reload_without_a_daemon_signals_nobody(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.mkdir()
    (workspace.state / "lock").touch()
    heartbeat = {
        "pid": os.getpid(), "beat_at": 0.0, "scanned_at": 0.0, "in_progress": 0,
        "draining": False, "faults": [],
    }  # fmt: skip
    (workspace.state / "heartbeat.json").write_text(json.dumps(heartbeat))
    before = signal.signal(signal.SIGHUP, lambda *_: pytest.fail("this process got the signal"))
    try:
        done = workspace.command("reload")
    finally:
        signal.signal(signal.SIGHUP, before)

    assert (done.returncode, "no daemon runs on" in done.stdout) == (1, True)


def test_logs_are_printed_from_a_level_on_and_followed_across_a_rotation(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    none = workspace.command("logs")
    workspace.logs.mkdir()
    log = workspace.logs / "ocr-daemon.jsonl"
    log.write_text("".join(line(f"event.{n}", "warning" if n % 2 else "info") for n in range(9)))

    last = workspace.command("logs", "--lines", "2", "--level", "WARNING", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "logs", "--follow", "--lines", "1",
         "--config", workspace.config],
        stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=os.environ | {"TZ": "UTC-2"},
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    with log.open("a") as file:
        file.write(line("before.rotation") + '{"half a li')
        file.flush()
        second = process.stdout.readline()
        file.write('ne": 1}\n')
    log.rename(log.with_name(f"{log.name}.1"))
    log.write_text(line("after.rotation"))
    third, fourth = process.stdout.readline(), process.stdout.readline()
    process.terminate()
    process.wait(30)
    process.stdout.close()

    assert (none.returncode, "has not run here yet" in none.stderr) == (0, True)
    assert [json.loads(each)["event"] for each in last.stdout.splitlines()] == [
        "event.5", "event.7",
    ]  # fmt: skip
    assert "2026-01-02 05:04:05 [info     ] event.8" in first
    assert "before.rotation" in second
    assert third == '{"half a line": 1}\n'
    assert "after.rotation" in fourth


def line(event: str, level: str = "info") -> str:
    at = "2026-01-02T03:04:05.000Z"
    return json.dumps({"event": event, "level": level, "timestamp": at}) + "\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_asks_the_program(shell: str) -> None:
    script = subprocess.run(
        [sys.executable, "-m", "daemon", "completion", shell],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    ).stdout  # fmt: skip

    assert f"_OCR_DAEMON_COMPLETE=complete_{shell}" in script


def test_bash_completes_commands_options_and_values(tmp_path: Path) -> None:
    program = tmp_path / "ocr-daemon"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m daemon "$@"\n')
    program.chmod(0o755)
    ask = """
source <(ocr-daemon completion bash)
complete_line() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _ocr_daemon_completion ocr-daemon
  echo "${COMPREPLY[@]}"
}
complete_line ocr-daemon ret
complete_line ocr-daemon once --lo
complete_line ocr-daemon list fa
"""

    said = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, check=True, cwd=REPOSITORY,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip

    assert said.stdout.splitlines() == ["retention retry", "--look", "failed"]


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("status",), "waiting"), (("check",), "findings"), (("verify", "--deep"), "landed"),
        (("hooks",), "hooks"), (("retention",), "expired"), (("health",), "status"),
        (("list",), "recent"),
    ],
)  # fmt: skip
def test_every_report_is_json_on_request(tmp_path: Path, command: tuple, key: str) -> None:
    workspace = Workspace(tmp_path, retention={"archive_days": 1.0})
    with workspace.running():
        workspace.drop("a.png", SCAN)
        workspace.answer("a.png.json")

    assert key in found(workspace, *command)
