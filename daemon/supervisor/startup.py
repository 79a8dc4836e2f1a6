"""Runs the checks before the start, and reports folders that do not answer meanwhile.

A share whose server is gone makes the first access wait in the kernel: the daemon logs which folder
does not answer, waits as long as it takes, and ends when it is told to.
"""

from __future__ import annotations

from concurrent.futures import Future, wait

import structlog

from daemon.config.settings import Config
from daemon.core import malloc
from daemon.core.io_thread import PATIENCE_SECONDS, IoThread
from daemon.supervisor import preflight
from daemon.supervisor.signals import Signals

log = structlog.get_logger()

_POLL_SECONDS = 1.0  # in which a folder that answers has answered


def check(config: Config, signals: Signals) -> bool:
    """Create and check folders, by Misconfigured; False where the daemon was told to end."""
    io_thread = IoThread("start")
    checks = io_thread.begin(lambda: preflight.prepare(config))
    if not wait([checks], PATIENCE_SECONDS).done and not _have_ended(checks, config, signals):
        return False
    checks.result()
    io_thread.end()
    malloc.trim()
    return True


def _have_ended(checks: Future[None], config: Config, signals: Signals) -> bool:
    """Wait for the checks and return True, or False when the daemon is told to end.

    Meanwhile log which folders do not answer, once for each change.
    """
    threads = {name: IoThread(name) for name, _ in config.folders}
    answers = {name: threads[name].begin(folder.exists) for name, folder in config.folders}
    wait(answers.values(), _POLL_SECONDS)
    reported = None
    while not checks.done():
        if signals.stops:
            return False
        silent = [name for name, answer in answers.items() if not answer.done()]
        if silent != reported:
            reported = silent
            folders = [f"{getattr(config.folders, name)} (folders.{name})" for name in silent]
            reason = f"{', '.join(folders) or 'a file'} does not answer; restore the share"
            log.warning("start.waiting", reason=reason)
        wait([checks], _POLL_SECONDS)
    for thread in threads.values():
        thread.end()
    return True
