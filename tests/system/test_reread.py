"""`ocr-daemon reread`: the outbox has the old or the new answer, wherever a kill falls."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.cli.verify import verify, verify_deep
from daemon.config.load import load
from tests.support.kill_points import kill_points
from tests.support.running_daemon import Workspace, until
from tests.torture.life import IN_PLACE, Life, living, quick_workspace

BEFORE, AFTER = ["text", "hocr"], ["text", "alto"]
ENDINGS = {"text": ".txt", "hocr": ".hocr", "alto": ".alto.xml"}
STEPS = (
    "reread.started", "replace.drafted", "replace.prepared", "replace.committed",
    "replace.output_named", "replace.named", "replace.synced", "reread.replaced",
)  # fmt: skip


def workspace_with(root: Path, **config: Any) -> Workspace:
    return quick_workspace(root, "pretended", outputs=BEFORE, **config)


def change(workspace: Workspace, **config: Any) -> None:
    values = yaml.safe_load(workspace.config.read_text())
    workspace.config.write_text(yaml.safe_dump(values | config))


def answered(workspace: Workspace, *names: str, content: bytes = b"one\ntwo\n") -> None:
    """Let a daemon answer files, and end."""
    with living(workspace, "pretended") as life:
        life.wait_ready()
        for name in names:
            workspace.drop(name, name.encode() + content)
        for name in names:
            workspace.answer(f"{name}.json")
        in_place = "originals: leave" in workspace.config.read_text()
        originals = workspace.inbox if in_place else workspace.archive
        until(lambda: set(names) <= workspace.files_in(originals))
        until(lambda: "in progress  0" in workspace.command("status").stdout, every=0.5)
        assert life.terminate() == 0


def reread(workspace: Workspace, *arguments: str) -> Any:
    done = workspace.command("reread", *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def until_done(workspace: Workspace) -> Any:
    def ended() -> Any:
        found = reread(workspace)
        return found if found["waiting"] == 0 else None

    return until(ended, what=workspace.log_tail(), every=0.5)


def outputs_of(answer: dict[str, Any]) -> list[str]:
    return [output["kind"] for output in answer["outputs"]]


def assert_whole(workspace: Workspace) -> None:
    """Nothing is lost, doubled or spoiled, and nothing of a replacement is left over."""
    config = load(workspace.config)
    assert verify(config).holds
    assert verify_deep(config).holds
    left = [path for path in workspace.outbox.rglob(".ocr-daemon/**/*") if path.is_file()]
    assert left == []
    assert list((workspace.state / "rereading").iterdir()) == []


@pytest.mark.parametrize("step", kill_points(STEPS))
def test_a_kill_at_any_step_leaves_the_old_or_the_new_answer(tmp_path: Path, step: str) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "a.png")
    before = workspace.answers()["a.png.json"]
    change(workspace, outputs=AFTER)
    assert reread(workspace, "--all")["requested"] == ["a.png"]

    killed = Life(workspace, "pretended", FAILPOINTS=f"{step}=1*kill")
    assert killed.process.wait(60) == -signal.SIGKILL
    between = workspace.answers()["a.png.json"]
    with living(workspace, "pretended") as life:
        life.wait_ready()
        found = until_done(workspace)
        after = workspace.answers()["a.png.json"]
        life.terminate()

    assert between["processing"]["claim"] == before["processing"]["claim"]
    assert outputs_of(between) in (sorted(BEFORE), sorted(AFTER), BEFORE, AFTER)
    assert (found["replaced"], found["kept"]) == (1, [])
    assert set(outputs_of(after)) == set(AFTER)
    assert after["processing"]["claim"] == before["processing"]["claim"]
    assert after["engine"]["profile"] != before["engine"]["profile"]
    endings = {ENDINGS[kind] for kind in AFTER}
    assert workspace.files_in(workspace.outbox) == {"a.png.json"} | {f"a.png{e}" for e in endings}
    assert_whole(workspace)


NAMED = {"naming": {"name": "{page_count} pages", "folder": "sorted"}}


@pytest.mark.parametrize("config", [{}, IN_PLACE, NAMED], ids=["archived", "in place", "named"])
def test_answers_are_replaced_while_the_daemon_runs(tmp_path: Path, config: dict) -> None:
    workspace = workspace_with(tmp_path, **config)
    answered(workspace, "a.png", "deep/b.png")
    files = workspace.files_in(workspace.outbox)
    times = {name: answer["processing"]["finished_at"]
             for name, answer in workspace.answers().items()}  # fmt: skip
    with living(workspace, "pretended") as life:
        life.wait_ready()

        requested = reread(workspace, "deep/*")["requested"]
        until_done(workspace)
        life.terminate()

    after = {name: answer["processing"]["finished_at"]
             for name, answer in workspace.answers().items()}  # fmt: skip
    assert requested == ["deep/b.png"]
    assert workspace.files_in(workspace.outbox) == files
    assert after["a.png.json"] == times["a.png.json"]
    assert after["deep/b.png.json"] > times["deep/b.png.json"]
    assert_whole(workspace)


def test_new_files_come_before_what_is_read_again(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, workers=1, pages_per_task=1)
    answered(workspace, "long.png", content=b"page\n" * 1900)
    reread(workspace, "--all")
    with living(workspace, "pretended") as life:
        until(lambda: events(workspace, "document.rereading"))
        workspace.drop("new.png", b"new")
        until_done(workspace)
        workspace.answer("new.png.json")
        life.terminate()

    order = [
        (event["event"], event["name"])
        for event in workspace.events()
        if event["event"] in ("document.done", "document.replaced")
    ]
    assert order == [
        ("document.done", "long.png"), ("document.done", "new.png"),
        ("document.replaced", "long.png"),
    ]  # fmt: skip


def events(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    return [event for event in workspace.events() if event["event"] == name]


def test_a_worse_reading_replaces_nothing(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "a.png")
    before = (workspace.outbox / "a.png.json").read_bytes()
    change(workspace, limits={"pages": 1}, retry={"attempts": 1, "wait_seconds": 0.2})
    reread(workspace, "--all")
    with living(workspace, "pretended") as life:
        life.wait_ready()
        found = until_done(workspace)
        life.terminate()

    [kept] = found["kept"]
    assert kept["name"] == "a.png"
    assert "it would be failed now" in kept["reason"]
    assert (workspace.outbox / "a.png.json").read_bytes() == before
    assert_whole(workspace)


def test_what_cannot_be_read_again_is_said(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "gone.png", "collected.png", "here.png")
    (workspace.archive / "gone.png").unlink()
    (workspace.outbox / "collected.png.json").unlink()

    found = reread(workspace, "--all", "--dry-run")

    assert found["requested"] == ["here.png"]
    assert {each["name"]: each["reason"] for each in found["impossible"]} == {
        "gone.png": "its original is not kept",
        "collected.png": "its answer is not in the outbox any more",
    }
    assert reread(workspace)["waiting"] == 0
    assert workspace.command("reread", "gone.png").returncode == 1


def test_what_goes_away_after_the_request_is_noted(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "gone.png", "collected.png", "taken.png")
    reread(workspace, "--all")
    (workspace.archive / "gone.png").unlink()
    (workspace.outbox / "collected.png.json").unlink()
    change(workspace, outputs=AFTER)
    (workspace.outbox / "taken.png.alto.xml").write_text("somebody else's")
    with living(workspace, "pretended") as life:
        life.wait_ready()
        found = until_done(workspace)
        life.terminate()

    reasons = {each["name"]: each["reason"] for each in found["kept"]}
    assert reasons.pop("taken.png").startswith("a file in the outbox has the name of its output")
    assert reasons == {
        "gone.png": "its original is not kept",
        "collected.png": "its answer is not in the outbox any more",
    }
    assert (workspace.outbox / "taken.png.alto.xml").read_text() == "somebody else's"
    assert "collected.png.json" not in workspace.files_in(workspace.outbox)


def test_answers_are_selected_by_model_confidence_and_status(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "a.png", "b.png", "c.png", "d.png")
    edit(workspace, "a.png.json", lambda answer: answer["engine"]["model"].update(sha256="0" * 64))
    edit(workspace, "b.png.json", lambda answer: answer["pages"][0].update(confidence=0.2))
    edit(workspace, "c.png.json", lambda answer: answer["pages"][0].update(confidence=0.6))

    assert reread(workspace, "--older-model", "--dry-run")["requested"] == ["a.png"]
    assert reread(workspace, "--below", "0.7", "--dry-run")["requested"] == ["b.png"]
    assert reread(workspace, "--status", "partial", "--dry-run")["requested"] == []
    assert len(reread(workspace, "--status", "done", "--dry-run")["requested"]) == 4
    assert reread(workspace, "a.png", "--below", "0.0", "--dry-run")["requested"] == []


def edit(workspace: Workspace, name: str, change_answer: Any) -> None:
    path = workspace.outbox / name
    answer = json.loads(path.read_text())
    change_answer(answer)
    path.write_text(json.dumps(answer))


def test_requests_can_be_withdrawn(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "a.png", "b.png")
    reread(workspace, "--all")

    assert reread(workspace, "--cancel") == {"cancelled": 2}
    assert reread(workspace)["waiting"] == 0


def test_a_hook_is_told_of_the_new_reading_under_an_id_of_its_own(tmp_path: Path) -> None:
    received = tmp_path / "received"
    hook = {"name": "note", "command": ["sh", "-c", f"cat >> {received}; echo >> {received}"]}
    workspace = workspace_with(tmp_path, hooks=[hook])
    answered(workspace, "a.png")
    reread(workspace, "--all")
    with living(workspace, "pretended") as life:
        life.wait_ready()
        until_done(workspace)
        until(lambda: len(notifications(received)) == 2)
        life.terminate()

    first, second = notifications(received)
    assert first["id"] != second["id"]
    assert first["data"]["document"] == second["data"]["document"]


def notifications(received: Path) -> list[dict[str, Any]]:
    lines = received.read_text().splitlines() if received.exists() else []
    return [json.loads(line) for line in lines if line]


def test_a_full_disk_delays_a_reading_and_loses_nothing(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path)
    answered(workspace, "a.png")
    reread(workspace, "--all")
    with living(workspace, "pretended", FAILPOINTS="replace.prepared=2*ENOSPC") as life:
        life.wait_ready()
        found = until_done(workspace)
        life.terminate()

    assert (found["replaced"], found["kept"]) == (1, [])
    assert len(events(workspace, "document.retrying")) == 1
    assert_whole(workspace)
