"""A config that changes under the running daemon: what is live, what waits, what is told."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import psutil

from tests.support.repository import REPOSITORY
from tests.support.running_daemon import DETECTOR, Workspace, until
from tests.torture import pretended
from tests.torture.life import Life, living, quick_workspace

QUICK = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
STOPS_ON_PAGE_2 = {"FAILPOINTS": "worker.page@2=1*stop"}
SLOW = pretended.content("One", "Two", "Three")


def workspace_of(root: Path, **config: Any) -> Workspace:
    return quick_workspace(root, "pretended", **{"workers": 2, "watch": QUICK} | config)


def events(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    return [event for event in workspace.events() if event["event"] == name]


def reloads(workspace: Workspace, life: Life, name: str = "config.reloaded", **config: Any) -> dict:
    """Change the config, ask for it, and return the event that says what came of it."""
    before = len(events(workspace, name))
    workspace_of(workspace.root, **config)
    life.process.send_signal(signal.SIGHUP)
    return until(lambda: events(workspace, name)[before:], what=workspace.log_tail())[0]


def reading(workspace: Workspace, life: Life, name: str = "slow.pdf") -> psutil.ProcessContext:
    """Drop a document and return its worker, which has stopped in the middle of it."""
    workspace.drop(name, SLOW)
    return until(life.stopped, what="a worker stopped")


def test_a_quiet_time_is_changed_while_a_document_is_read_which_notices_nothing(
    tmp_path: Path,
) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(workspace, life)

        told = reloads(workspace, life, watch=QUICK | {"quiet_seconds": 0.1})

        assert told["changes"] == {"watch.quiet_seconds": "0.05 -> 0.1"}
        workspace.drop("meanwhile.png", pretended.content("Meanwhile"))
        assert workspace.answer("meanwhile.png.json")["status"] == "done"
        worker.send_signal(signal.SIGCONT)
        answer = workspace.answer("slow.pdf.json")
        assert (len(answer["pages"]), answer["processing"]["attempt"]) == (3, 1)
        assert life.terminate() == 0


def test_a_change_of_the_reading_waits_for_the_document_in_work_and_costs_it_no_attempt(
    tmp_path: Path,
) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(workspace, life)

        told = reloads(workspace, life, "config.reloading", segmenter="opencv")

        workspace.drop("after.png", pretended.content("After"))
        assert (told["changes"], told["in_progress"]) == ({"segmenter": "auto -> opencv"}, 1)
        assert not events(workspace, "config.reloaded")
        worker.send_signal(signal.SIGCONT)
        slow, after = workspace.answer("slow.pdf.json"), workspace.answer("after.png.json")
        assert (len(slow["pages"]), slow["processing"]["attempt"]) == (3, 1)
        assert slow["engine"]["profile"] != after["engine"]["profile"]
        assert life.terminate() == 0
    assert workspace.command("verify", "--deep").returncode == 0


def test_a_change_taken_back_while_it_waits_changes_nothing(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(workspace, life)
        reloads(workspace, life, "config.reloading", segmenter="opencv")

        reloads(workspace, life, "config.unchanged")

        workspace.drop("meanwhile.png", pretended.content("Meanwhile"))
        assert workspace.answer("meanwhile.png.json")["status"] == "done"
        worker.send_signal(signal.SIGCONT)
        assert workspace.answer("slow.pdf.json")["processing"]["attempt"] == 1
        assert not events(workspace, "config.reloaded")


def test_workers_that_another_folder_does_not_concern_stay_warm(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        before = {worker.pid for worker in life.workers()}

        reloads(workspace, life, folders={"archive": str(tmp_path / "other")})

        workspace.drop("scan.png", pretended.content("Scan"))
        until((tmp_path / "other/scan.png").exists, what=workspace.log_tail())
        assert {worker.pid for worker in life.workers()} == before


def test_workers_that_stay_warm_may_still_write_the_outputs_that_they_make(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, outputs=["picture"])
    with living(workspace, "pretended") as life:
        life.wait_ready()
        changed = {"archive": str(tmp_path / "other")}
        reloads(workspace, life, outputs=["picture"], folders=changed)

        workspace.drop("scan.png", pretended.content("Scan"))
        until((tmp_path / "other/scan.png").exists, what=workspace.log_tail())

    assert workspace.files_in(workspace.outbox) == {"scan.png.json", "scan.png.page-0001.png"}
    assert events(workspace, "document.retrying") == events(workspace, "worker.recycled") == []


def test_the_environment_goes_on_winning(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended", OCR_DAEMON__PAGES_PER_TASK="7") as life:
        life.wait_ready()

        reloads(workspace, life, "config.unchanged", pages_per_task=9)


def test_the_log_tells_more_when_told_to(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        reloads(workspace, life, logging={"level": "WARNING"})
        silent = len(workspace.events())
        workspace.drop("scan.png", pretended.content("Scan"))
        until(lambda: workspace.files_in(workspace.archive))

        reloads(workspace, life, logging={"level": "INFO"})

        said = {event["event"] for event in workspace.events()[silent:]}
        assert ("config.reloaded" in said, "document.done" in said) == (True, False)


def test_ever_new_configs_leave_no_thread_and_no_descriptor_behind(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended") as life:
        life.wait_ready()
        at_first = life.process.num_threads(), life.process.num_fds()
        for number in range(5):
            archive = {"archive": str(tmp_path / f"archive{number}")}
            reloads(workspace, life, watch=QUICK | {"poll_seconds": 0.3 + number / 10})
            reloads(workspace, life, folders=archive, retention={"archive_days": number + 1})

        most = at_first[0] + 3, at_first[1] + 6  # each would leave three threads behind
        until(lambda: life.process.num_threads() <= most[0], what="threads")
        until(lambda: life.process.num_fds() <= most[1], what="descriptors")


def test_signals_during_start_and_drain_are_safe(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    with living(workspace, "pretended", **STOPS_ON_PAGE_2) as life:
        until((workspace.state / "lock").exists)
        while not life.ready:
            life.process.send_signal(signal.SIGHUP)
        worker = reading(workspace, life)
        life.process.terminate()
        until(lambda: events(workspace, "daemon.draining"), what=workspace.log_tail())
        for _ in range(50):
            life.process.send_signal(signal.SIGHUP)
        worker.send_signal(signal.SIGCONT)

        assert life.process.wait(40) == 0
        assert workspace.answer("slow.pdf.json")["processing"]["attempt"] == 1


def test_a_terminal_that_is_closed_still_ends_the_daemon(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path)
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.program", "run", "--config", str(workspace.config)],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=REPOSITORY,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(slave)
    try:
        until(lambda: events(workspace, "daemon.ready"), what="ready")

        os.close(master)

        assert process.wait(20) == 0
    finally:
        process.kill()


def test_networks_that_no_worker_can_load_bring_the_config_before_back(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, workers=1)
    with workspace.running() as daemon:
        bad = {"file": DETECTOR["file"], "sha256": None}  # a network, but no recogniser
        Workspace(tmp_path, workers=1, model=bad)
        daemon.signal(signal.SIGHUP)
        until(lambda: events(workspace, "config.refused"), what="refused")
        until(lambda: len(events(workspace, "daemon.ready")) == 2, what=workspace.log_tail())

        (told,) = events(workspace, "config.refused")
        assert told["key"] == "model.file", json.dumps(told)
        assert daemon.process.poll() is None
