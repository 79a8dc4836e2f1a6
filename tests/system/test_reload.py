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
from tests.support.running_daemon import House, until
from tests.torture import pretended
from tests.torture.life import Life, house, living

QUICK = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
STOPS_ON_PAGE_2 = {"FAILPOINTS": "worker.page@2=1*stop"}
SLOW = pretended.content("One", "Two", "Three")


def home_of(root: Path, **config: Any) -> House:
    return house(root, "pretended", **{"workers": 2, "watch": QUICK} | config)


def events(home: House, name: str) -> list[dict[str, Any]]:
    return [event for event in home.events() if event["event"] == name]


def reloads(home: House, life: Life, name: str = "config.reloaded", **config: Any) -> dict:
    """Change the config, ask for it, and return the event that says what came of it."""
    before = len(events(home, name))
    home_of(home.root, **config)
    life.process.send_signal(signal.SIGHUP)
    return until(lambda: events(home, name)[before:], what=home.log_tail())[0]


def reading(home: House, life: Life, name: str = "slow.pdf") -> psutil.ProcessContext:
    """Drop a document and return its worker, which has stopped in the middle of it."""
    home.drop(name, SLOW)
    return until(life.stopped, what="a worker stopped")


def test_a_quiet_time_is_changed_while_a_document_is_read_which_notices_nothing(
    tmp_path: Path,
) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(home, life)

        told = reloads(home, life, watch=QUICK | {"quiet_seconds": 0.1})

        assert told["changes"] == {"watch.quiet_seconds": "0.05 -> 0.1"}
        home.drop("meanwhile.png", pretended.content("Meanwhile"))
        assert home.answer("meanwhile.png.json")["status"] == "done"
        worker.send_signal(signal.SIGCONT)
        answer = home.answer("slow.pdf.json")
        assert (len(answer["pages"]), answer["processing"]["attempt"]) == (3, 1)
        assert life.terminate() == 0


def test_a_change_of_the_reading_waits_for_the_document_in_work_and_costs_it_no_attempt(
    tmp_path: Path,
) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(home, life)

        told = reloads(home, life, "config.reloading", segmenter="opencv")

        home.drop("after.png", pretended.content("After"))
        assert (told["changes"], told["in_work"]) == ({"segmenter": "auto -> opencv"}, 1)
        assert not events(home, "config.reloaded")
        worker.send_signal(signal.SIGCONT)
        slow, after = home.answer("slow.pdf.json"), home.answer("after.png.json")
        assert (len(slow["pages"]), slow["processing"]["attempt"]) == (3, 1)
        assert slow["engine"]["profile"] != after["engine"]["profile"]
        assert life.terminate() == 0
    assert home.command("verify", "--deep").returncode == 0


def test_a_change_taken_back_while_it_waits_changes_nothing(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(home, life)
        reloads(home, life, "config.reloading", segmenter="opencv")

        reloads(home, life, "config.unchanged")

        home.drop("meanwhile.png", pretended.content("Meanwhile"))
        assert home.answer("meanwhile.png.json")["status"] == "done"
        worker.send_signal(signal.SIGCONT)
        assert home.answer("slow.pdf.json")["processing"]["attempt"] == 1
        assert not events(home, "config.reloaded")


def test_workers_that_another_folder_does_not_concern_stay_warm(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended") as life:
        life.wait_ready()
        before = {worker.pid for worker in life.workers()}

        reloads(home, life, folders={"archive": str(tmp_path / "other")})

        home.drop("scan.png", pretended.content("Scan"))
        until((tmp_path / "other/scan.png").exists, what=home.log_tail())
        assert {worker.pid for worker in life.workers()} == before


def test_workers_that_stay_warm_may_still_write_the_outputs_that_they_make(tmp_path: Path) -> None:
    home = home_of(tmp_path, outputs=["picture"])
    with living(home, "pretended") as life:
        life.wait_ready()
        changed = {"archive": str(tmp_path / "other")}
        reloads(home, life, outputs=["picture"], folders=changed)

        home.drop("scan.png", pretended.content("Scan"))
        until((tmp_path / "other/scan.png").exists, what=home.log_tail())

    assert home.kept(home.outbox) == {"scan.png.json", "scan.png.page-0001.png"}
    assert events(home, "document.retrying") == events(home, "worker.recycled") == []


def test_the_environment_goes_on_winning(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", OCR_DAEMON__TASK_PAGES="7") as life:
        life.wait_ready()

        reloads(home, life, "config.unchanged", pages_per_task=9)


def test_the_log_tells_more_when_told_to(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended") as life:
        life.wait_ready()
        reloads(home, life, logging={"level": "WARNING"})
        silent = len(home.events())
        home.drop("scan.png", pretended.content("Scan"))
        until(lambda: home.kept(home.archive))

        reloads(home, life, logging={"level": "INFO"})

        said = {event["event"] for event in home.events()[silent:]}
        assert ("config.reloaded" in said, "document.done" in said) == (True, False)


def test_ever_new_configs_leave_no_thread_and_no_descriptor_behind(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended") as life:
        life.wait_ready()
        at_first = life.process.num_threads(), life.process.num_fds()
        for number in range(5):
            archive = {"archive": str(tmp_path / f"archive{number}")}
            reloads(home, life, watch=QUICK | {"poll_seconds": 0.3 + number / 10})
            reloads(home, life, folders=archive, retention={"archive_days": number + 1})

        most = at_first[0] + 3, at_first[1] + 6  # each would leave three threads behind
        until(lambda: life.process.num_threads() <= most[0], what="threads")
        until(lambda: life.process.num_fds() <= most[1], what="descriptors")


def test_signals_during_start_and_drain_are_safe(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", **STOPS_ON_PAGE_2) as life:
        until((home.state / "lock").exists)
        while not life.ready:
            life.process.send_signal(signal.SIGHUP)
        worker = reading(home, life)
        life.process.terminate()
        until(lambda: events(home, "daemon.draining"), what=home.log_tail())
        for _ in range(50):
            life.process.send_signal(signal.SIGHUP)
        worker.send_signal(signal.SIGCONT)

        assert life.process.wait(40) == 0
        assert home.answer("slow.pdf.json")["processing"]["attempt"] == 1


def test_a_terminal_that_is_closed_still_ends_the_daemon(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.program", "run", "--config", str(home.config)],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=REPOSITORY,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(slave)
    try:
        until(lambda: events(home, "daemon.ready"), what="ready")

        os.close(master)

        assert process.wait(20) == 0
    finally:
        process.kill()


def test_networks_that_no_worker_can_load_bring_the_config_before_back(tmp_path: Path) -> None:
    home = House(tmp_path, workers=1)
    with home.running() as daemon:
        bad = {"file": str(REPOSITORY / "config.yaml"), "sha256": None}
        House(tmp_path, workers=1, model=bad)
        daemon.signal(signal.SIGHUP)
        until(lambda: events(home, "config.refused"), what="refused")
        until(lambda: len(events(home, "daemon.ready")) == 2, what=home.log_tail())

        (told,) = events(home, "config.refused")
        assert told["key"] == "model.file", json.dumps(told)
        assert daemon.process.poll() is None
