"""Runs the daemon, and the next one after a reload or the loss of the ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import structlog

from daemon.config.settings import Config
from daemon.core import logs
from daemon.core.counters import Counters
from daemon.core.errors import LedgerLost, Misconfigured
from daemon.core.wakeup import WakeupPipe
from daemon.monitoring import heartbeat
from daemon.monitoring.systemd import SystemdNotifier
from daemon.supervisor import startup, state_folder
from daemon.supervisor.daemon import Daemon, ProcessContext, WarmEngine
from daemon.supervisor.instance_lock import hold_lock
from daemon.supervisor.reload import Reload
from daemon.supervisor.signals import Signals

log = structlog.get_logger()


def run(config: Config, load: Callable[[], Config]) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; Misconfigured if it cannot.

    `load` reads the config again at SIGHUP.
    """
    wakeup = WakeupPipe()
    signals = Signals(wakeup.notify)
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    if not startup.check(config, signals):
        return
    logs.set_up(
        config.folders.logs,
        config.logging.level,
        config.logging.file_megabytes * 1024**2,
        config.logging.files,
        config.logging.format,
    )
    state_folder.tighten(config)
    reload = Reload(config, load, wakeup.notify)
    process = ProcessContext(
        wakeup, signals, reload, SystemdNotifier.from_environment(), Counters()
    )
    while True:
        state = config.folders.state
        with hold_lock(state), heartbeat.removed_at_end(state):
            try:
                _run_daemons(process)
            except LedgerLost as error:  # the next daemon rebuilds it, and finds the claims
                log.error("ledger.lost", path=str(error.value), reason=error.remedy)
                continue
            return


def _run_daemons(process: ProcessContext) -> None:
    """Run one daemon after another, each under the config in force, until told to stop."""
    warm: WarmEngine | None = None
    while True:
        heartbeat.begin(process.reload.running.folders.state)  # loading the model takes seconds
        process.systemd.status("starting: the model is being loaded")
        try:
            daemon = Daemon(process, warm)
            warm = None  # owned by the daemon now
            is_over = daemon.run()
        except LedgerLost:
            raise
        except (Misconfigured, OSError) as error:
            if process.signals.stops or not process.reload.fall_back(error, time.monotonic()):
                raise
            continue
        finally:
            if warm:
                warm.engine.close()
                warm = None
        if is_over:
            return
        warm = daemon.warm
