"""`ocr-daemon retention`: which originals would be removed now; removes nothing."""

from __future__ import annotations

import time

from daemon.cli.report import Report, no_ledger
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.logs import escape_controls
from daemon.inbox.retention import expired_originals
from daemon.supervisor.wiring import retention_folders, retentions


def retention(config: Config) -> Report:
    """Report what retention would remove now: a line for each original, and the total."""
    if all(retention.keeps_everything for retention in retentions(config).values):
        text = "every original is kept for ever: retention has no limit"
        return Report(text, {"has_limits": False, "expired": [], "bytes": 0})
    if not config.ledger_file.exists():
        return no_ledger(config)
    expired = list(expired_originals(retention_folders(config), config.ledger_file, time.time()))
    total = sum(each.original.bytes for each in expired)
    lines = [
        f"{escape_controls(f'{each.folder}/{each.original.name}')}  "
        f"answered {each.answered_at}, {each}"
        for each in expired
    ]
    lines.append(f"{len(expired)} originals, {total / 1e6:.1f} MB, would be removed now")
    values = [
        {
            "folder": each.folder, "name": fs.to_unicode(each.original.name),
            "bytes": each.original.bytes, "answered_at": each.answered_at, "reason": each.reason,
        }
        for each in expired
    ]  # fmt: skip
    return Report("\n".join(lines), {"has_limits": True, "expired": values, "bytes": total})
