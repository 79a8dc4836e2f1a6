"""The rooms of one process built anew, one config after the other: what is handed on, what is not.

Of the daemon only its seams are pretended here; tests/test_reload.py has it as a process.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon import environment, rooms
from daemon import run as process
from daemon.bell import Bell
from daemon.config import Config, load
from daemon.notify import Notify
from daemon.reload import Changes, Reload
from daemon.running import Daemon, Process
from daemon.tally import Tally
from tests.house import House


class Engine:
    """Workers that are warm already; the test asks whether they were stopped."""

    free = slots = 2
    sandbox = "off"

    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


def process_of(config: Config) -> Process:
    bell = Bell()
    reload = Reload(config, lambda: config, bell.ring)
    signals: Any = SimpleNamespace(stops=0, take_reload=lambda: False)
    return Process(bell, signals, reload, Notify(), Tally())


def config(root: Path, **values: Any) -> Config:
    made = load(House(root, **values).config)
    environment.refuse_fatal(made)
    return made


def fails(*_: object) -> None:
    raise OSError(98, "Address already in use")


def test_workers_that_came_warm_end_with_rooms_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "endpoint", fails)
    engine: Any = Engine()
    daemon = Daemon(process_of(config(tmp_path)), engine)

    with pytest.raises(OSError, match="in use"):
        daemon.run()

    assert engine.stops == 1


def test_workers_that_were_stopped_are_not_handed_to_the_rooms_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config whose rooms cannot be built, between two that can."""
    good = config(tmp_path)
    here, warm, given = process_of(good), Engine(), []

    class Built:
        warm_engine = warm

        def __init__(self, _: Process, engine: Engine | None) -> None:
            given.append(engine)
            if len(given) == 2:
                fails()

        def run(self) -> bool:
            here.reload.take(Changes(good, {}, {}))
            return len(given) == 3

    monkeypatch.setattr(process, "Daemon", Built)

    process._live(here)

    assert (given, warm.stops) == ([None, warm, None], 1)
