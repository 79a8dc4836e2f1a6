"""From a Config to a running daemon, and to the next one: a new config, or a ledger made anew."""

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
from daemon.supervisor import startup
from daemon.supervisor.daemon import Daemon, ProcessContext, WarmPool
from daemon.supervisor.instance_lock import alone
from daemon.supervisor.reload import Reload
from daemon.supervisor.signals import Signals

log = structlog.get_logger()


def run(config: Config, load: Callable[[], Config]) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; Misconfigured if it cannot.

    At SIGHUP the config is read anew, by `load`.
    """
    wakeup = WakeupPipe()
    signals = Signals(wakeup.notify)
    if config.permissions.umask is not None:
        os.umask(int(config.permissions.umask, 8))
    if not startup.is_fit(config, signals):
        return
    logs.set_up(
        config.folders.logs,
        config.logging.level,
        config.logging.file_megabytes * 1024**2,
        config.logging.files,
    )
    reload = Reload(config, load, wakeup.notify)
    process = ProcessContext(
        wakeup, signals, reload, SystemdNotifier.from_environment(), Counters()
    )
    while True:
        state = config.folders.state
        with alone(state), heartbeat.removed_at_end(state):
            try:
                _live(process)
            except LedgerLost as error:  # opened anew, what is in work is found in its folder
                log.error("ledger.lost", path=str(error.value), reason=error.remedy)
                continue
            return


def _live(process: ProcessContext) -> None:
    """Build the rooms and run them, again with each new config, until told to stop."""
    warm: WarmPool | None = None
    while True:
        heartbeat.begin(process.reload.running.folders.state)  # loading the model takes seconds
        process.systemd.status("starting: the model is being loaded")
        try:
            daemon = Daemon(process, warm)
            warm = None  # the daemon's now
            is_over = daemon.run()
        except LedgerLost:
            raise
        except (Misconfigured, OSError) as error:
            if process.signals.stops or not process.reload.fall_back(error, time.monotonic()):
                raise
            continue
        finally:
            if warm:
                warm.engine.stop()
                warm = None
        if is_over:
            return
        warm = daemon.warm
