"""A config that changes under the running daemon: what is live, what waits, what is told."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from daemon.config import Config, load
from daemon.errors import Misconfigured
from daemon.recipe import Rendering
from daemon.reload import AT_ONCE, AT_RESTART, MASK, Changes, Reload, changes, masked, told
from tests.house import MODEL, REPOSITORY, House, until
from tests.torture import pretended
from tests.torture.life import Life, house, living

QUICK = {"quiet_seconds": 0.05, "incomplete_seconds": 0.2, "rescan_seconds": 1.0}
STOPS_ON_PAGE_2 = {"FAILPOINTS": "worker.page@2=1*stop"}
SLOW = pretended.content("One", "Two", "Three")


# --- what differs -------------------------------------------------------------------------------


def config(root: Path, **values: Any) -> Config:
    path = root / "config.yaml"
    path.write_text(yaml.safe_dump({"model": MODEL, "allow_root": True} | values))
    return load(path)


@pytest.mark.parametrize(
    ("values", "live", "at_restart", "at_once"),
    [
        ({}, {}, {}, True),
        ({"watch": {"quiet_seconds": 3.0}}, {"watch.quiet_seconds": (5.0, 3.0)}, {}, True),
        ({"segmenter": "opencv"}, {"segmenter": ("auto", "opencv")}, {}, False),
        ({"allow_root": False}, {}, {"allow_root": (True, False)}, True),
        (
            {"logging": {"level": "DEBUG", "files": 9}},
            {"logging.level": ("INFO", "DEBUG")}, {"logging.files": (5, 9)}, True,
        ),
    ],
)  # fmt: skip
def test_each_changed_key_is_live_at_once_or_with_other_rooms_or_waits_for_a_restart(
    tmp_path: Path, values: dict, live: dict, at_restart: dict, at_once: bool
) -> None:
    running = config(tmp_path)

    found = changes(running, config(tmp_path, **values))

    assert (found.live, found.at_restart, found.are_at_once) == (live, at_restart, at_once)


def test_what_waits_for_a_restart_keeps_its_running_value(tmp_path: Path) -> None:
    running = config(tmp_path)
    wanted = config(tmp_path, folders={"state": "elsewhere", "outbox": "answers"}, workers=3)

    found = changes(running, wanted).config

    assert found.folders.state == running.folders.state
    assert (found.folders.outbox, found.workers) == (tmp_path / "answers", 3)


def test_the_lists_of_keys_name_keys_that_there_are() -> None:
    for key in (*AT_RESTART, *AT_ONCE):
        section: Any = Config
        for name in key.split("."):
            section = section.model_fields[name].annotation


def test_no_secret_is_told(tmp_path: Path) -> None:
    running = config(tmp_path)
    wanted = config(tmp_path, pdf={"passwords": ["hunter2"]})

    assert changes(running, wanted).live == {"pdf.passwords": (MASK, MASK)}
    assert "hunter2" not in str(masked("pdf", Rendering(passwords=("hunter2",))))
    hook = {"url": "https://me:hunter2@host/x?key=hunter2", "headers": {"Authorization": "hunter2"}}
    assert "hunter2" not in str(masked("hooks", [hook]))


def test_of_a_hook_and_of_an_address_only_the_place_is_told(tmp_path: Path) -> None:
    """The path is the secret of one, an argument that of another."""
    running = config(tmp_path)
    hooks = [
        {"name": "chat", "url": "https://hooks.example/services/T0/hunter2"},
        {"name": "curl", "command": ["curl", "-H", "Authorization: Bearer hunter2"]},
    ]
    own = {"name": "bills", "folders": ["bills"], "hooks": [{**hooks[0], "name": "bills"}]}
    found = changes(running, config(tmp_path, hooks=hooks, profiles=[own]))

    said = str(told(found.live))

    assert "hunter2" not in said
    assert all(place in said for place in ("chat", "hooks.example", "curl", "bills"))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://host/services/hunter2", "https://host/***"),
        ("see http://me:hunter2@host:80?hunter2#x now", "see http://***@host:80/*** now"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("scan?.png", "scan?.png"),
    ],
)
def test_of_an_address_within_a_value_the_host_is_told_alone(said: str, shown: str) -> None:
    assert masked("web.origins", [said]) == [shown]


# --- asking, with the test as who loads ---------------------------------------------------------


def taken(reload: Reload) -> Changes:
    found: list[Changes] = []
    until(lambda: found or found.extend(filter(None, [reload.arrived(0.0)])), 10)
    return found[0]


def test_asking_again_while_a_config_is_tried_is_asking_once_more_and_no_more(
    tmp_path: Path,
) -> None:
    running, loads, may_go_on = config(tmp_path), [], threading.Event()

    def slowly() -> Config:
        loads.append(may_go_on.wait(10))
        return running

    reload = Reload(running, slowly, lambda: None)
    reload.ask()
    reload.arrived(0.0)
    for _ in range(5):
        reload.ask()
        assert reload.arrived(0.0) is None
    may_go_on.set()

    assert [taken(reload).live, taken(reload).live, len(loads)] == [{}, {}, 2]


def test_a_config_that_was_tried_beside_an_older_one_is_tried_again(tmp_path: Path) -> None:
    """Else what went back to the older one would count as unchanged."""
    one, other = config(tmp_path), config(tmp_path, workers=3)
    reload = Reload(one, lambda: one, lambda: None)
    reload.ask()
    reload.arrived(0.0)
    reload.take(Changes(other, {}, {}))

    assert taken(reload).live == {"workers": (3, 0)}


def test_a_refused_config_is_told_until_a_good_one_comes(tmp_path: Path) -> None:
    running, refuses = config(tmp_path), [True]

    def once_refused() -> Config:
        if refuses.pop():
            raise Misconfigured("pdf.passwords", "hunter2", "cannot be")
        return running

    reload = Reload(running, once_refused, lambda: None)
    reload.ask()
    until(lambda: reload.arrived(7.0) or reload.faults, 10)
    (fault,) = reload.faults
    refuses[:] = [False]
    reload.ask()
    taken(reload)

    assert ("pdf.passwords" in fault.why, "hunter2" in fault.why, fault.since) == (True, False, 7.0)
    assert reload.faults == []


# --- the daemon ---------------------------------------------------------------------------------


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


def reading(home: House, life: Life, name: str = "slow.pdf") -> psutil.Process:
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
    assert events(home, "claim.held") == events(home, "worker.renewed") == []


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Life]]:
    """A daemon that all refusals are tried on, one after the other."""
    home = home_of(tmp_path_factory.mktemp("settled"))
    with living(home, "pretended") as life:
        life.wait_ready()
        yield home, life


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda text: text + "\n  : [", "is not valid YAML"),
        (lambda text: text.replace("workers: 2", "workers: -2"), "greater than or equal to 0"),
        (lambda text: text.replace("workers: 2", "worker: 2"), "did you mean worker"),
        (lambda text: text.replace(MODEL["sha256"], "f" * 64), "restore the file or correct"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused_and_the_daemon_goes_on(
    settled: tuple[House, Life], break_it: Callable[[str], str], says: str
) -> None:
    home, life = settled
    good, before = home.config.read_text(), len(events(home, "config.refused"))
    home.config.write_text(break_it(good))
    life.process.send_signal(signal.SIGHUP)
    refused = until(lambda: events(home, "config.refused")[before:], what=home.log_tail())[0]
    home.config.write_text(good)

    home.drop(f"{before}.png", pretended.content(f"Scan {before}"))

    assert says in refused["remedy"]
    assert home.answer(f"{before}.png.json")["status"] == "done"


def test_a_refusal_is_what_health_says_until_a_good_config_comes(
    settled: tuple[House, Life],
) -> None:
    home, life = settled
    good, before = home.config.read_text(), len(events(home, "config.refused"))
    home.config.write_text("][")
    life.process.send_signal(signal.SIGHUP)
    until(lambda: events(home, "config.refused")[before:], what=home.log_tail())
    until(lambda: any("refused" in why for why in faults(home)), what=home.log_tail())
    home.config.write_text(good)  # for the command, which reads it too
    said = home.command("health").stdout

    reloads(home, life, "config.unchanged")

    assert "alive, but held up: the config was refused" in said
    until(lambda: not faults(home), what="it is well again")


def faults(home: House) -> list[str]:
    return [why for why, _ in json.loads((home.state / "heartbeat.json").read_text())["faults"]]


def test_what_needs_a_restart_is_named_and_left_and_the_rest_is_taken(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended") as life:
        life.wait_ready()

        reloads(
            home, life, "config.needs_restart",
            folders={"state": str(tmp_path / "elsewhere")}, retry={"attempts": 7},
        )  # fmt: skip

        (told,) = events(home, "config.needs_restart")
        assert list(told["changes"]) == ["folders.state"]
        (taken,) = until(lambda: events(home, "config.reloaded"))
        assert "retry.attempts" in taken["changes"]
        assert not (tmp_path / "elsewhere").exists()
        home.drop("scan.png", pretended.content("Scan"))
        assert home.answer("scan.png.json")["status"] == "done"


@pytest.mark.parametrize("change", [{"task_pages": 7}, {"workers": 1}])
def test_while_a_folder_of_both_configs_is_away_nothing_is_changed_and_nothing_made_there(
    tmp_path: Path, change: dict[str, int]
) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended") as life:
        life.wait_ready()
        home.outbox.rename(tmp_path / "behind")

        refused = reloads(home, life, "config.refused", **change)

        assert (refused["key"], home.outbox.exists()) == ("folders.outbox", False)
        (tmp_path / "behind").rename(home.outbox)
        home.drop("scan.png", pretended.content("Scan"))
        assert home.answer("scan.png.json")["status"] == "done"


def test_a_folder_that_goes_while_a_change_waits_keeps_the_config_before(tmp_path: Path) -> None:
    home = home_of(tmp_path, grace_seconds=0.1)
    with living(home, "pretended", **STOPS_ON_PAGE_2) as life:
        life.wait_ready()
        worker = reading(home, life)
        reloads(home, life, "config.reloading", segmenter="opencv", grace_seconds=0.1)
        home.outbox.rename(tmp_path / "behind")

        worker.send_signal(signal.SIGCONT)

        until(lambda: events(home, "config.refused"), what=home.log_tail())
        (tmp_path / "behind").rename(home.outbox)
        assert home.answer("slow.pdf.json")["processing"]["attempt"] == 1
        assert not events(home, "config.reloaded")


def test_an_unmounted_share_is_not_taken_for_its_mount_point_at_a_reload(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    home.outbox.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home.outbox)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with living(home, "pretended") as life:
            life.wait_ready()
            subprocess.run(["umount", "-l", str(home.outbox)], check=True)

            refused = reloads(home, life, "config.refused", workers=1)

            assert "is not mounted" in refused["remedy"]
            assert list(home.outbox.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(home.outbox)], capture_output=True)


def test_the_environment_goes_on_winning(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    with living(home, "pretended", OCR_DAEMON__TASK_PAGES="7") as life:
        life.wait_ready()

        reloads(home, life, "config.unchanged", task_pages=9)


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
