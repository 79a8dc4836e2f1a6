"""Hooks of a real daemon: programs and a web server that are notified."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.hooks.receiver import is_signed, receiving
from tests.support.running_daemon import Workspace, until
from tests.torture import pretended
from tests.torture.life import living, quick_workspace

SECRET = "open sesame"


def home_with(root: Path, *hooks: dict[str, Any], **config: Any) -> Workspace:
    """Return a workspace with hooks that are tried again soon."""
    made = [{"wait_seconds": 0.2, **hook} for hook in hooks]
    return quick_workspace(root / "workspace", "pretended", hooks=made, **config)


def told_to(file: Path) -> list[dict[str, Any]]:
    """Return the letters that `tee -a` has written."""
    return [json.loads(line) for line in lines(file)]


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def of_event(workspace: Workspace, event: str) -> list[dict[str, Any]]:
    return [each for each in workspace.events() if each["event"] == event]


def test_a_program_and_a_url_get_the_statuses_that_they_want(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with receiving(500, (503, {"retry-after": "0"})) as receiver:
        workspace = home_with(
            tmp_path,
            {"name": "notify", "command": ["tee", "-a", str(told)]},
            {
                "name": "post", "on": ["done", "duplicate"], "url": receiver.address,
                "secret": SECRET,
            },
        )  # fmt: skip
        with living(workspace, "pretended") as life:
            life.wait_ready()
            workspace.drop("in/a.png", pretended.content("First", "Second"))
            answer = workspace.answer("in/a.png.json")
            until(lambda: len(receiver.came) == 3, what="posted three times")
            workspace.drop("bad.png", pretended.BROKEN)
            workspace.drop("again.png", pretended.content("First", "Second"))
            until(lambda: len(told_to(told)) == 2 and len(receiver.came) == 4, what="all told")
            until(lambda: "2 delivered, 0 waiting" in workspace.command("hooks").stdout, every=0.5)
            said = workspace.command("hooks").stdout, workspace.command("status").stdout

    events = Counter(notification["type"] for notification in told_to(told))
    assert events == {"document.done": 1, "document.failed": 1}
    claim = answer["processing"]["claim"]
    assert all(is_signed(*each, SECRET.encode()) for each in receiver.came)
    ids = [headers["webhook-id"] for headers, _ in receiver.came]
    assert ids[:3] == [f"{claim}-post"] * 3
    data = json.loads(receiver.came[2][1])["data"]
    assert (data["text"], data["answer"]) == ("First\n\nSecond", "in/a.png.json")
    assert said[0].splitlines() == [
        "notify: 2 delivered, 0 waiting, 0 dead", "post: 2 delivered, 0 waiting, 0 dead",
    ]  # fmt: skip
    assert "hooks        4 delivered, 0 waiting, 0 dead" in said[1]
    logged = (workspace.logs / "ocr-daemon.jsonl").read_text()
    assert not any(word in logged for word in (SECRET, "s3cret", "who=me"))
    assert [each["attempt"] for each in of_event(workspace, "hook.failed")] == [1, 2]


def test_a_dead_endpoint_and_a_hanging_program_hold_up_neither_reading_nor_another_hook(
    tmp_path: Path,
) -> None:
    told = tmp_path / "told"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        workspace = home_with(
            tmp_path,
            {"name": "dead", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/"},
            {"name": "hangs", "command": ["sleep", "600"], "timeout_seconds": 600},
            {"name": "lives", "command": ["tee", "-a", str(told)]},
        )
        with living(workspace, "pretended") as life:
            life.wait_ready()
            for number in range(20):
                workspace.drop(f"{number}.png", pretended.content(f"Number {number}"))
            until(lambda: len(workspace.files_in(workspace.archive)) == 20, what="all archived")
            until(lambda: len(told_to(told)) == 20, what="all told")
            until(lambda: sleepers(life.process), what="the program hangs")
            (sleeper,) = sleepers(life.process)

            assert life.terminate() == 0
            assert not sleeper.is_running()

    said = workspace.command("hooks").stdout
    assert "dead: 0 delivered, 20 waiting, 0 dead" in said
    assert "hangs: 0 delivered, 20 waiting, 0 dead" in said


def sleepers(daemon: psutil.Process) -> list[psutil.Process]:
    return [child for child in daemon.children() if child.name() == "sleep"]


def test_a_dead_letter_is_reported_everywhere_and_can_be_retried(tmp_path: Path) -> None:
    told, door = tmp_path / "told", tmp_path / "door"
    script = 'test -e "$1" || { echo the door is shut; exit 1; }; cat >> "$2"'
    command = ["sh", "-c", script, "sh", str(door), str(told)]
    workspace = home_with(tmp_path, {"name": "knock", "command": command, "attempts": 2})
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("a.png", pretended.content("Knock"))
        until(lambda: of_event(workspace, "hook.dead"), what="dead")
        until(
            lambda: "given up" in (workspace.state / "heartbeat.json").read_text(),
            what="a fault",
        )
        health = workspace.command("health")
        said = workspace.command("hooks").stdout
        status = workspace.command("status").stdout
        door.touch()

        workspace.command("hooks", "--retry")
        until(lambda: told_to(told), what="told at last")
        until(lambda: "given up" not in (workspace.state / "heartbeat.json").read_text())

    assert (
        health.returncode,
        "hook knock: notifications given up: 1; " in health.stdout,
    ) == (0, True)
    (dead,) = of_event(workspace, "hook.dead")
    assert (dead["name"], dead["attempt"]) == ("a.png", 2)
    assert dead["reason"] == "exit code 1: the door is shut"
    assert "knock: document.done a.png: 2 attempts: exit code 1: the door is shut" in said
    assert "0 delivered, 0 waiting, 1 dead (see `ocr-daemon hooks`)" in status
    assert told_to(told)[0]["id"] == dead["id"]


def test_notifications_of_removed_hooks_wait_until_they_are_dropped(tmp_path: Path) -> None:
    hook = {"name": "old", "command": ["false"], "attempts": 1}
    workspace = home_with(tmp_path, hook)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("a.png", pretended.content("Once"))
        until(lambda: of_event(workspace, "hook.dead"), what="dead")
        life.terminate()
    workspace = quick_workspace(tmp_path / "workspace", "pretended")

    before = workspace.command("hooks").stdout
    dropped = workspace.command("hooks", "--drop").stdout

    assert "old: 0 delivered, 0 waiting, 1 dead; no such hook in the config" in before
    assert dropped == "notifications dropped: 1\n"
    assert workspace.command("hooks").stdout == "no hooks in the config\n"
    assert "hooks" not in workspace.command("status").stdout


def test_notifications_of_a_hook_of_a_profile_are_not_stray(tmp_path: Path) -> None:
    hook = {"name": "erp", "command": ["false"], "wait_seconds": 60}
    workspace = home_with(tmp_path, profiles=[{"name": "a", "folders": ["a"], "hooks": [hook]}])
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("a/1.png", pretended.content("Once"))
        until(lambda: of_event(workspace, "hook.failed"), what="tried")
        life.terminate()

    dropped = workspace.command("hooks", "--drop").stdout

    assert "notifications dropped: 0" in dropped
    assert "erp: 0 delivered, 1 waiting, 0 dead\n" in dropped


def test_despite_kills_each_answer_is_delivered_at_least_once_with_one_id(tmp_path: Path) -> None:
    told = tmp_path / "told"
    workspace = home_with(tmp_path, {"name": "tell", "command": ["tee", "-a", str(told)]})
    names = [f"{number}/scan.png" for number in range(24)]
    for number, name in enumerate(names):
        workspace.drop(name, pretended.content(f"Scan number {number}"))
    for kills in range(1, 5):
        with living(workspace, "pretended") as life:
            life.wait_ready()
            until(lambda k=kills: len(told_to(told)) >= 4 * k, what="some are told")
            life.kill()
    with living(workspace, "pretended") as life:
        life.wait_ready()
        until(lambda: len(workspace.files_in(workspace.archive)) == 24, what="all archived")
        until(
            lambda: "24 delivered, 0 waiting" in workspace.command("hooks").stdout,
            what="all told",
            every=0.5,
        )

    claims = {answer["processing"]["claim"] for answer in workspace.answers().values()}
    bodies: dict[str, set[str]] = {}
    for line in lines(told):
        bodies.setdefault(json.loads(line)["id"], set()).add(line)
    assert set(bodies) == {f"{claim}-tell" for claim in claims}
    assert all(len(said) == 1 for said in bodies.values())


def test_a_rebuilt_ledger_repeats_and_loses_no_notification(tmp_path: Path) -> None:
    told, door = tmp_path / "told", tmp_path / "door"
    script = 'case "$OCR_NAME" in late*) test -e "$1" || exit 1;; esac; cat >> "$2"'
    command = ["sh", "-c", script, "sh", str(door), str(told)]
    workspace = home_with(tmp_path, {"name": "tell", "command": command})
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("early.png", pretended.content("Early"))
        until(lambda: told_to(told), what="the first is told")
        workspace.drop("late.png", pretended.content("Late"))
        workspace.bytes_of(workspace.archive / "late.png")
        life.terminate()
    rebuilt = workspace.command("verify", "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    door.touch()

    with living(workspace, "pretended") as life:
        life.wait_ready()
        until(lambda: "1 delivered, 0 waiting" in workspace.command("hooks").stdout, every=0.5)

    assert [notification["data"]["name"] for notification in told_to(told)] == [
        "early.png",
        "late.png",
    ]


def test_without_hooks_there_is_no_thread_no_connection_and_no_row(tmp_path: Path) -> None:
    workspace = quick_workspace(tmp_path / "workspace", "pretended")
    with living(workspace, "pretended") as life:
        life.wait_ready()
        workspace.drop("a.png", pretended.content("Alone"))
        workspace.bytes_of(workspace.archive / "a.png")
        mapped = {Path(each.path).name for each in life.process.memory_maps()}
        threads = [
            path.read_text() for path in Path(f"/proc/{life.process.pid}/task").glob("*/comm")
        ]

    assert not any(name.startswith(("hook", "_http")) for name in {*mapped, *threads})
    assert workspace.command("hooks").stdout == "no hooks in the config\n"


def test_the_daemon_does_not_import_what_only_hooks_need() -> None:
    script = "import sys, daemon.supervisor.main; print('urllib3' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert said.stdout == "False\n", said.stderr


@pytest.mark.parametrize(
    ("hook", "key"),
    [
        (
            {"command": ["/nowhere/tell"]},
            "hooks.tell.command = /nowhere/tell: is not an executable program",
        ),
        (
            {"url": "https://x.org", "secret_file": "/nowhere/s"},
            "hooks.tell.secret_file = /nowhere/s",
        ),
    ],
)
def test_a_program_or_a_secret_that_is_not_there_stops_the_start(
    tmp_path: Path, hook: dict[str, Any], key: str
) -> None:
    workspace = home_with(tmp_path, {"name": "tell", **hook})

    refused, checked = workspace.command("run"), workspace.command("check")

    assert (refused.returncode, key in refused.stderr) == (78, True), refused.stderr
    assert key in checked.stdout
