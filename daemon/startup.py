"""The look at everything before the start, told of where a folder does not answer.

A share whose server is gone makes the very first look wait in the kernel: the daemon says so, waits
as long as it takes, and ends when it is told to.
"""

from __future__ import annotations

from concurrent.futures import wait

import structlog

from daemon import environment, heap
from daemon.aside import PATIENCE_SECONDS, Aside
from daemon.config import Config
from daemon.signals import Signals

log = structlog.get_logger()

_LOOK_SECONDS = 1.0  # in which a folder that answers has answered


def is_fit(config: Config, signals: Signals) -> bool:
    """Refuse what is fatal, by Misconfigured; False where the daemon was told to end meanwhile."""
    aside = Aside("start")
    look = aside.begin(lambda: environment.refuse_fatal(config))
    while not wait([look], PATIENCE_SECONDS).done:
        if signals.stops:
            return False
        log.warning("start.waits", why=f"{_silent(config)} does not answer; restore the share")
    look.result()
    aside.end()
    heap.trim()
    return True


def _silent(config: Config) -> str:
    """Return which folders do not answer now."""
    looks = {
        f"{folder} (folders.{name})": Aside(name).begin(folder.exists)
        for name, folder in config.folders
    }
    wait(looks.values(), _LOOK_SECONDS)
    return ", ".join(name for name, look in looks.items() if not look.done()) or "a folder"
