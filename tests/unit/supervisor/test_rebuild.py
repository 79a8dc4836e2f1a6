"""The rooms of one process built anew, one config after the other: what is handed on, what is not.

Of the daemon only its seams are pretended here; tests/system/test_reload.py has it as a process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import load
from daemon.config.settings import Config
from daemon.core.counters import Counters
from daemon.core.folder_rules import FolderRules
from daemon.core.wakeup import WakeupPipe
from daemon.monitoring import heartbeat
from daemon.monitoring.systemd import SystemdNotifier
from daemon.supervisor import main as process
from daemon.supervisor import preflight, wiring
from daemon.supervisor.daemon import Daemon, ProcessContext, WarmEngine
from daemon.supervisor.policy import Policies
from daemon.supervisor.reload import Changes, Reload
from tests.support.running_daemon import Workspace
from tests.unit.supervisor.test_delivery import policy


class Engine:
    """Workers that are warm already; the test asks whether they were stopped."""

    free = slots = 2
    protections = "off"

    def __init__(self) -> None:
        self.stops = 0

    def close(self) -> None:
        self.stops += 1

    def finished(self) -> list[Any]:
        return []

    def states(self, now: float) -> list[tuple[str, float]]:
        return [("idle", 0.0)]


class Signals:
    """An operator who stops the daemon when another config is in force."""

    def __init__(self, reload: Reload) -> None:
        self._reload, self._first = reload, reload.running

    @property
    def stops(self) -> int:
        return int(self._reload.running is not self._first)

    def reload_requested(self) -> bool:
        return False


def process_of(config: Config, wanted: Callable[[], Config] | None = None) -> ProcessContext:
    wakeup = WakeupPipe()
    reload = Reload(config, wanted or (lambda: config), wakeup.notify)
    signals: Any = Signals(reload)
    return ProcessContext(wakeup, signals, reload, SystemdNotifier(), Counters())


def config(root: Path, **values: Any) -> Config:
    made = load(Workspace(root, **values).config)
    preflight.prepare(made)
    return made


@pytest.mark.parametrize("change", [{"retry": {"attempts": 7}}, {"folders": {"outbox": "answers"}}])
@pytest.mark.slow
def test_no_network_is_read_by_the_loop_when_a_config_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """It may lie on a share that hangs, or be away for a moment."""
    old, read_by, real = config(tmp_path), [], wiring.policies

    def policies(of: Config) -> Policies:
        read_by.append(threading.current_thread().name)
        return real(of)

    engine: Any = Engine()
    here = process_of(old, lambda: config(tmp_path, **change))
    daemon = Daemon(here, WarmEngine(engine, real(old)))
    monkeypatch.setattr(wiring, "policies", policies)
    here.reload.request()

    daemon.run()

    assert (read_by, old is here.reload.running) == (["reload"], False)


class Asker(SystemdNotifier):
    """A supervisor who looks at the heartbeat as soon as it is told that all is ready."""

    def __init__(self, state: Path) -> None:
        super().__init__()
        self._state = state
        self.found: list[tuple[str, str]] = []

    def ready(self) -> None:
        self.found.append(heartbeat.diagnose(self._state, time.monotonic()))


@pytest.mark.slow
def test_who_hears_that_the_daemon_is_ready_finds_it_alive(tmp_path: Path) -> None:
    old = config(tmp_path)
    asker = Asker(old.folders.state)
    here = replace(process_of(old, lambda: config(tmp_path, retry={"attempts": 7})), systemd=asker)
    here.reload.request()
    engine: Any = Engine()

    Daemon(here, WarmEngine(engine, wiring.policies(old))).run()

    assert asker.found[0] == ("ok", "0 in progress, no scan yet")


@pytest.mark.slow
def test_a_change_at_once_remembers_what_the_folders_stood_on(tmp_path: Path) -> None:
    """Else a share that goes just then would be taken for its mount point."""
    old = config(tmp_path)
    here = process_of(old, lambda: config(tmp_path, min_free_megabytes=7))
    engine: Any = Engine()
    daemon = Daemon(here, WarmEngine(engine, wiring.policies(old)))
    before: Any = here.reload.volumes
    here.reload.request()

    daemon.run()

    assert here.reload.volumes is before
    assert before.min_free_bytes == 7_000_000


def fails(*_: object) -> None:
    raise OSError(98, "Address already in use")


def test_workers_that_came_warm_end_with_rooms_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "monitoring_server", fails)
    engine: Any = Engine()
    daemon = Daemon(process_of(config(tmp_path)), WarmEngine(engine, FolderRules(policy())))

    with pytest.raises(OSError, match="in use"):
        daemon.run()

    assert engine.stops == 1


def test_workers_that_were_stopped_are_not_handed_to_the_rooms_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config whose rooms cannot be built, between two that can."""
    good = config(tmp_path)
    engine: Any = Engine()
    here, warm, given = process_of(good), WarmEngine(engine, FolderRules(policy())), []

    class Built:
        def __init__(self, _: ProcessContext, kept: WarmEngine | None) -> None:
            given.append(kept)
            self.warm = warm
            if len(given) == 2:
                fails()

        def run(self) -> bool:
            here.reload.apply(Changes(good, {}, {}))
            return len(given) == 3

    monkeypatch.setattr(process, "Daemon", Built)

    process._run_daemons(here)

    assert (given, engine.stops) == ([None, warm, None], 1)
