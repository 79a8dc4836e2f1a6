"""What a changed config changes, and what is told of it; the test is who loads."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.hook import HIDDEN
from daemon.config.load import load
from daemon.config.secrets import masked
from daemon.config.settings import Config
from daemon.core.errors import Misconfigured
from daemon.core.options import Rendering
from daemon.supervisor.reload import (
    AT_RESTART,
    IMMEDIATE,
    Changes,
    Reload,
    change_texts,
    changes,
)
from tests.support.running_daemon import MODEL, until
from tests.torture import pretended

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

    assert (found.live, found.at_restart, found.are_immediate) == (live, at_restart, at_once)


def test_what_waits_for_a_restart_keeps_its_running_value(tmp_path: Path) -> None:
    running = config(tmp_path)
    wanted = config(tmp_path, folders={"state": "elsewhere", "outbox": "answers"}, workers=3)

    found = changes(running, wanted).config

    assert found.folders.state == running.folders.state
    assert (found.folders.outbox, found.workers) == (tmp_path / "answers", 3)


def test_sections_are_told_as_json_without_what_is_not_set(tmp_path: Path) -> None:
    found = changes(config(tmp_path), config(tmp_path, fields={"when": "first date"}))

    told = {key: text.removeprefix("{} -> ").removeprefix("[] -> ")
            for key, text in change_texts(found.live).items()}  # fmt: skip

    assert json.loads(told["fields"])["when"]["type"] == "date"
    assert "null" not in "".join(told.values())


def test_of_profiles_it_is_told_which_were_changed_and_which_of_their_keys(tmp_path: Path) -> None:
    old, kept, new = ({"name": name, "folders": [name], "priority": 3} for name in ("a", "b", "c"))
    running = config(tmp_path, profiles=[old, kept])

    wanted = config(tmp_path, profiles=[{**kept, "priority": 4}, new])
    moved = config(tmp_path, profiles=[kept, old])

    assert change_texts(changes(running, wanted).live) == {
        "profiles": "c added; a removed; b changed (priority)"
    }
    assert change_texts(changes(running, moved).live) == {"profiles": "their order has changed"}


def test_the_lists_of_keys_name_keys_that_there_are() -> None:
    for key in (*AT_RESTART, *IMMEDIATE):
        section: Any = Config
        for name in key.split("."):
            section = section.model_fields[name].annotation


def test_no_secret_is_told(tmp_path: Path) -> None:
    running = config(tmp_path)
    wanted = config(tmp_path, pdf={"passwords": ["hunter2"]})

    said = (HIDDEN, f"{HIDDEN}, a secret has changed")
    assert changes(running, wanted).live == {"pdf.passwords": said}
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

    said = str(change_texts(found.live))

    assert "hunter2" not in said
    assert all(place in said for place in ("chat", "hooks.example", "curl", "bills"))


def test_of_a_hook_it_is_told_what_changed_where_that_is_no_secret(tmp_path: Path) -> None:
    hook = {"name": "chat", "url": "https://hooks.example/x", "secret": "hunter2"}
    running = config(tmp_path, hooks=[hook])

    patient = changes(running, config(tmp_path, hooks=[{**hook, "attempts": 7}])).live["hooks"]
    secret = changes(running, config(tmp_path, hooks=[{**hook, "secret": "hunter3"}])).live["hooks"]

    assert "'attempts': 20" in str(patient[0])
    assert "'attempts': 7" in str(patient[1])
    assert str(secret[1]).endswith("a secret has changed")
    assert "hunter" not in str((patient, secret))


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
    until(lambda: found or found.extend(filter(None, [reload.poll(0.0)])), 10)
    return found[0]


def test_asking_again_while_a_config_is_tried_is_asking_once_more_and_no_more(
    tmp_path: Path,
) -> None:
    running, loads, may_go_on = config(tmp_path), [], threading.Event()

    def slowly() -> Config:
        loads.append(may_go_on.wait(10))
        return running

    reload = Reload(running, slowly, lambda: None)
    reload.request()
    reload.poll(0.0)
    for _ in range(5):
        reload.request()
        assert reload.poll(0.0) is None
    may_go_on.set()

    assert [taken(reload).live, taken(reload).live, len(loads)] == [{}, {}, 2]


def test_a_config_that_was_tried_beside_an_older_one_is_tried_again(tmp_path: Path) -> None:
    """Else what went back to the older one would count as unchanged."""
    one, other = config(tmp_path), config(tmp_path, workers=3)
    reload = Reload(one, lambda: one, lambda: None)
    reload.request()
    reload.poll(0.0)
    reload.apply(Changes(other, {}, {}))

    assert taken(reload).live == {"workers": (3, 0)}


def test_a_refused_config_is_told_until_a_good_one_comes(tmp_path: Path) -> None:
    running, refuses = config(tmp_path), [True]

    def once_refused() -> Config:
        if refuses.pop():
            raise Misconfigured("pdf.passwords", "hunter2", "cannot be")
        return running

    reload = Reload(running, once_refused, lambda: None)
    reload.request()
    until(lambda: reload.poll(7.0) or reload.faults, 10)
    (fault,) = reload.faults
    refuses[:] = [False]
    reload.request()
    taken(reload)

    assert ("pdf.passwords" in fault.message, "hunter2" in fault.message, fault.since) == (
        True,
        False,
        7.0,
    )
    assert reload.faults == []
