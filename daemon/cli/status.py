"""`ocr-daemon status`: what the ledger contains, and how many files wait."""

from __future__ import annotations

import contextlib
import time

from daemon.cli.messages import no_ledger
from daemon.config.settings import Config
from daemon.core.logs import escape_controls
from daemon.inbox.claims.modes import CLAIM_MODES
from daemon.ledger.deliveries import Deliveries
from daemon.ledger.ledger import Ledger
from daemon.supervisor.wiring import scanner


def status(config: Config) -> str:
    """Return the counts of the ledger, a line each, and the files that wait in the inbox."""
    if not config.ledger_file.exists():
        return no_ledger(config)
    ledger = Ledger(config.ledger_file, read_only=True)
    counts = ledger.counts()
    waiting, oldest = _waiting(config, ledger)
    ledger.close()
    statuses = ("done", "partial", "failed", "duplicate", "in_progress")
    rows = {status.replace("_", " "): counts.get(status, 0) for status in statuses}
    rows["waiting"] = waiting
    lines = [f"{status:<12} {number}" for status, number in rows.items()]
    if oldest is not None:
        lines.append(f"oldest       {oldest}")
    if notifications := _notifications(config):
        lines.append(f"hooks        {notifications}")
    return "\n".join(lines)


def _waiting(config: Config, ledger: Ledger) -> tuple[int, str | None]:
    """Return how many files wait and the one with the oldest modification time, with its age."""
    listing = CLAIM_MODES[config.claim].unanswered(scanner(config).scan().files, ledger)
    if not listing:
        return 0, None
    name, stamp = min(listing.items(), key=lambda item: item[1].modified_ns)
    age = max(0.0, time.time() - stamp.modified_ns / 1e9)
    return len(listing), f"{escape_controls(name)} ({age:.0f} s)"


def _notifications(config: Config) -> str:
    """Return the counts of all notifications, an empty string where there are no hooks."""
    with contextlib.closing(Deliveries(config.ledger_file, read_only=True)) as deliveries:
        counts = deliveries.counts_by_hook().values()
    if not counts and not config.all_hooks:
        return ""
    delivered = sum(each.delivered for each in counts)
    waiting, dead = sum(each.waiting for each in counts), sum(each.dead for each in counts)
    hint = " (see `ocr-daemon hooks`)" if dead else ""
    return f"{delivered} delivered, {waiting} waiting, {dead} dead{hint}"
