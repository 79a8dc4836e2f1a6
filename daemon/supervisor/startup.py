"""The look at everything before the start, told of where a folder does not answer.

A share whose server is gone makes the very first look wait in the kernel: the daemon says so, waits
as long as it takes, and ends when it is told to.
"""

from __future__ import annotations

from concurrent.futures import Future, wait

import structlog

from daemon.config.settings import Config
from daemon.core import malloc
from daemon.core.io_thread import CALL_TIMEOUT_SECONDS, IoThread
from daemon.supervisor import preflight
from daemon.supervisor.signals import Signals

log = structlog.get_logger()

_LOOK_SECONDS = 1.0  # in which a folder that answers has answered


def is_fit(config: Config, signals: Signals) -> bool:
    """Refuse what is fatal, by Misconfigured; False where the daemon was told to end meanwhile."""
    io_thread = IoThread("start")
    look = io_thread.start(lambda: preflight.refuse_fatal(config))
    if not wait([look], CALL_TIMEOUT_SECONDS).done and not _is_waited_out(look, config, signals):
        return False
    look.result()
    io_thread.stop()
    malloc.trim()
    return True


def _is_waited_out(look: Future[None], config: Config, signals: Signals) -> bool:
    """Return when the look has come back, True, or when the daemon is told to end; say meanwhile
    which folders do not answer, once for each change.
    """
    asides = {name: IoThread(name) for name, _ in config.folders}
    answers = {name: asides[name].start(folder.exists) for name, folder in config.folders}
    wait(answers.values(), _LOOK_SECONDS)
    said = None
    while not look.done():
        if signals.stops:
            return False
        silent = [name for name, answer in answers.items() if not answer.done()]
        if silent != said:
            said = silent
            which = [f"{getattr(config.folders, name)} (folders.{name})" for name in silent]
            why = f"{', '.join(which) or 'a file'} does not answer; restore the share"
            log.warning("start.waiting", reason=why)
        wait([look], _LOOK_SECONDS)
    for each in asides.values():
        each.stop()
    return True
