"""`ocr-daemon retention`: which originals would be removed now; removes nothing."""

from __future__ import annotations

import time

from daemon.cli.ledger_access import no_ledger
from daemon.config.settings import Config
from daemon.inbox.retention import plan
from daemon.supervisor.ledger_recovery import ledger_path
from daemon.supervisor.wiring import retention_folders, retentions


def retention(config: Config) -> str:
    """Return what retention would remove now, a line each."""
    if all(retention.keeps_all for retention in retentions(config).values):
        return "every original is kept for ever: retention has no limit"
    if not ledger_path(config).exists():
        return no_ledger(config)
    return plan(retention_folders(config), ledger_path(config), time.time())
