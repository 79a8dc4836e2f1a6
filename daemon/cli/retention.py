"""`ocr-daemon retention`: which originals would be removed now; removes nothing."""

from __future__ import annotations

import time

from daemon.cli.messages import no_ledger
from daemon.config.settings import Config
from daemon.inbox.retention import preview
from daemon.supervisor.wiring import retention_folders, retentions


def retention(config: Config) -> str:
    """Return what retention would remove now, a line each."""
    if all(retention.keeps_everything for retention in retentions(config).values):
        return "every original is kept for ever: retention has no limit"
    if not config.ledger_file.exists():
        return no_ledger(config)
    return preview(retention_folders(config), config.ledger_file, time.time())
